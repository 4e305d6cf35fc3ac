import { readFile } from "node:fs/promises";

import { wasmFrom } from "./load.js";

// The `fetch` of Node reads no files.
wasmFrom(() => readFile(new URL("./wasm/tokenway_bg.wasm", import.meta.url)));

export { type NodeOptions, nodeWorld } from "./worlds/node.js";
