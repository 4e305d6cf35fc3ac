// Runs the tests of a Rust crate that was compiled to WebAssembly: `node wasi.mjs TESTS.wasm [libtest's arguments]`.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [, , module, ...args] = process.argv;
const wasi = new WASI({ version: 'preview1', args: [module, ...args] });
const { instance } = await WebAssembly.instantiate(readFileSync(module), wasi.getImportObject());
process.exitCode = wasi.start(instance);
