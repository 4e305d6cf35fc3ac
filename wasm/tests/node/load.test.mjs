// Where the WebAssembly module comes from.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Client, heard, memoryStore, Session, wasmFrom } from '../../pkg/index.js';

test('a redirect is kept before the module is there', async () => {
  const store = memoryStore();
  const name = 'tokenway:login:["https://as.example","native","default"]';
  await store.texts.set(name, JSON.stringify({ login: 'one', begun: false, snapshot: '', redirectUri: 'http://127.0.0.1:49100/callback', redirects: [] }));
  let told;
  const login = { attach: (_config, listener) => (told = listener), listen: async ([first]) => first, open: async () => true };
  new Client({ issuer: 'https://as.example', client_id: 'native' }, { store, login });
  const redirect = heard('http://127.0.0.1:49100/callback?code=c&state=s');
  assert.equal(await told.redirected(redirect, 'another'), false);
  assert.equal(await told.redirected(redirect, 'one'), true);
  assert.deepEqual(JSON.parse(await store.texts.get(name)).redirects, [redirect]);
  await store.texts.remove(name);
});

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
