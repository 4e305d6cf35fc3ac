// The WebAssembly module: fetched once, when it is first needed.

import { ConfigurationError } from "./errors.js";
import { PLACE } from "./wasm/place.js";
import init, * as raw from "./wasm/tokenway.js";

export type Module = typeof raw;
type Source = Parameters<typeof init>[0] extends infer T ? Exclude<T, undefined> | Promise<BufferSource> : never;

let source: (() => Source) | undefined;
let loading: Promise<Module> | undefined;

/** Where the module comes from, when it does not lie beside this file. To be called before anything is used. */
export function wasmFrom(from: () => Source): void {
  source = from;
}

/** The module, ready. A try that failed is made again by the next caller. */
export function load(): Promise<Module> {
  loading ??= start().then(
    () => raw,
    (error: unknown) => {
      loading = undefined;
      throw unloadable(error);
    },
  );
  return loading;
}

async function start(): Promise<unknown> {
  if (source) return init({ module_or_path: source() as BufferSource });
  return import.meta.url.startsWith("moz-extension:") ? startAtOnce() : init();
}

/**
 * Firefox cuts a module up for its helper threads, which costs a small one more than it wins; and while a background starts
 * each turn of its loop is long.
 */
async function startAtOnce(): Promise<unknown> {
  const answer = await fetch(PLACE);
  return raw.initSync({ module: await answer.arrayBuffer() });
}

function unloadable(error: unknown): ConfigurationError {
  const advice = "Put tokenway_bg.wasm where the program's modules look for it, or call wasmFrom(); in Node import tokenway/node.";
  const detail = error instanceof Error ? error.message : String(error);
  return new ConfigurationError("unable", `the WebAssembly module cannot be loaded: ${detail}. ${advice}`, undefined, undefined, advice);
}
