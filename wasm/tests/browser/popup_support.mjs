// The extension of this package in real browsers: its popup in a tab, and a person in front of it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { until } from './support.mjs';

export const DIST = fileURLToPath(new URL('../../extension/dist', import.meta.url));

const FIREFOX_ID = 'extension@tokenway.example';
const FIREFOX_HOST = '22222222-3333-4444-8555-666666666666';
const ORIGINS = {
  chromium: 'chrome-extension://djpcpkcknmoajhnfejdffdokfemmmdgf',
  firefox: `moz-extension://${FIREFOX_HOST}`,
};

export class Desk {
  /** Errors and warnings of all pages and workers of the extension. */
  complaints = [];

  static async open(kind) {
    const desk = new Desk();
    desk.kind = kind;
    desk.profile = mkdtempSync(join(tmpdir(), 'tokenway-popup-'));
    desk.browser = await LAUNCHERS[kind](desk.profile);
    if (kind === 'chromium') desk.#listenToWorkers();
    return desk;
  }

  async close() {
    await this.browser.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The popup, in a tab as wide as a popup. */
  async popup({ dark = false, height = 600 } = {}) {
    // A tab of Firefox opens in the window that is in front, and takes the place of the page of a login that comes up there.
    const page = await this.browser.newPage({ type: this.kind === 'firefox' ? 'window' : 'tab' });
    page.on('console', (message) => this.#heard(message.type(), message.text()));
    page.on('pageerror', (error) => this.#heard('error', String(error)));
    if (this.kind === 'chromium') await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.setViewport({ width: 360, height, deviceScaleFactor: 2 });
    const goThere = () => void page.goto(`${ORIGINS[this.kind]}/popup.html`).catch(() => undefined);
    // Firefox never says that such a navigation is over.
    goThere();
    await until('the popup', async () => {
      // While an extension is reloaded its pages are refused.
      if (/^(about:neterror|chrome-error:)/.test(await page.evaluate(() => location.href).catch(() => ''))) goThere();
      return !['', 'loading', undefined].includes(await stateOf(page));
    });
    return page;
  }

  /** Fills in the form of the server, as a person does. */
  async choose(popup, settings) {
    await popup.evaluate((given) => {
      document.getElementById('settings').open = true;
      const form = document.getElementById('form');
      for (const [name, value] of Object.entries(given)) form.elements[name].value = value;
    }, settings);
    await press(popup, '#form button');
    await until('the settings to be kept', () => popup.evaluate(() => document.getElementById('form-said').textContent === 'Saved'));
    await popup.evaluate(() => {
      document.getElementById('settings').open = false;
    });
  }

  /** The page of the login, once a browser shows it. */
  loginPage(issuer) {
    return until('the page of the login', async () => {
      for (const page of await this.loginPages(issuer)) {
        if (await page.evaluate(() => document.querySelector('form') !== null).catch(() => false)) return page;
      }
      return undefined;
    });
  }

  /** All pages of the server. What puppeteer knows of a page's address may be old in Firefox. */
  async loginPages(issuer) {
    const pages = await this.browser.pages();
    const places = await Promise.all(pages.map((page) => page.evaluate(() => location.href).catch(() => '')));
    return pages.filter((_, index) => places[index].startsWith(issuer));
  }

  /** Logs in on the pages of the server until they are gone, or `enough` says so. */
  async approve(issuer, enough = async () => false) {
    await this.loginPage(issuer);
    // Between two pages of a login there is none for a moment.
    let looks = 0;
    await until('the end of the pages', async () => {
      const pages = await this.loginPages(issuer);
      for (const page of pages) await page.evaluate(submit).catch(() => undefined);
      looks = pages.length === 0 ? looks + 1 : 0;
      return looks > 10 || enough();
    });
  }

  /** Leaves nothing to the next test. */
  async leave(popup, issuer) {
    await popup.evaluate(async () => {
      await chrome.runtime.sendMessage({ do: 'cancel' });
      await chrome.runtime.sendMessage({ do: 'logout' });
      await chrome.runtime.sendMessage({ do: 'clear' });
    });
    await popup.close();
    for (const page of await this.loginPages(issuer)) await page.close().catch(() => undefined);
  }

  /** As an update does it: the pages of the extension are gone, its worker starts anew. */
  async update(popup) {
    await popup.evaluate(() => chrome.runtime.reload()).catch(() => undefined);
    await until('the popup to be gone', async () => (await stateOf(popup)) === undefined);
  }

  #listenToWorkers() {
    this.browser.on('targetcreated', async (target) => {
      if (target.type() !== 'service_worker') return;
      const worker = await target.worker().catch(() => null);
      worker?.on('console', (message) => this.#heard(message.type(), message.text()));
    });
  }

  #heard(type, text) {
    if (type === 'error' || type === 'warn' || type === 'warning') this.complaints.push(`${type}: ${text}`);
  }
}

const stateOf = (page) => page.evaluate(() => document.body?.dataset.state).catch(() => undefined);

/** Waits until the popup shows that state; what it says then. */
export async function shows(popup, state) {
  await until(`the popup in the state "${state}"`, async () => (await stateOf(popup)) === state).catch(async (error) => {
    throw new Error(`${error.message}; it shows: ${await textOf(popup, 'main').catch(String)}`);
  });
  return textOf(popup, 'main');
}

export function textOf(page, selector) {
  return page.evaluate((selector) => document.querySelector(selector).innerText, selector);
}

/** By the keyboard: whatever can be clicked can be reached so. */
export async function press(popup, selector) {
  await until(`${selector} to be shown`, () => popup.evaluate((selector) => document.querySelector(selector).offsetParent !== null, selector));
  await popup.bringToFront();
  await popup.focus(selector);
  await popup.keyboard.press('Enter');
}

function submit() {
  const form = document.querySelector('form');
  if (!form || form.dataset.sent) return;
  form.dataset.sent = 'yes';
  for (const input of form.querySelectorAll('input:not([type=hidden])')) input.value = 'ada';
  form.requestSubmit(form.querySelector('button[value=allow]') ?? form.querySelector('button'));
}

const LAUNCHERS = {
  chromium: (profile) => {
    // Without the developer mode an unpacked extension that is reloaded stays off.
    mkdirSync(join(profile, 'Default'));
    writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify({ extensions: { ui: { developer_mode: true } } }));
    return puppeteer.launch({
      executablePath: '/usr/bin/chromium',
      headless: true,
      pipe: true,
      userDataDir: profile,
      enableExtensions: [join(DIST, 'chromium')],
      args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync',
      ],
    });
  },
  firefox: async (profile) => {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath: '/usr/bin/firefox-esr',
      headless: true,
      userDataDir: profile,
      args: ['--remote-allow-system-access'],
      extraPrefsFirefox: { 'extensions.webextensions.uuids': JSON.stringify({ [FIREFOX_ID]: FIREFOX_HOST }) },
    });
    await browser.installExtension(join(DIST, 'firefox'));
    return browser;
  },
};
