// What is in the module, and what the package is made of.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startPeer } from '../peer.mjs';
import { logIn } from '../person.mjs';

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

test('a new project that installs the packed package logs in by the lines of its README', async () => {
  const peer = await startPeer();
  const project = mkdtempSync(join(tmpdir(), 'tokenway-project-'));
  const npm = (...args) => execFileSync('npm', args, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [{ filename, files }] = JSON.parse(npm('pack', join(wasm, 'pkg'), '--json'));
    assert.ok(files.some(({ path }) => path === 'wasm/tokenway_bg.wasm') && files.some(({ path }) => path === 'README.md'));
    writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
    npm('install', '--no-audit', '--no-fund', '--offline', `./${filename}`);
    const readme = readFileSync(join(project, 'node_modules/tokenway/README.md'), 'utf8');
    const [, lines] = /```ts\n\/\/ cli\.ts\n(.*?)```/s.exec(readme);
    const here = lines.replace('https://as.example', peer.issuer).replace('my-client', 'native').replace('https://api.example', peer.issuer);
    writeFileSync(join(project, 'main.js'), `${here}\nconsole.log('the API answered', answer.status);\n`);
    const program = spawn(process.execPath, ['main.js'], { cwd: project, env: { ...process.env, BROWSER: 'true' } });
    let said = '';
    let asked;
    for (const output of [program.stdout, program.stderr]) {
      output.on('data', (text) => {
        said += text;
        asked ??= /http\S+\/auth\?\S+/.test(said) ? logIn(/http\S+\/auth\?\S+/.exec(said)[0]) : undefined;
      });
    }
    const [code] = await once(program, 'exit');
    assert.equal(code, 0, said);
    assert.match(said, /the API answered 200/);
    const { exchanges, revocations } = await peer.counts();
    assert.deepEqual({ exchanges, ended: revocations > 0 }, { exchanges: 1, ended: true });
  } finally {
    await peer.stop();
    rmSync(project, { recursive: true, force: true });
  }
});
