// Builds the npm package into pkg/: `node build.mjs`. Needs rustup's wasm32-unknown-unknown and rust-src, and `npm ci` in this folder.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { namedByLikeness } from './order.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
process.chdir(here);
const target = process.env.CARGO_TARGET_DIR ?? '../target';
const generated = 'ts/wasm';

const run = (command, ...args) => {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  } catch (error) {
    const missing = command === 'cargo' ? 'install Rust by rustup' : 'npm ci in this folder';
    const advice = error.code === 'ENOENT' ? `${command} is missing: ${missing}` : `${command} failed`;
    console.error(`build: ${advice}`);
    process.exit(1);
  }
};

const bindgen = `${target}/bindgen`;
run('cargo', 'build', '--locked', '--manifest-path', 'bindgen/Cargo.toml', '--target-dir', bindgen);

// The standard library is built along, for size and without the texts of panics: a fifth of the module is saved. That is an
// unstable part of a stable compiler, which only RUSTC_BOOTSTRAP opens.
Object.assign(process.env, {
  RUSTC_BOOTSTRAP: '1',
  RUSTFLAGS: '-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none -Zinline-mir=yes -Zinline-mir-threshold=40 -Zinline-mir-hint-threshold=60',
});
run('cargo', 'build', '--release', '--locked', '--target', 'wasm32-unknown-unknown', '--target-dir', `${target}/npm`,
  '-Zbuild-std=std,panic_abort', '-Zbuild-std-features=optimize_for_size');
rmSync(generated, { recursive: true, force: true });
run(`${bindgen}/debug/tokenway-bindgen`, `${target}/npm/wasm32-unknown-unknown/release/tokenway_wasm.wasm`, generated);
// The types of most compilers' libraries have no Symbol.dispose, and nobody needs it here; the raw exports are nobody's business.
rewrite(`${generated}/tokenway.d.ts`, (types) => types
  .replace(/^ *\[Symbol\.dispose\].*\n/gm, '')
  .replace(/export interface InitOutput \{[^}]*\}/, 'export type InitOutput = unknown;'));
rmSync(`${generated}/tokenway_bg.wasm.d.ts`);
const presets = readFileSync('../core/src/provider/presets/codex.json', 'utf8');
writeFileSync(`${generated}/presets.js`, `export const PRESETS = ${JSON.stringify(JSON.parse(presets))};\n`);
writeFileSync(`${generated}/presets.d.ts`, 'export declare const PRESETS: import("../machine.js").Provider[];\n');
// Beside the glue: a bundler leaves both in one file, and then both look for the module in one place.
writeFileSync(`${generated}/place.js`, 'export const PLACE = new URL("tokenway_bg.wasm", import.meta.url);\n');
writeFileSync(`${generated}/place.d.ts`, 'export declare const PLACE: URL;\n');
shrink(`${generated}/tokenway_bg.wasm`, `${generated}/tokenway.js`);
run('node_modules/.bin/tsc', '-p', 'tsconfig.json');
cpSync(generated, 'pkg/wasm', { recursive: true });
run('node_modules/.bin/esbuild', 'pkg/wasm/tokenway.js', '--minify', '--format=esm', '--outfile=pkg/wasm/tokenway.js', '--allow-overwrite', '--log-level=warning');
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const { devDependencies, scripts, ...published } = manifest;
published.main = './index.js';
published.types = './index.d.ts';
published.exports = exportsOf(['.', './callback', './conformance', './extension', './node', './page', './stores']);
published.exports['./tokenway_bg.wasm'] = './wasm/tokenway_bg.wasm';
writeFileSync('pkg/package.json', `${JSON.stringify(published, undefined, 2)}\n`);
copyFileSync('README.md', 'pkg/README.md');
for (const license of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(`../${license}`, `pkg/${license}`);

/**
 * Fewer bytes on the wire: what gzip makes of the module counts, not its size. Functions that are inlined into their only
 * caller and values that are kept for later compress worse than what they replace, and functions that are alike compress
 * better side by side. The names of imports and exports stand in the module and in its glue; both get short ones. Not
 * --all-features: it writes encodings that engines refuse.
 */
function shrink(module, glue) {
  const names = JSON.parse(execFileSync('node_modules/.bin/wasm-opt', [
    '-Oz', '--one-caller-inline-max-function-size', '0', '--skip-pass=local-cse', '--skip-pass=simplify-locals', '--strip-producers',
    '--minify-imports-and-exports-and-modules', '-o', module, module,
  ], { encoding: 'utf8' }));
  writeFileSync(module, namedByLikeness(readFileSync(module)));
  run('node_modules/.bin/wasm-opt', '--reorder-functions-by-name', '--strip-debug', '--strip-target-features', '-o', module, module);
  rewrite(glue, (text) => {
    let short = text.replace('"./tokenway_bg.js": import0', 'a: import0');
    for (const [, long, name] of names.imports) short = short.replace(` ${long}: function`, ` ${name}: function`);
    for (const [long, name] of names.exports) short = short.replaceAll(new RegExp(`\\bwasm\\.${long}\\b`, 'g'), `wasm.${name}`);
    return short;
  });
}

function rewrite(file, change) {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

function exportsOf(names) {
  return Object.fromEntries(names.map((name) => {
    const file = name === '.' ? './index' : name;
    return [name, { types: `${file}.d.ts`, default: `${file}.js` }];
  }));
}
