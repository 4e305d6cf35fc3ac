export { type Area, extensionStore } from "./store/chrome_storage.js";
export { indexedDbStore } from "./store/indexed_db.js";
export { memoryStore } from "./store/memory.js";
