// What is in the module, and what the package is made of.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const wasm = fileURLToPath(new URL('../..', import.meta.url));

/** Crates that may be linked; what the module does not call is not in it. */
const CRATES = [
  'allocator-api2', 'base64', 'block-buffer', 'bumpalo', 'cfg-if', 'cpufeatures', 'crypto-common', 'digest', 'form_urlencoded', 'futures-core',
  'futures-task', 'futures-util', 'generic-array', 'getrandom', 'idna', 'idna_adapter', 'itoa', 'js-sys', 'lock_api', 'memchr', 'once_cell',
  'percent-encoding', 'pin-project-lite', 'proc-macro2', 'quote', 'rustversion', 'scopeguard', 'serde', 'serde_core', 'serde_derive', 'serde_json',
  'sha2', 'slab', 'smallvec', 'subtle', 'syn', 'talc', 'tokenway-core', 'tokenway-wasm', 'typenum', 'unicode-ident', 'url', 'utf8_iter',
  'utf_types', 'wasm-bindgen', 'wasm-bindgen-futures', 'wasm-bindgen-macro', 'wasm-bindgen-macro-support', 'wasm-bindgen-shared',
  'zeroize', 'zmij',
];

test('no crate is linked that was not chosen: no oauth2, no chrono, no IDNA tables', () => {
  const tree = ['tree', '--locked', '--target', 'wasm32-unknown-unknown', '-e', 'normal', '--prefix', 'none', '--manifest-path', join(wasm, 'Cargo.toml')];
  const lines = execFileSync('cargo', tree, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim().split('\n');
  const crates = [...new Set(lines.map((line) => line.split(' ')[0]))];
  assert.deepEqual(crates.filter((name) => !CRATES.includes(name)), []);
  // The version without tables.
  assert.ok(lines.some((line) => line.startsWith('idna_adapter v1.0.0')));
});

test('the module imports nothing but its glue', () => {
  const module = new WebAssembly.Module(readFileSync(join(wasm, 'pkg/wasm/tokenway_bg.wasm')));
  const from = new Set(WebAssembly.Module.imports(module).map(({ module }) => module));
  assert.deepEqual([...from], ['a']);
});

test('the packed package is installed into a new project, and finds its module by itself', () => {
  const project = mkdtempSync(join(tmpdir(), 'tokenway-project-'));
  const npm = (...args) => execFileSync('npm', args, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [{ filename, files }] = JSON.parse(npm('pack', join(wasm, 'pkg'), '--json'));
    assert.ok(files.some(({ path }) => path === 'wasm/tokenway_bg.wasm') && files.some(({ path }) => path === 'README.md'));
    writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
    npm('install', '--no-audit', '--no-fund', '--offline', `./${filename}`);
    writeFileSync(join(project, 'main.js'), `
      import { Client, LogInError } from 'tokenway';
      import { nodeWorld } from 'tokenway/node';
      const client = new Client({ issuer: 'https://as.example', client_id: 'app' }, nodeWorld());
      await client.token().catch((error) => console.log(error instanceof LogInError, error.code));
    `);
    const said = execFileSync(process.execPath, ['main.js'], { cwd: project, encoding: 'utf8' });
    assert.equal(said.trim(), 'true no_credential');
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});
