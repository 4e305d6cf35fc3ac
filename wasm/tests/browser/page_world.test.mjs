// Logins of a web page in Chromium, in a popup and in the same tab, against a real authorization server.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import puppeteer from 'puppeteer-core';

import { startPeer } from '../peer.mjs';
import { until } from './support.mjs';

const PACKAGE = new URL('../../pkg/', import.meta.url);
const TYPES = { html: 'text/html', js: 'text/javascript', wasm: 'application/wasm' };
// Tabs in the background paint nothing.
const POLLING = { polling: 50 };

let peer, browser, context, server, origin;
/** Whether the site has the WebAssembly module just now. */
let hasModule = true;
before(async () => {
  peer = await startPeer();
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
});
after(async () => {
  await browser?.close();
  await peer?.stop();
});
beforeEach(async () => {
  await peer.reset();
  context = await browser.createBrowserContext();
});
afterEach(async () => {
  await context?.close();
  server?.closeAllConnections();
  server?.close();
});

/** A site with a page that logs in, of an origin of its own. */
async function serve(mode, issuer = peer.issuer) {
  const app = `<!doctype html><title>app</title><button>Log in</button><script type="module">
    import { Client } from '/pkg/index.js';
    import { pageWorld } from '/pkg/page.js';
    const config = { issuer: '${issuer}', client_id: 'native', redirect_uri: location.origin + '/callback' };
    window.client = new Client(config, pageWorld({ mode: '${mode}' }));
    window.told = 0;
    client.onChange(() => told++);
    const logIn = () => client.login().then((end) => window.end = end, (error) => window.end = { error: error.toJSON() });
    document.querySelector('button').onclick = logIn;
    window.logIn = logIn;
  </script>`;
  const callback = `<!doctype html><title>callback</title><script type="module">
    import { finishRedirect } from '/pkg/callback.js';
    finishRedirect();
  </script>`;
  server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    if (pathname === '/' || pathname === '/callback') {
      response.writeHead(200, { 'content-type': TYPES.html }).end(pathname === '/callback' && mode === 'popup' ? callback : app);
      return;
    }
    const isThere = pathname.startsWith('/pkg/') && (hasModule || !pathname.endsWith('.wasm'));
    const file = isThere ? await readFile(new URL(pathname.slice(5), PACKAGE)).catch(() => undefined) : undefined;
    response.writeHead(file ? 200 : 404, { 'content-type': TYPES[pathname.split('.').at(-1)] ?? 'text/plain' }).end(file);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
}

async function open(url = origin) {
  const page = await context.newPage();
  await page.goto(url);
  await ready(page);
  return page;
}

const ready = (page) => page.waitForFunction(() => globalThis.client !== undefined, POLLING);
const endOf = async (page) => (await page.waitForFunction(() => globalThis.end, POLLING)).jsonValue();
const status = (page) => page.evaluate(() => client.status());

async function popupOf(page) {
  const opened = new Promise((resolve) => page.once('popup', resolve));
  await page.click('button');
  return opened;
}

/** Fills in the forms until the server sends the browser back. */
async function person(page, user = 'alice') {
  for (let step = 0; step < 6; step++) {
    try {
      await page.bringToFront();
      await page.waitForFunction(() => document.querySelector('form') || /callback/.test(location.href), { timeout: 10_000, polling: 50 });
      if (page.url().startsWith(origin)) return;
      const name = await page.$('input[name=login]');
      if (name) {
        await name.type(user);
        await page.type('input[name=password]', 'any password');
      }
      await Promise.all([page.waitForNavigation({ timeout: 10_000 }), page.click('button[type=submit]')]);
    } catch (error) {
      if (page.isClosed() || /detached|closed|destroyed|Waiting failed$/i.test(error.message)) return;
      throw error;
    }
  }
}

test('a popup logs in, and closes', async () => {
  await serve('popup');
  const page = await open();
  const popup = await popupOf(page);
  await person(popup);
  const end = await endOf(page);
  assert.equal(end.claims?.sub, 'alice', JSON.stringify(end));
  await page.waitForFunction(() => told > 0, POLLING);
  const { accessToken } = await page.evaluate(() => client.token());
  assert.ok(accessToken);
  for (let tries = 0; !popup.isClosed() && tries < 50; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(popup.isClosed());
  assert.deepEqual((await page.evaluate(() => client.logout())).revoked, { revoked: 'confirmed' });
});

test('requests carry no cookie and no referrer', async () => {
  await serve('popup');
  const page = await open();
  const sent = [];
  page.on('request', (request) => {
    if (request.url().startsWith(peer.issuer) && request.resourceType() === 'fetch') sent.push(request);
  });
  await person(await popupOf(page));
  await endOf(page);
  const carried = sent.splice(0).map((request) => request.headers());
  assert.ok(carried.length >= 2, 'metadata and the exchange');
  for (const { cookie = '', referer = '' } of carried) assert.deepEqual([cookie, referer], ['', '']);

  await page.evaluate((url) => fetch(url, { credentials: 'include', mode: 'no-cors' }), `${peer.issuer}/me`);
  const { cookie, referer } = sent[0].headers();
  assert.ok(cookie && referer, 'a request that is not ours carries both');
});

test('a server that takes the popup from its opener takes no login', async () => {
  const strict = await startPeer({ COOP: 'same-origin' });
  try {
    await serve('popup', strict.issuer);
    const page = await open();
    const popup = await popupOf(page);
    await popup.waitForSelector('form');
    assert.equal(await popup.evaluate(() => window.opener), null);
    assert.equal(await page.evaluate(() => globalThis.end), undefined);
    await person(popup);
    const end = await endOf(page);
    assert.equal(end.claims?.sub, 'alice', JSON.stringify(end));
  } finally {
    await strict.stop();
  }
});

test('what another origin posts, or a forged redirect, does not end the wait', async () => {
  await serve('popup');
  const page = await open();
  const popup = await popupOf(page);
  await popup.waitForSelector('form');
  const forged = { tokenway: 'redirect', url: `${origin}/callback?code=forged&state=forged` };
  await popup.evaluate((forged) => {
    for (const data of [forged, { ...forged, url: 7 }, 'text', null]) window.opener.postMessage(data, '*');
  }, forged);
  await page.evaluate((forged) => {
    for (const data of [{ ...forged, url: 'https://elsewhere.example/callback?code=a&state=b' }, { tokenway: 'redirect' }, null, 7]) window.postMessage(data, location.origin);
  }, forged);
  const stray = await context.newPage();
  await stray.goto(forged.url).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await page.evaluate(() => globalThis.end), undefined);
  assert.equal((await status(page)).underWay, true);
  await person(popup);
  const end = await endOf(page);
  assert.equal(end.claims?.sub, 'alice', JSON.stringify(end));
});

test('a popup that is closed is no end, the login can be shown again, and a person can cancel it', async () => {
  await serve('popup');
  const page = await open();
  const popup = await popupOf(page);
  await popup.waitForSelector('form');
  await popup.close();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await page.evaluate(() => globalThis.end), undefined);
  const opened = new Promise((resolve) => page.once('popup', resolve));
  await page.evaluate(() => document.querySelector('button').onclick = () => client.reopen());
  await page.click('button');
  await (await opened).waitForSelector('form');
  await page.evaluate(() => client.cancelLogin());
  assert.equal((await endOf(page)).error.code, 'cancelled');
  assert.equal((await status(page)).underWay, false);
});

test('a login whose storage is cleared ends as what it is, and the next one works', async () => {
  await serve('popup');
  const page = await open();
  const popup = await popupOf(page);
  await popup.waitForSelector('form');
  await page.evaluate(() => new Promise((resolve, reject) => {
    Object.assign(indexedDB.deleteDatabase('tokenway'), { onsuccess: resolve, onerror: reject, onblocked: () => reject(new Error('blocked')) });
  }));
  await person(popup);
  const { error } = await endOf(page);
  assert.equal(error.code, 'cancelled');
  assert.match(error.message, /removed from the storage/);
  await page.evaluate(() => void delete globalThis.end);
  await person(await popupOf(page));
  assert.equal((await endOf(page)).claims.sub, 'alice');
});

test('a page that was reloaded meanwhile still gets the answer of its popup', async () => {
  await serve('popup');
  const page = await open();
  const popup = await popupOf(page);
  await popup.waitForSelector('form');
  await page.reload();
  await ready(page);
  await person(popup);
  await page.waitForFunction(() => client.status().then(({ login }) => login !== undefined), POLLING);
});

test('a popup waits with its answer until the page that wants it is there again', async () => {
  await serve('popup');
  const page = await open();
  const popup = await popupOf(page);
  await popup.waitForSelector('form');
  await page.goto('about:blank');
  await person(popup);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(popup.isClosed(), false);
  await page.goto(origin);
  await ready(page);
  await page.waitForFunction(() => client.status().then(({ login }) => login !== undefined), POLLING);
  await until('the popup to be closed', () => popup.isClosed());
});

test('a blocked popup is said to be blocked, and what to do', async () => {
  await serve('popup');
  const page = await open();
  await page.evaluate(() => {
    window.open = () => null;
    void logIn();
  });
  const { error } = await endOf(page);
  assert.match(error.message, /blocked the login window.*click/);
});

test('a redirect leaves, comes back and goes on by itself', async () => {
  await serve('redirect');
  const page = await open();
  await Promise.all([page.waitForNavigation(), page.click('button')]);
  await person(page);
  await ready(page);
  await page.waitForFunction(() => client.status().then(({ login }) => login !== undefined), POLLING);
  assert.equal(page.url(), `${origin}/callback`);
  const end = await page.evaluate(() => client.resume().then((resumed) => ({ resumed })));
  assert.deepEqual(end, {});
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal((await peer.counts()).exchanges, 1);
  await page.reload();
  await ready(page);
  assert.equal((await status(page)).login.claims.sub, 'alice');
});

test('a redirect that is declined is told, and nobody is logged in', async () => {
  await serve('redirect');
  const page = await open();
  await Promise.all([page.waitForNavigation(), page.click('button')]);
  const cancel = await page.waitForSelector('a[href*=abort]');
  await Promise.all([page.waitForNavigation(), cancel.click()]);
  await ready(page);
  await page.waitForFunction(() => client.status().then(({ lastError }) => lastError !== undefined), POLLING);
  const { lastError, login } = await status(page);
  assert.match(lastError.message, /access_denied|declined|denied/);
  assert.equal(login, undefined);
});

test('of two tabs that left, the one whose login was replaced ends nothing when it comes back', async () => {
  await serve('redirect');
  const tabs = [await open(), await open()];
  for (const page of tabs) {
    await page.bringToFront();
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    await page.waitForSelector('form');
  }
  const [replaced, last] = tabs;
  await person(replaced);
  await ready(replaced);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { underWay, lastError } = await status(replaced);
  assert.deepEqual({ underWay, lastError }, { underWay: true, lastError: undefined });
  await person(last);
  await ready(last);
  await last.waitForFunction(() => client.status().then(({ login }) => login !== undefined), POLLING);
});

test('a redirect that is kept is gone on with by the next page', async () => {
  await serve('redirect');
  const page = await open();
  await Promise.all([page.waitForNavigation(), page.click('button')]);
  hasModule = false;
  await person(page);
  await ready(page);
  await new Promise((resolve) => setTimeout(resolve, 500));
  hasModule = true;
  await page.goto(origin);
  await ready(page);
  await page.waitForFunction(() => client.status().then(({ login }) => login !== undefined), POLLING);
});

test('somebody who leads another tab to the redirect URI ends no login', async () => {
  await serve('redirect');
  const page = await open();
  await Promise.all([page.waitForNavigation(), page.click('button')]);
  await page.waitForSelector('form');
  const stray = await open(`${origin}/callback?code=forged&state=forged`);
  assert.equal(stray.url(), `${origin}/callback`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { underWay, lastError } = await status(stray);
  assert.deepEqual({ underWay, lastError }, { underWay: true, lastError: undefined });
  await person(page);
  await ready(page);
  await page.waitForFunction(() => client.status().then(({ login }) => login !== undefined), POLLING);
});

test('a page whose redirect URI is missing or another site\'s says so', async () => {
  await serve('redirect');
  const page = await open();
  const messages = await page.evaluate(async (issuer) => {
    const { Client } = await import('/pkg/index.js');
    const { pageWorld } = await import('/pkg/page.js');
    const messages = [];
    for (const uri of [{}, { redirect_uri: 'https://elsewhere.example/callback' }]) {
      for (const mode of ['popup', 'redirect']) {
        const client = new Client({ issuer, client_id: 'native', account: mode, ...uri }, pageWorld({ mode }));
        messages.push(await client.login().then(() => 'no error', (error) => error.message));
      }
    }
    return messages;
  }, peer.issuer);
  for (const message of messages) assert.match(message, /set redirect_uri to a page of http:\/\/127/);
});

test('IndexedDB with Web Locks keeps the contract of a store', async () => {
  await serve('popup');
  const page = await open();
  await page.evaluate(async () => {
    const { storeConformance } = await import('/pkg/conformance.js');
    const { indexedDbStore } = await import('/pkg/page.js');
    await storeConformance(() => indexedDbStore());
    await storeConformance(() => indexedDbStore('another'));
  });
});

test('two tabs that renew at once cost one refresh', async () => {
  await serve('popup');
  const page = await open();
  await person(await popupOf(page));
  await endOf(page);
  const second = await open();
  const { accessToken } = await page.evaluate(() => client.token());
  const renew = (tab) => tab.evaluate((rejected) => client.token({ rejected }).then((token) => token.accessToken), accessToken);
  const tokens = await Promise.all([renew(page), renew(second)]);
  assert.equal(new Set(tokens).size, 1);
  assert.notEqual(tokens[0], accessToken);
  const { refreshes, reuses } = await peer.counts();
  assert.deepEqual({ refreshes, reuses }, { refreshes: 1, reuses: 0 });
});
