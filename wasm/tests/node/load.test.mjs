// Where the WebAssembly module comes from.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Client, memoryStore, Session, wasmFrom } from '../../pkg/index.js';

test('a module that cannot be loaded is said to be so, and is tried again', async () => {
  const client = new Client({ issuer: 'https://as.example', client_id: 'native' }, { store: memoryStore() });
  await assert.rejects(client.status(), { name: 'ConfigurationError', message: /WebAssembly module cannot be loaded.*tokenway\/node/ });
  wasmFrom(async () => new Uint8Array([1, 2, 3]));
  await assert.rejects(Session.load(), { name: 'ConfigurationError' });
  wasmFrom(() => readFile(new URL('../../pkg/wasm/tokenway_bg.wasm', import.meta.url)));
  assert.equal((await client.status()).login, undefined);
});

test('a context without a place for logins gets tokens, and says where to log in', async () => {
  const client = new Client({ issuer: 'https://as.example', client_id: 'native' }, { store: memoryStore() });
  await assert.rejects(client.login(), { name: 'ConfigurationError', message: /nobody can log in from this context/ });
  assert.equal(await client.resume(), undefined);
  await assert.rejects(client.token(), { name: 'LogInError' });
  assert.deepEqual(await client.logout(), { revoked: { revoked: 'not_tried' } });
});
