// The WebAssembly module: fetched once, when it is first needed.

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
  loading ??= init(source ? { module_or_path: source() as BufferSource } : undefined).then(
    () => raw,
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}
