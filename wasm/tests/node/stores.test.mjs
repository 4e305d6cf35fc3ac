// The stores that Node has, and the locks within one context.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { memoryStore, TextStore } from '../../pkg/index.js';
import { storeConformance } from '../../pkg/conformance.js';
import { MemoryTexts } from '../../pkg/store/memory.js';
import { ContextLocks } from '../../pkg/store/locks.js';

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('the memory store keeps the contract', () => storeConformance(memoryStore));

test('one memory store for all rules keeps the contract', async () => {
  const store = memoryStore();
  await storeConformance(() => store);
});

test('a store that breaks a rule is told its name', async () => {
  const broken = (change) => () => Object.assign(memoryStore(), change);
  const rules = [
    [{ load: async () => undefined }, /^what is not stored is null: no record/],
    [{ save: async () => 'saved' }, /^records come back as they were: /],
    [{ holds: () => true }, /^leases exclude: /],
    [{ unlock: async () => 'unlocked' }, /^keys are apart: |^leases exclude: /],
    [{ watch: () => () => undefined }, /^changes are told of: /],
    [{ describe: () => '' }, /^probes leave nothing: /],
    [{ lock: async () => Promise.reject(new Error('on fire')) }, /on fire/],
  ];
  for (const [change, message] of rules) await assert.rejects(storeConformance(broken(change)), { message });
});

test('two stores on one place share its locks and see each other\'s writes', async () => {
  const [texts, locks] = [new MemoryTexts(), new ContextLocks()];
  const stores = [new TextStore(texts, locks), new TextStore(texts, locks)];
  let next = 0;
  await storeConformance(() => stores[next++ % 2]);
  const key = { provider: 'p', client_id: 'c', account: 'a' };
  const { lease } = await stores[0].lock(key, 0);
  assert.ok('busy' in (await stores[1].lock(key, 10)));
  assert.equal(stores[1].holds(key, lease), false);
  assert.equal(await stores[1].unlock(key, lease), 'lost');
  assert.equal(await stores[0].unlock(key, lease), 'unlocked');
});

test('two stores on one place exclude each other though nobody gave them locks', async () => {
  const texts = new MemoryTexts();
  const [one, other] = [new TextStore(texts), new TextStore(texts)];
  const key = { provider: 'p', client_id: 'c', account: 'a' };
  const { lease } = await one.lock(key, 0);
  assert.ok('busy' in (await other.lock(key, 10)));
  assert.equal(await one.unlock(key, lease), 'unlocked');
});

test('a record that cannot be read is trouble, not absence', async () => {
  const store = memoryStore();
  const key = { provider: 'p', client_id: 'c', account: 'a' };
  for (const text of ['', '{', 'null', '[]', '{"login_id":1}']) {
    await store.texts.set('tokenway:record:["p","c","a"]', text);
    await assert.rejects(store.load(key), { name: 'IoTrouble', kind: 'unable' });
    await assert.rejects(store.delete(key, { login_id: 'x', generation: 1 }), { name: 'IoTrouble' });
  }
});

test('whoever asks first for a lock is first', async () => {
  const locks = new ContextLocks();
  const order = [];
  await Promise.all([3, 2, 1].map((turn) => locks.exclusive('name', async () => {
    await sleep(turn * 2);
    order.push(turn);
  })));
  assert.deepEqual(order, [3, 2, 1]);
});

test('one of many who wait holds a lock, and the next gets it when it is free', async () => {
  const locks = new ContextLocks();
  let holders = 0;
  const turns = Array.from({ length: 20 }, async () => {
    const release = await locks.hold('name', 5_000);
    assert.equal(++holders, 1);
    await sleep(1);
    holders--;
    release();
  });
  await Promise.all(turns);
});

test('a wait for a lock ends, and leaves nothing behind', async () => {
  const locks = new ContextLocks();
  const release = await locks.hold('name', 0);
  assert.equal(await locks.hold('name', 20), undefined);
  assert.equal(typeof (await locks.hold('another', 0)), 'function');
  release();
  assert.equal(typeof (await locks.hold('name', 0)), 'function');
});

test('work that throws gives its lock back', async () => {
  const locks = new ContextLocks();
  await assert.rejects(locks.exclusive('name', async () => Promise.reject(new Error('on fire'))), { message: 'on fire' });
  assert.equal(await locks.exclusive('name', async () => 'free'), 'free');
});
