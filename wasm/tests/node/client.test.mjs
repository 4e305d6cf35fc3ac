// A client on Node's fetch against a real authorization server, and what the network does to it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';

import { Client, heard, IoTrouble, MisuseError, moment, Session, TextStore, TokenwayError } from '../../pkg/index.js';
import { nodeWorld } from '../../pkg/node.js';
import { MemoryTexts } from '../../pkg/store/memory.js';
import { ContextLocks } from '../../pkg/store/locks.js';
import { startPeer } from '../peer.mjs';
import { logIn, walk } from '../person.mjs';

const realFetch = globalThis.fetch;
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let peer;
before(async () => {
  peer = await startPeer();
});
beforeEach(async () => {
  globalThis.fetch = realFetch;
  await peer.reset();
});
after(() => peer.stop());

/** Texts that can be looked at. */
class Texts extends MemoryTexts {
  names = new Set();

  async set(name, text) {
    this.names.add(name);
    await super.set(name, text);
  }

  async all() {
    const texts = {};
    for (const name of this.names) texts[name] = await this.get(name);
    return texts;
  }

  /** What must not change when nothing is known to have happened. */
  async record() {
    return Object.fromEntries(Object.entries(await this.all()).filter(([name]) => name.startsWith('tokenway:record:')));
  }
}

function clientOf(config = {}, browse = logIn) {
  const texts = new Texts();
  const pages = [];
  const open = (url) => {
    pages.push(Promise.resolve(browse(url)).catch((error) => error));
    return true;
  };
  const world = nodeWorld({ store: new TextStore(texts, new ContextLocks()), show() {}, open });
  return { client: new Client({ issuer: peer.issuer, client_id: 'short', ...config }, world), texts, pages };
}

/** A client that is logged in, with a token that has to be renewed. */
async function dueClient(config) {
  const made = clientOf(config);
  await made.client.login();
  await peer.reset();
  await sleep(2_100);
  return made;
}

/** Puts `change` between the module and requests to that path. */
function onFetch(path, change) {
  globalThis.fetch = (url, init) => (new URL(url).pathname === path ? change(url, init) : realFetch(url, init));
}

test('a login gives tokens, renews them and ends at the server', async () => {
  const { client } = await dueClient();
  const token = await client.token();
  assert.equal(token.authorization, `Bearer ${token.accessToken}`);
  assert.equal(token.claims.sub, 'alice');
  assert.equal((await peer.counts()).refreshes, 1);
  const me = await realFetch(`${peer.issuer}/me`, { headers: { authorization: token.authorization } });
  assert.equal(me.status, 200);
  const status = await client.status();
  assert.equal(status.login.renewable, true);
  assert.deepEqual(await client.logout(), { claims: { sub: 'alice' }, revoked: { revoked: 'confirmed' } });
  assert.ok((await peer.counts()).revocations > 0);
  assert.equal((await client.status()).login, undefined);
  await assert.rejects(client.token(), { name: 'LogInError', code: 'no_credential' });
});

test('a hundred callers cost one refresh', async () => {
  const { client } = await dueClient();
  const tokens = await Promise.all(Array.from({ length: 100 }, () => client.token()));
  assert.equal(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
  const { refreshes, reuses } = await peer.counts();
  assert.deepEqual({ refreshes, reuses }, { refreshes: 1, reuses: 0 });
});

test('a rejected token is renewed though it looks fresh', async () => {
  const { client } = clientOf({ client_id: 'native', timing: { reject_interval: 0 } });
  await client.login();
  const first = await client.token();
  const second = await client.token({ rejected: first.accessToken });
  assert.notEqual(first.accessToken, second.accessToken);
});

test('changes are told of in the context where they happen', async () => {
  const { client } = clientOf({ client_id: 'native' });
  let told = 0;
  const stop = client.onChange(() => told++);
  await client.status();
  await client.login();
  assert.ok(told > 0);
  told = 0;
  await client.logout();
  assert.ok(told > 0);
  stop();
});

const refused = async () => {
  throw new TypeError('fetch failed');
};
const dropped = async (url, init) => {
  await (await realFetch(url, init)).arrayBuffer();
  throw new TypeError('terminated');
};
const hung = (_, { signal }) => new Promise((_resolve, reject) => {
  signal.addEventListener('abort', () => reject(signal.reason));
});
const hungBody = async (_, { signal }) => new Response(new ReadableStream({
  start(stream) {
    stream.enqueue(new TextEncoder().encode('{"access_token":'));
    signal.addEventListener('abort', () => stream.error(signal.reason));
  },
}), { headers: { 'content-type': 'application/json' } });
const oversized = async () => new Response('x'.repeat(4 * 1024 * 1024), { headers: { 'content-type': 'application/json' } });
const redirected = async () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } });
const FAULTS = { refused, dropped, hung, hungBody, oversized, redirected };

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`a refresh that is ${name} is a typed error, and the login stays`, async () => {
    const { client, texts } = await dueClient({ timing: { request_deadline: 1_000 } });
    const record = await texts.record();
    onFetch('/token', fault);
    await assert.rejects(client.token(), (error) => {
      assert.ok(error instanceof TokenwayError, String(error));
      assert.ok(['OutcomeUnknownError', 'RetryLaterError', 'ConfigurationError'].includes(error.name), `${error.name}: ${error.message}`);
      assert.equal(error.step, 'refresh');
      assert.ok(!Object.values(record).some((text) => error.message.includes(JSON.parse(text).refresh_token)));
      return true;
    });
    assert.deepEqual(await texts.record(), record);
    assert.equal((await client.status()).login.renewable, true);
  });

  test(`a discovery that is ${name} is a typed error, and nothing stays of the login`, async () => {
    const { client, texts } = clientOf({ timing: { request_deadline: 1_000 } });
    globalThis.fetch = fault;
    await assert.rejects(client.login(), (error) => error instanceof TokenwayError && error.step === 'discovery');
    assert.deepEqual(Object.entries(await texts.all()).filter(([key, text]) => text !== undefined && !key.includes(':last:')), []);
    assert.equal((await client.status()).lastError.step, 'discovery');
  });

  test(`an exchange that is ${name} is a typed error, and nothing stays of the login`, async () => {
    const { client, texts, pages } = clientOf({ timing: { request_deadline: 1_000 } });
    onFetch('/token', fault);
    await assert.rejects(client.login(), (error) => error instanceof TokenwayError && error.step === 'code_exchange');
    assert.match((await pages[0]).page, /The login failed/);
    assert.deepEqual(await texts.record(), {});
    assert.equal((await client.status()).underWay, false);
    globalThis.fetch = realFetch;
    assert.equal((await client.login()).claims.sub, 'alice');
  });

  test(`a revocation that is ${name} does not keep anybody logged in`, async () => {
    const { client, texts } = clientOf({ timing: { request_deadline: 1_000 } });
    await client.login();
    onFetch('/token/revocation', fault);
    const { revoked } = await client.logout();
    // RFC 7009 section 2.2: the status says it all.
    assert.equal(revoked.revoked, name === 'oversized' || name === 'hungBody' ? revoked.revoked : 'not_confirmed');
    assert.deepEqual(Object.values(await texts.record()), [undefined]);
  });
}

test('an answer that was dropped is asked for again, and a server that saw both ends the login', async () => {
  const { client } = await dueClient();
  await peer.dropAnswerOnce({});
  await assert.rejects(client.token(), { name: 'LogInError' });
  assert.equal((await peer.counts()).reuses, 1);
});

test('a client that cannot work leaves no trouble unhandled', async () => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  await assert.rejects(new Client({}, nodeWorld({ show() {} })).login({ signal: AbortSignal.abort() }), MisuseError);
  await sleep(20);
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, []);
});

test('a busy server is asked again later', async () => {
  const { client } = await dueClient();
  await peer.errorOnce({ status: 429, headers: { 'retry-after': '30' } });
  await assert.rejects(client.token(), (error) => error.name === 'RetryLaterError' && error.next.at > Date.now() + 20_000);
});

test('a store that fails is said to have failed before a window opens', async () => {
  const { client, texts, pages } = clientOf();
  texts.set = async () => {
    throw new Error('the disk is full');
  };
  await assert.rejects(client.login(), { name: 'ConfigurationError', code: 'store', message: /the disk is full/ });
  assert.equal(pages.length, 0);
});

/** Saves fail from now on. What is returned lets them work again. */
function fillDisk(texts) {
  const set = texts.set.bind(texts);
  texts.set = async (name, text) => {
    if (name.includes(':record:')) throw new IoTrouble('unable', 'the disk is full');
    return set(name, text);
  };
  return () => {
    texts.set = set;
  };
}

test('tokens whose save fails reach the one who asked, and nobody else', async () => {
  const { client, texts } = await dueClient({ timing: { request_deadline: 1_000 } });
  const makeRoom = fillDisk(texts);
  const others = [];
  const first = client.token();
  for (const wish of [{}, { minTtl: 1 }]) others.push(client.token(wish).then(({ accessToken, notes }) => ({ accessToken, notes })));
  const { accessToken, notes } = await first;
  assert.ok(notes[0].not_saved, 'the one who asked is told');
  assert.equal(await Promise.race([...others, sleep(200)]), undefined, 'the old token is dead: the others wait');
  makeRoom();
  for (const other of await Promise.all(others)) assert.deepEqual(other, { accessToken, notes: [] });
  assert.equal((await peer.counts()).refreshes, 1);
});

test('while new tokens cannot be saved, the others have the old one as long as it lives', async () => {
  const { client, texts } = clientOf({ client_id: 'native', timing: { reject_interval: 0 } });
  await client.login();
  const old = await client.token();
  const makeRoom = fillDisk(texts);
  const renewal = client.token({ rejected: old.accessToken });
  const refused = client.token({ rejected: old.accessToken });
  const others = await Promise.all([client.token(), client.token({ minTtl: 1 })]);
  for (const other of [...others, await client.token()]) {
    assert.equal(other.accessToken, old.accessToken);
    assert.ok(other.notes[0].not_renewed);
  }
  const first = await renewal;
  assert.ok(first.notes[0].not_saved);
  assert.equal(await Promise.race([refused, sleep(200)]), undefined, 'an API refused the old one');
  makeRoom();
  assert.equal((await refused).accessToken, first.accessToken);
  assert.equal((await peer.counts()).refreshes, 1);
});

test('an observer that fails or never ends keeps no answer from its save, and its trouble is its own', async () => {
  const { client, texts } = clientOf({ client_id: 'native', timing: { reject_interval: 0 } });
  await client.login();
  const { accessToken } = await client.token();
  const unhandled = [];
  const heed = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', heed);
  let answered, saved;
  const observer = async ({ action, outcome }) => {
    if (action === 'post form' && outcome) answered = performance.now();
    if (action === 'save' && outcome) saved = performance.now();
    if (action === 'save' && !outcome) await sleep(60_000);
    throw new Error('the log is full');
  };
  const observed = new Client(client.config, client.world, { observer });
  assert.notEqual((await observed.token({ rejected: accessToken })).accessToken, accessToken);
  assert.ok(saved - answered < 1_900, `the save came ${saved - answered} ms after the answer`);
  await sleep(10);
  process.off('unhandledRejection', heed);
  assert.deepEqual(unhandled, []);
  assert.equal(Object.keys(await texts.record()).length, 1);
});

test('after a login nobody hears of a renewal of the old one', async () => {
  const { client } = await dueClient();
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  onFetch('/token', async (url, init) => {
    if (!String(init.body).includes('refresh_token')) return realFetch(url, init);
    await held;
    return new Response('busy', { status: 503 });
  });
  const old = client.token().catch((error) => error);
  await sleep(50);
  await client.login();
  const next = client.token();
  release();
  assert.equal((await old).name, 'RetryLaterError');
  assert.equal((await client.status()).login.claims.sub, 'alice');
  assert.ok((await next).accessToken);
});

test('a clock that is set back does not keep a failure alive', async (context) => {
  const { client, texts } = await dueClient();
  const get = texts.get;
  texts.get = async () => {
    throw new Error('the storage is not there yet');
  };
  const now = Date.now;
  context.after(() => {
    Date.now = now;
  });
  const ahead = 7_200_000;
  Date.now = () => now() + ahead;
  await assert.rejects(client.token(), { name: 'ConfigurationError' });
  Date.now = now;
  texts.get = get;
  await sleep(1_100);
  assert.ok((await client.token()).accessToken);
});

test('four overlapping calls of each method end without a clash', async () => {
  const { client } = await dueClient();
  const calls = [
    () => client.token(), () => client.status(), () => client.login(), () => client.resume(), () => client.reopen(),
    () => client.token({ minTtl: 1 }), () => client.token({ rejected: 'another' }),
  ];
  const overlapping = async (all) => {
    const ends = await Promise.allSettled(all.flatMap((call) => Array.from({ length: 4 }, () => call())));
    for (const { reason } of ends) {
      assert.ok(!/recursive use|unreachable|null pointer|RuntimeError/.test(`${reason}`), `${reason}`);
      if (reason) assert.ok(reason instanceof TokenwayError, `${reason?.stack}`);
    }
  };
  await overlapping(calls);
  await overlapping([() => client.logout(), () => client.cancelLogin(), () => client.token(), () => client.logout({ local: true })]);
  assert.equal((await client.status()).login, undefined);
});

/** A client in a place like a page: redirects come to the listener that it attached. */
function clientOfAPlace(config, texts = new Texts(), locks = new ContextLocks()) {
  let told;
  const urls = [];
  const prepared = [];
  const login = {
    attach: (_config, listener) => {
      told = listener;
    },
    prepare: () => prepared.push(urls.length),
    listen: async ([first]) => first,
    open: async (url) => urls.push(url) > 0,
  };
  const client = new Client({ issuer: peer.issuer, client_id: 'native', ...config }, { store: new TextStore(texts, locks), login });
  return { client, texts, urls, prepared, locks, wake: () => told.wake(), arrives: (url) => told.redirected(heard(url)) };
}

const CALLBACK = { redirect_uri: 'http://127.0.0.1:49100/callback' };

test('a login of an earlier life is shown again to whoever wants to log in', async () => {
  const dead = clientOfAPlace(CALLBACK);
  dead.client.login().catch(() => undefined);
  while (!dead.urls.length) await sleep(5);
  const texts = new Texts();
  for (const [name, text] of Object.entries(await dead.texts.all())) await texts.set(name, text);
  const next = clientOfAPlace(CALLBACK, texts);
  next.wake();
  await sleep(300);
  const login = next.client.login();
  while (!next.urls.length) await sleep(5);
  assert.deepEqual(next.urls, dead.urls);
  assert.equal(next.prepared.length, 1);
  await next.arrives(await walk(next.urls[0]));
  assert.equal((await login).claims.sub, 'alice');
  await dead.client.cancelLogin();
});

test('a login that replaced another leaves none of its trouble behind', async () => {
  const old = clientOfAPlace(CALLBACK);
  const ended = old.client.login().catch((error) => error);
  while (!old.urls.length) await sleep(5);
  const next = clientOfAPlace(CALLBACK, old.texts, old.locks);
  const login = next.client.login();
  while (!next.urls.length) await sleep(5);
  assert.match((await ended).message, /another login was started/);
  assert.equal((await next.client.status()).lastError, undefined);
  await next.arrives(await walk(next.urls[0]));
  assert.equal((await login).claims.sub, 'alice');
  assert.equal((await old.client.status()).lastError, undefined);
});

test('a redirect that cannot be kept at all ends the login with the reason', async () => {
  const { client, texts, urls, arrives } = clientOfAPlace(CALLBACK);
  const login = client.login().catch((error) => error);
  while (!urls.length) await sleep(5);
  const redirect = await walk(urls[0]);
  const set = texts.set.bind(texts);
  texts.set = async (name, text) => (name.startsWith('tokenway:login:') ? Promise.reject(new Error('the storage is full')) : set(name, text));
  assert.equal(await arrives(redirect), false);
  assert.match((await login).message, /the answer of the browser could not be kept.*the storage is full/);
});

test('a store that cannot be read is said to be that, and a logout stands whatever is left behind', async () => {
  const { client, texts } = clientOf({ client_id: 'native' });
  await client.login();
  const [get, remove] = [texts.get.bind(texts), texts.remove.bind(texts)];
  texts.get = async () => Promise.reject(new Error('the disk is on fire'));
  await assert.rejects(client.status(), { name: 'ConfigurationError', step: 'loading', message: /the disk is on fire.*readable and writable/ });
  texts.get = get;
  texts.remove = async (name) => (name.startsWith('tokenway:last:') ? Promise.reject(new Error('busy')) : remove(name));
  assert.equal((await client.logout()).claims.sub, 'alice');
  assert.equal((await client.status()).login, undefined);
});

test('a redirect that cannot be kept at once is kept a moment later', async () => {
  const { client, texts, urls, arrives } = clientOfAPlace(CALLBACK);
  const login = client.login();
  while (!urls.length) await sleep(5);
  const redirect = await walk(urls[0]);
  const set = texts.set.bind(texts);
  texts.set = async () => {
    texts.set = set;
    throw new Error('the storage is busy');
  };
  arrives(redirect);
  assert.equal((await login).claims.sub, 'alice');
});

test('a redirect URI that a browser writes in another way is known again', async () => {
  const { client, urls, arrives } = clientOfAPlace({ redirect_uri: 'http://127.0.0.1:80/callback' });
  const login = client.login();
  while (!urls.length) await sleep(5);
  const redirect = new URL(await walk(urls[0])).href;
  assert.match(redirect, /^http:\/\/127\.0\.0\.1\/callback/);
  arrives(redirect);
  assert.equal((await login).claims.sub, 'alice');
});

test('a login while one is under way joins it', async () => {
  const { client, pages } = clientOf({ client_id: 'native' });
  const [first, second] = await Promise.all([client.login(), client.login()]);
  assert.equal(first, second);
  assert.equal(pages.length, 1);
});

test('a signal that is aborted after its login has ended cancels no other', async () => {
  const { client, pages } = clientOf({ client_id: 'native' });
  const abort = new AbortController();
  await client.login({ signal: abort.signal });
  const next = client.login();
  while (pages.length < 2) await sleep(5);
  abort.abort();
  assert.equal((await next).claims.sub, 'alice');
});

test('a login that cannot start closes what was opened in the click', async () => {
  const world = nodeWorld({ show() {} });
  const steps = [];
  Object.assign(world.login, { prepare: () => steps.push('prepared'), finished: async ({ ok }) => steps.push(ok) });
  await assert.rejects(new Client({}, world).login(), MisuseError);
  await sleep(20);
  assert.deepEqual(steps, ['prepared', false]);
});

const CONFIG = { issuer: 'https://as.example', client_id: 'native' };
const WRONG = [null, undefined, 7, 'text', true, [], () => 1, Symbol('s'), 7n, new Map(), NaN];

test('every mistake of a caller is a MisuseError', async () => {
  const sessions = await Session.load();
  const now = moment();
  for (const wrong of WRONG) {
    assert.throws(() => sessions.login(wrong, now), MisuseError);
    assert.throws(() => sessions.login(CONFIG, wrong), MisuseError);
    assert.throws(() => sessions.logout(CONFIG, wrong === true ? 'true' : wrong, now), MisuseError);
    assert.throws(() => sessions.resume(wrong, CONFIG, now), MisuseError);
    if (typeof wrong !== 'string') assert.throws(() => sessions.tokenHash(wrong), MisuseError);
    if (![undefined, null].includes(wrong) && !(wrong instanceof Map) && !Array.isArray(wrong)) assert.throws(() => sessions.getToken(CONFIG, wrong, now), MisuseError, String(wrong));
    const session = sessions.login(CONFIG, now);
    const before = JSON.stringify(session.poll());
    assert.throws(() => session.handle(now, wrong), MisuseError);
    assert.throws(() => session.handle(wrong, { id: session.poll().act.id, outcome: 'elapsed' }), MisuseError);
    assert.equal(JSON.stringify(session.poll()), before);
  }
  for (const config of [{}, { provider: 'no such' }, { ...CONFIG, unknown: 1 }, { issuer: 'http://as.example' }, { ...CONFIG, timing: { request_deadline: -1 } }]) {
    assert.throws(() => sessions.login(config, now), MisuseError, JSON.stringify(config));
  }
});

test('a wrong event, a stale one and one after the end are a MisuseError, and change nothing', async () => {
  const sessions = await Session.load();
  const now = moment();
  const session = sessions.getToken(CONFIG, {}, now);
  const { id } = session.poll().act;
  assert.throws(() => session.handle(now, { id, outcome: 'elapsed' }), { name: 'MisuseError', code: 'wrong_outcome' });
  assert.throws(() => session.handle(now, { id: { ...id, step: id.step + 1 }, outcome: 'loaded', with: null }), { name: 'MisuseError', code: 'stale' });
  assert.deepEqual(session.poll().act.id, id);
  assert.equal(session.handle(now, { id, outcome: 'loaded', with: null }), 'advanced');
  assert.ok('failed' in session.poll().done.end);
  assert.throws(() => session.handle(now, { id, outcome: 'loaded', with: null }), { name: 'MisuseError', code: 'ended' });
});

test('a client with a mistake in its configuration says so in each call', async () => {
  for (const config of [null, {}, { provider: 'no such' }, { issuer: 7 }]) {
    const client = new Client(config, nodeWorld({ show() {}, open: () => true }));
    for (const call of ['token', 'status', 'login', 'logout', 'resume', 'cancelLogin']) await assert.rejects(client[call](), MisuseError, call);
  }
  const { client } = clientOf();
  await assert.rejects(client.token({ minTtl: 'soon' }), MisuseError);
  await assert.rejects(client.token({ rejected: 7 }), MisuseError);
});

test('all that passes through a session is plain data', async () => {
  const folder = new URL('../../../tests/transcripts/', import.meta.url);
  const sessions = await Session.load();
  const plain = (value) => {
    assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
    assert.deepEqual(structuredClone(value), value);
  };
  let steps = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.jsonl'))) {
    const lines = readFileSync(new URL(name, folder), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const { flow, config, moment: first } = lines[0];
    const start = {
      login: () => sessions.login(config, first),
      get_token: () => sessions.getToken(config, { min_ttl: flow.min_ttl, rejected: flow.rejected }, first),
      logout: () => sessions.logout(config, flow.everywhere, first),
    };
    const session = start[flow.name]();
    for (const { event, moment: at } of lines.filter((line) => line.event)) {
      const step = session.poll();
      plain(step);
      const snapshot = session.snapshot();
      if (snapshot !== undefined) plain(JSON.parse(snapshot));
      plain(session.handle(at, { id: step.act.id, ...event }));
      steps++;
    }
    plain(session.poll());
    assert.equal('done' in session.poll(), lines.at(-1).end !== 'unfinished', name);
  }
  assert.ok(steps > 100);
});
