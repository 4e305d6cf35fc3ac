// A context dies before and after every action of a login, a renewal and a logout, as a thread that is terminated; another
// one goes on with what it left.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Client, TextStore } from '../../pkg/index.js';
import { nodeWorld } from '../../pkg/node.js';
import { ContextLocks } from '../../pkg/store/locks.js';
import { MemoryTexts } from '../../pkg/store/memory.js';
import { startPeer } from '../peer.mjs';
import { logIn } from '../person.mjs';

const LOGIN = ['fetch', 'listen', 'open URL', 'await callback', 'begin', 'post form', 'save'];
const RENEWAL = ['load', 'lock', 'load', 'note', 'post form', 'save', 'unlock'];
const LOGOUT = ['load', 'save', 'post form', 'post form', 'delete'];

const points = (flow, actions) =>
  actions.flatMap((action, step) => ['before', 'after'].map((when) => ({ step, action, when, name: `${flow} ${step} ${action} ${when}` })));

/** A server of its own: it counts. */
function ownPeer() {
  const peer = {};
  before(async () => Object.assign(peer, await startPeer({ AT_TTL: '600' })));
  beforeEach(() => peer.reset());
  after(() => peer.stop());
  return peer;
}

/** What outlives contexts. */
class Ground {
  texts = new MemoryTexts();
  locks = new ContextLocks();

  constructor({ issuer }) {
    this.config = { issuer, client_id: 'native', timing: { reject_interval: 0 } };
  }

  /** A client in this thread; the person comes once, when they are shown an address. */
  client(person = { come: (url) => logIn(url) }) {
    const show = (url) => {
      person.came ??= person.come(url).catch((error) => error);
    };
    return new Client(this.config, nodeWorld({ store: new TextStore(this.texts, this.locks), show, open: () => true }));
  }

  /** Runs a call in a context of its own, which dies at that point. */
  async dies(call, argument, point, opened = () => undefined) {
    const gate = new SharedArrayBuffer(4);
    const workerData = { config: this.config, call, argument, stop: point, gate };
    const context = new Worker(new URL('context.mjs', import.meta.url), { workerData });
    const held = new Map();
    const seen = [];
    const perform = {
      get: (name) => this.texts.get(name),
      set: (name, text) => this.texts.set(name, text),
      remove: (name) => this.texts.remove(name),
      open: (url) => opened(url) ?? true,
      hold: async (name, wait) => {
        const release = await this.locks.hold(name, wait);
        if (release) held.set(name, release);
        return release && name;
      },
      release: (name) => {
        held.get(name)?.();
        held.delete(name);
      },
    };
    const reached = new Promise((resolve, reject) => {
      context.on('error', reject);
      context.on('message', async ({ id, what, of }) => {
        if (what === 'point') seen.push(of[0]);
        if (what === 'point' && of[0] === point) resolve();
        if (what === 'ended') reject(new Error(`it ended before ${point}: ${of[0]}; ${seen.join(', ')}`));
        if (!perform[what]) return;
        const answer = await Promise.resolve(perform[what](...of)).then((value) => ({ value }), (error) => ({ error: String(error) }));
        if (id !== undefined) context.postMessage({ id, ...answer });
      });
    });
    await reached.finally(() => context.terminate());
    // As the locks of a browser do, these end with their context.
    for (const release of held.values()) release();
  }
}

// Most of their time they wait.
describe('a context that dies', { concurrency: true }, () => {
  describe('before an action of a renewal', { concurrency: false }, () => renewals('before'));
  describe('after an action of a renewal', { concurrency: false }, () => renewals('after'));
  describe('in a login', { concurrency: false }, logins);
  describe('in a logout', { concurrency: false }, logouts);
});

function renewals(when) {
  const peer = ownPeer();
  /** It goes on unless the answer was lost with the context. */
  const goesOn = ({ action }) => !((action === 'post form' && when === 'after') || (action === 'save' && when === 'before'));

  for (const point of points('get_token', RENEWAL).filter((point) => point.when === when)) {
    test(`survives, or says so, when its context dies ${when} "${point.action}" (${point.step})`, async () => {
      const ground = new Ground(peer);
      const client = ground.client();
      await client.login();
      const rejected = (await client.token()).accessToken;
      await peer.reset();
      await ground.dies('token', { rejected }, point.name);
      const end = await client.token({ rejected }).catch((error) => error);
      const { refreshes, reuses } = await peer.counts();
      assert.equal(refreshes, 1);
      if (goesOn(point)) {
        assert.ok(end.accessToken && end.accessToken !== rejected, String(end));
        assert.equal(reuses, 0);
      } else {
        assert.equal(end.name, 'LogInError');
        assert.match(end.message, /the new refresh token was lost on the way, which no client can prevent/);
      }
    });
  }
}

function logins() {
  const peer = ownPeer();
  const begin = LOGIN.indexOf('begin');
  const goesOn = ({ step, action, when }) => step < begin || (action === 'begin' && when === 'before') || (action === 'save' && when === 'after');
  const isBeforeTheWait = ({ step, when }) => step < begin - 1 || (step === begin - 1 && when === 'before');

  for (const point of points('login', LOGIN)) {
    test(`survives, or says so, when its context dies ${point.when} "${point.action}"`, async () => {
      const ground = new Ground(peer);
      const person = { come: (url) => logIn(url) };
      // Up to the wait nobody has come back yet: the person logs in while nobody is there.
      await ground.dies('login', {}, point.name, (url) => {
        if (!isBeforeTheWait(point)) person.came = logIn(url).catch((error) => error);
      });
      const client = ground.client(person);
      const end = await client.resume().catch((error) => error);
      const { exchanges, exchange_errors: errors } = await peer.counts();
      assert.equal(errors, 0, 'a code was spent twice');
      const { login } = await client.status();
      if (goesOn(point)) {
        assert.equal(end?.claims?.sub, 'alice', String(end));
        assert.equal(exchanges, 1);
        assert.equal(login.claims.sub, 'alice');
      } else {
        assert.match(String(end), /interrupted after its code was on its way/);
        assert.equal(login, undefined);
        assert.equal((await client.status()).underWay, false);
        assert.equal((await ground.client().login()).claims.sub, 'alice');
      }
    });
  }
}

function logouts() {
  const peer = ownPeer();
  for (const point of points('logout', LOGOUT)) {
    test(`leaves the login or none at all when its context dies ${point.when} "${point.action}" (${point.step})`, async () => {
      const ground = new Ground(peer);
      const client = ground.client();
      await client.login();
      const { accessToken } = await client.token();
      await ground.dies('logout', {}, point.name);
      const marked = point.step > LOGOUT.indexOf('save') || (point.action === 'save' && point.when === 'after');
      const end = await client.token().catch((error) => error);
      if (marked) assert.equal(end.code, 'no_credential', String(end));
      else assert.equal(end.accessToken, accessToken, String(end));
      await client.logout();
      assert.equal((await client.status()).login, undefined);
      assert.ok((await peer.counts()).revocations > 0);
    });
  }
}
