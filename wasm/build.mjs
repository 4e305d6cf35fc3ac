// Builds the npm package into pkg/: `node build.mjs`. Needs rustup's wasm32-unknown-unknown and rust-src, wasm-bindgen of the version in
// Cargo.lock on the PATH, and `npm ci` in this folder.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
process.chdir(here);
const target = process.env.CARGO_TARGET_DIR ?? '../target';
const generated = 'ts/wasm';

const run = (command, ...args) => {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  } catch (error) {
    const missing = { cargo: 'install Rust by rustup', 'wasm-bindgen': 'cargo install wasm-bindgen-cli, of the version in wasm/Cargo.lock' };
    const advice = error.code === 'ENOENT' ? `${command} is missing: ${missing[command] ?? 'npm ci in this folder'}` : `${command} failed`;
    console.error(`build: ${advice}`);
    process.exit(1);
  }
};

// The standard library is built along, for size and without the texts of panics: a fifth of the module is saved. That is an
// unstable part of a stable compiler, which only RUSTC_BOOTSTRAP opens.
Object.assign(process.env, {
  RUSTC_BOOTSTRAP: '1',
  RUSTFLAGS: '-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none',
});
run('cargo', 'build', '--release', '--locked', '--target', 'wasm32-unknown-unknown', '--target-dir', `${target}/npm`,
  '-Zbuild-std=std,panic_abort', '-Zbuild-std-features=optimize_for_size');
rmSync(generated, { recursive: true, force: true });
run('wasm-bindgen', '--target', 'web', '--out-dir', generated, '--out-name', 'tokenway', `${target}/npm/wasm32-unknown-unknown/release/tokenway_wasm.wasm`);
// The types of most compilers' libraries have no Symbol.dispose, and nobody needs it here.
writeFileSync(`${generated}/tokenway.d.ts`, readFileSync(`${generated}/tokenway.d.ts`, 'utf8').replace(/^ *\[Symbol\.dispose\].*\n/gm, ''));
// Not --all-features: it writes encodings that engines refuse. What the module needs stands in it.
run('node_modules/.bin/wasm-opt', '-Oz', '--strip-producers', '--strip-target-features', '-o', `${generated}/tokenway_bg.wasm`, `${generated}/tokenway_bg.wasm`);
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

function exportsOf(names) {
  return Object.fromEntries(names.map((name) => {
    const file = name === '.' ? './index' : name;
    return [name, { types: `${file}.d.ts`, default: `${file}.js` }];
  }));
}
