export { type PageOptions, pageWorld } from "./worlds/page.js";
export { indexedDbStore } from "./store/indexed_db.js";
