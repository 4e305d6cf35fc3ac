// The world of Node programs, against a real authorization server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { Client, memoryStore } from '../../pkg/index.js';
import { nodeWorld } from '../../pkg/node.js';
import { commands } from '../../pkg/worlds/node_browser.js';
import { Receiver } from '../../pkg/worlds/node_receiver.js';
import { startPeer } from '../peer.mjs';
import { logIn, walk } from '../person.mjs';

let peer;
before(async () => {
  peer = await startPeer();
});
after(() => peer.stop());

/** A client whose browser is `browse(url)`; its answers are in `pages`. */
function clientOf(browse, config = {}, options = {}) {
  const pages = [];
  const shown = [];
  const open = (url) => {
    pages.push(browse(url));
    return true;
  };
  const world = nodeWorld({ show: (url) => shown.push(url), open });
  return { client: new Client({ issuer: peer.issuer, client_id: 'native', ...config }, world, options), pages, shown };
}

const redirectOf = (url) => new URL(url).searchParams.get('redirect_uri');

/** A waiting login, for the receiver alone. */
function waiting() {
  const heard = [];
  return { heard, redirected: (callback) => heard.push(callback), failed() {}, async keepWindow() {}, async window() {} };
}

test('a login by discovery ends with a page that says so', async () => {
  const { client, pages, shown } = clientOf((url) => logIn(url));
  const { claims, replaced } = await client.login();
  assert.equal(claims.sub, 'alice');
  assert.equal(replaced, false);
  const { status, page, url, headers } = await pages[0];
  assert.equal(status, 200);
  assert.match(page, /Login complete.*You are logged in\./s);
  assert.equal(new URL(url).search, '');
  for (const [name, value] of Object.entries({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })) assert.equal(headers.get(name), value);
  assert.match(headers.get('content-security-policy'), /^default-src 'none';/);
  assert.equal(shown.length, 1);
});

test('a login that a person declines ends with a page that says so', async () => {
  const { client, pages } = clientOf((url) => logIn(url, { deny: true }));
  await assert.rejects(client.login(), { step: 'callback', oauthCode: 'access_denied' });
  const { status, page } = await pages[0];
  assert.equal(status, 200);
  assert.match(page, /The login failed/);
  assert.ok((await client.status()).lastError.message);
});

test('a forged redirect is answered 400, and the login goes on', async () => {
  const { client, pages } = clientOf(async (url) => {
    const callback = redirectOf(url);
    const forged = await fetch(`${callback}?code=forged&state=forged`);
    const text = await forged.text();
    const favicon = await fetch(new URL('/favicon.ico', callback));
    return { forged: forged.status, text, favicon: favicon.status, end: await logIn(url) };
  });
  await client.login();
  const { forged, text, favicon, end } = await pages[0];
  assert.equal(forged, 400);
  assert.doesNotMatch(text, /logged in/);
  assert.equal(favicon, 404);
  assert.match(end.page, /Login complete/);
});

test('many forged redirects at once keep nobody out', async () => {
  const { client, pages } = clientOf(async (url) => {
    const callback = redirectOf(url);
    const forged = Array.from({ length: 30 }, (_, count) => fetch(`${callback}?code=forged&state=${count}`).then(({ status }) => status));
    const statuses = await Promise.all(forged);
    return { statuses, end: await logIn(url) };
  });
  await client.login();
  const { statuses, end } = await pages[0];
  assert.deepEqual([...new Set(statuses)].sort().filter((status) => ![400, 503].includes(status)), []);
  assert.match(end.page, /Login complete/);
});

test('the same redirect twice is spent once, and both are shown the end', async () => {
  await peer.reset();
  const { client, pages } = clientOf(async (url) => {
    const callback = await walk(url);
    return Promise.all([callback, callback].map(async (target) => (await fetch(target)).text()));
  });
  await client.login();
  for (const page of await pages[0]) assert.match(page, /Login complete/);
  assert.equal((await peer.counts()).exchanges, 1);
});

test('a request for another host is refused, and so is another method', async () => {
  const { client, pages } = clientOf(async (url) => {
    const { port, pathname } = new URL(redirectOf(url));
    const ask = async (options) => {
      const request = http.request({ host: '127.0.0.1', port, path: `${pathname}?code=a&state=b`, ...options }).end();
      const [answer] = await once(request, 'response');
      return answer.resume().statusCode;
    };
    const rebound = await ask({ headers: { host: `evil.example:${port}` } });
    const put = await ask({ method: 'PUT' });
    const prefetch = await ask({ headers: { 'sec-purpose': 'prefetch' } });
    return { rebound, put, prefetch, end: await logIn(url) };
  });
  await client.login();
  const { rebound, put, prefetch } = await pages[0];
  assert.deepEqual({ rebound, put, prefetch }, { rebound: 400, put: 405, prefetch: 404 });
});

test('a login can be cancelled, and its port is free at once', async () => {
  const { client, shown } = clientOf(() => undefined);
  const abort = new AbortController();
  const end = client.login({ signal: abort.signal });
  while (shown.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  await assert.rejects(end, { code: 'cancelled' });
  const { port } = new URL(redirectOf(shown[0]));
  const server = net.createServer().listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  server.close();
  assert.equal((await client.status()).underWay, false);
});

test('a login that nobody comes back to ends in time', async () => {
  const { client } = clientOf(() => undefined, { timing: { login_timeout: 1_000 } });
  await assert.rejects(client.login(), { code: 'timed_out' });
});

test('another process goes on with the login of one that is gone, on the same address', async () => {
  const store = memoryStore();
  const shown = [];
  const config = { issuer: peer.issuer, client_id: 'native' };
  const world = () => nodeWorld({ store, show: (url) => shown.push(url), open: () => true });
  let wait;
  const waits = new Promise((resolve) => {
    wait = resolve;
  });
  const observer = ({ action }) => {
    if (action === 'await callback') wait();
  };
  const first = new Client(config, world(), { observer });
  const gone = first.login();
  await waits;
  const { texts } = store;
  const name = `tokenway:login:${JSON.stringify([peer.issuer, 'native', 'default'])}`;
  const kept = await texts.get(name);
  await first.cancelLogin();
  await assert.rejects(gone);
  await texts.set(name, kept);
  const second = new Client(config, world());
  const end = second.resume();
  end.catch(() => shown.push(undefined));
  while (shown.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(redirectOf(shown[1]), redirectOf(shown[0]));
  assert.match((await logIn(shown[1])).page, /Login complete/);
  assert.equal((await end).claims.sub, 'alice');
  assert.equal(await second.resume(), undefined);
});

test('localhost listens on both families with one port', async () => {
  const receiver = await Receiver.bind(['http://localhost:0/cb']);
  const { port } = new URL(receiver.uri);
  for (const host of ['127.0.0.1', '::1']) {
    const socket = net.connect({ host, port: Number(port) });
    await once(socket, 'connect');
    socket.destroy();
  }
  receiver.close();
});

test('the next candidate is taken when the first is busy', async () => {
  const first = await Receiver.bind(['http://127.0.0.1:0/cb']);
  const second = await Receiver.bind([first.uri, 'http://127.0.0.1:0/cb']);
  assert.notEqual(first.uri, second.uri);
  await assert.rejects(Receiver.bind([first.uri]), { name: 'IoTrouble', kind: 'unable', message: new RegExp(first.uri) });
  first.close();
  second.close();
});

test('only loopback is listened on', async () => {
  const uris = [
    'http://0.0.0.0:0/cb', 'http://[::]:0/cb', 'http://192.168.0.1:0/cb', 'http://example.com:0/cb', 'http://localhost.example.com:0/cb',
    'https://127.0.0.1:0/cb', 'http://user@127.0.0.1:0/cb', 'http://127.0.0.1:0/cb#x', 'http://127.1:0/cb', 'not a URI',
  ];
  for (const uri of uris) await assert.rejects(Receiver.bind([uri]), { name: 'IoTrouble', message: /cannot be listened on/ });
  await assert.rejects(Receiver.bind([]), { name: 'IoTrouble' });
});

test('a path that is called as the page of the end is not mistaken for it', async () => {
  const receiver = await Receiver.bind(['http://127.0.0.1:0/success']);
  const place = waiting();
  receiver.tell(place);
  const page = fetch(`${receiver.uri}?code=a&state=b`).then((answer) => answer.text());
  while (place.heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await receiver.finish({ ok: true, sentence: '<b>"You" & \'I\'</b>' });
  assert.match(await page, /&lt;b&gt;&quot;You&quot; &amp; &#39;I&#39;&lt;\/b&gt;/);
});

test('a head or a body that is too large is refused', async () => {
  const receiver = await Receiver.bind(['http://127.0.0.1:0/cb']);
  receiver.tell(waiting());
  const statuses = [];
  const { port } = new URL(receiver.uri);
  for (const options of [{ path: `/cb?${'x'.repeat(70_000)}` }, { path: '/cb', method: 'POST', body: 'x'.repeat(70_000) }]) {
    const request = http.request({ host: '127.0.0.1', port, ...options }).on('error', () => undefined);
    request.end(options.body);
    const [answer] = await once(request, 'response');
    statuses.push(answer.resume().statusCode);
  }
  assert.deepEqual(statuses, [431, 413]);
  receiver.close();
});

test('silent connections keep no browser out', async () => {
  const receiver = await Receiver.bind(['http://127.0.0.1:0/cb']);
  const place = waiting();
  receiver.tell(place);
  const { port } = new URL(receiver.uri);
  const silent = Array.from({ length: 100 }, () => net.connect(Number(port), '127.0.0.1').on('error', () => undefined));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const page = fetch(`${receiver.uri}?code=a&state=b`).then((answer) => answer.text());
  while (place.heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await receiver.finish({ ok: true, sentence: 'Fine.' });
  assert.match(await page, /Fine\./);
  for (const socket of silent) socket.destroy();
});

test('the browser is what the person wants, or the system\'s', () => {
  const url = 'https://as.example/authorize?a=1&b=$(x)';
  assert.deepEqual(commands(url, 'linux', { BROWSER: 'lynx:"my browser" --open=%s &' }), [['lynx', url], ['my browser', `--open=${url}`]]);
  assert.deepEqual(commands(url, 'win32', { BROWSER: 'C:\\b.exe' }), [['C:\\b.exe', url]]);
  assert.deepEqual(commands(url, 'darwin', {}), [['open', url]]);
  assert.deepEqual(commands(url, 'win32', {}), [['rundll32', 'url.dll,FileProtocolHandler', url]]);
  assert.deepEqual(commands(url, 'linux', {}), []);
  assert.deepEqual(commands(url, 'linux', { DISPLAY: ':0' })[0], ['xdg-open', url]);
});

test('a browser that fails is said to have failed, and the address is shown all the same', async () => {
  const shown = [];
  const world = nodeWorld({ show: (url) => shown.push(url) });
  const before = process.env.BROWSER;
  try {
    process.env.BROWSER = 'false:/no/such/program';
    assert.equal(await world.login.open(peer.issuer, waiting()), false);
    process.env.BROWSER = '/no/such/program:true';
    assert.equal(await world.login.open(peer.issuer, waiting()), true);
    assert.equal(await world.login.open('http://as.example/', waiting()), false);
    assert.equal(shown.length, 3);
  } finally {
    if (before === undefined) delete process.env.BROWSER;
    else process.env.BROWSER = before;
  }
});
