// Real browsers with the extension under test in them, a real authorization server, and a person who logs in.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { startPeer } from '../peer.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const CHROMIUM_ID = 'djpcpkcknmoajhnfejdffdokfemmmdgf';
const CHROMIUM_KEY = 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyB/RBdhHHBQpZtXmsEbAME346S4JsQmVZ++SR/spL/cq7Y0bKxzlkfDE4c4+vf4GqS/um7BdbSy88vJW+xXw5jcdAZta2Z22Hq1yw3rDsfHhfOkc5sPKj3dbEiAj/P6T3MWeHmRMcKbiKjrZA1Ca0tP0CGUXCMPFBRI+Q5DuIjCWDG0ieoeuvHA5vKqPRcGkGGID6nm+K6uoxNdC9QKSMCu4J4KMmNdrhX4xv5NR9tE09Wpo3NZYtmYIHFq9D7Z3m5fyZ5navPf1x1L3XZZp+IrQHA+Ca70Rfcj5osDKdg3Ih0UbdqvYSFdnNEbxVymdrI4/9xQIcZYgDw9vGTHflQIDAQAB';
const FIREFOX_ID = 'test@tokenway.example';
const FIREFOX_HOST = '11111111-2222-4333-8444-555555555555';

const wanted = process.env.TOKENWAY_BROWSERS?.split(',');

export const BROWSERS = ['chromium', 'firefox'].filter((kind) => wanted?.includes(kind) ?? true);

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until there is an answer. */
export async function until(what, ask, limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await sleep(40);
  }
}

/** A browser with the extension under test, and the server at which its person logs in. */
export async function start(kind, via) {
  const peer = await startPeer();
  const config = {
    issuer: peer.issuer,
    client_id: via === 'tab' ? 'native' : 'extension',
    scopes: ['openid', 'offline_access', 'email'],
    timing: { reject_interval: 0 },
  };
  return { peer, world: await startBrowser(kind, config, { area: 'local', via }) };
}

export async function stop({ peer, world }) {
  await world?.stop();
  await peer?.stop();
}

/** Logs in; what the client answered. */
export async function logIn(world, peer) {
  const somebody = person(world.browser, peer.issuer);
  try {
    const { value, error } = await world.ask({ do: 'login' });
    assert.equal(error, undefined, JSON.stringify(error));
    return value;
  } finally {
    await somebody.leave();
  }
}

/** A browser with the extension, its background, and a page of it that gives orders. */
async function startBrowser(kind, config, options) {
  const folder = extension(kind, config, options);
  const browser = kind === 'chromium' ? await chromium(folder) : await firefox(folder);
  const origin = kind === 'chromium' ? `chrome-extension://${CHROMIUM_ID}` : `moz-extension://${FIREFOX_HOST}`;
  const openPage = async () => {
    const page = await browser.newPage();
    // Firefox never says that such a navigation is over.
    page.goto(`${origin}/page.html`).catch(() => undefined);
    await until('the page of the extension', () => page.evaluate(() => globalThis.client !== undefined).catch(() => false));
    return page;
  };
  const page = await openPage();
  let orders = 0;
  const storage = (work, ...given) => page.evaluate(work, ...given);
  const order = (message) => {
    const answer = `answer ${++orders}`;
    // Without an answer that is waited for: the background may die in the middle.
    void page.evaluate((message) => void chrome.runtime.sendMessage(message).catch(() => undefined), { to: 'background', answer, ...message });
    return answer;
  };
  const answerOf = (answer, limit) => until(`${answer} of the background`, () =>
    storage(async (answer) => (await chrome.storage.session.get(answer))[answer], answer), limit);
  return {
    kind,
    browser,
    page,
    openPage,
    storage,
    order,
    answerOf,
    ask: async (message, limit) => answerOf(order(message), limit),
    kill: () => (kind === 'chromium' ? killWorker(browser, page) : killEventPage(browser)),
    clear: () => storage(async () => {
      await chrome.storage.local.clear();
      await chrome.storage.session.clear();
    }),
    stop: async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function extension(kind, config, options) {
  const folder = mkdtempSync(join(tmpdir(), 'tokenway-extension-'));
  cpSync(at('probe'), folder, { recursive: true });
  cpSync(at('../../pkg'), join(folder, 'tokenway'), { recursive: true });
  writeFileSync(join(folder, 'config.js'), `export const config = ${JSON.stringify(config)};\nexport const options = ${JSON.stringify(options)};\n`);
  const background = kind === 'chromium' ? { service_worker: 'background.js' } : { scripts: ['background.js'] };
  const id = kind === 'chromium'
    ? { key: CHROMIUM_KEY }
    : { browser_specific_settings: { gecko: { id: FIREFOX_ID, strict_min_version: '128.0' } } };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({
    manifest_version: 3,
    name: 'tokenway under test',
    version: '0.1.0',
    ...id,
    background: { ...background, type: 'module' },
    permissions: ['alarms', 'identity', 'storage', 'tabs', 'webNavigation'],
    host_permissions: ['http://127.0.0.1/*'],
    content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" },
  }));
  return folder;
}

const chromium = (folder) => puppeteer.launch({
  executablePath: '/usr/bin/chromium',
  headless: true,
  pipe: true,
  enableExtensions: [folder],
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});

async function firefox(folder) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    args: ['--remote-allow-system-access'],
    extraPrefsFirefox: {
      'extensions.background.idle.timeout': 600_000,
      'extensions.webextensions.uuids': JSON.stringify({ [FIREFOX_ID]: FIREFOX_HOST }),
      'network.proxy.no_proxies_on': '127.0.0.1,localhost',
    },
  });
  await browser.installExtension(folder);
  return browser;
}

async function killWorker(browser, page) {
  const cdp = await page.createCDPSession();
  const running = new Set();
  cdp.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
    for (const { versionId, runningStatus } of versions) {
      if (runningStatus === 'running') running.add(versionId);
      else running.delete(versionId);
    }
  });
  await cdp.send('ServiceWorker.enable');
  await until('the worker that runs', () => running.size > 0, 5_000).catch(() => undefined);
  for (const versionId of [...running]) await cdp.send('ServiceWorker.stopWorker', { versionId });
  await until('the end of the worker', () => running.size === 0, 5_000);
  await cdp.detach();
}

async function killEventPage(browser) {
  const { result: tree } = await browser.connection.send('browsingContext.getTree', { 'moz:scope': 'chrome' });
  const expression = `WebExtensionPolicy.getByID(${JSON.stringify(FIREFOX_ID)}).extension.terminateBackground({ ignoreDevToolsTarget: true })`;
  const { result } = await browser.connection.send('script.evaluate', { expression, target: { context: tree.contexts[0].context }, awaitPromise: true });
  if (result.type === 'exception') throw new Error(`the event page lives on: ${result.exceptionDetails.text}`);
}

/** A person who logs in wherever the server asks, until told to stop. */
export function person(browser, issuer) {
  let present = true;
  const life = (async () => {
    while (present) {
      for (const page of await browser.pages().catch(() => [])) {
        if (page.url().startsWith(`${issuer}/interaction/`)) await approve(page).catch(() => undefined);
      }
      await sleep(60);
    }
  })();
  return {
    leave: async () => {
      present = false;
      await life;
    },
  };
}

async function approve(page) {
  await page.evaluate(() => {
    const form = document.querySelector('form');
    if (!form || form.dataset.sent) return;
    form.dataset.sent = 'yes';
    const login = form.querySelector('[name=login]');
    if (login) login.value = 'ada';
    const password = form.querySelector('[name=password]');
    if (password) password.value = 'any';
    form.submit();
  });
}
