// The background: the one place that logs in. A worker that was woken by an event tells it only to listeners that are
// there when this script has run, so nothing is awaited at the top.

import { userinfo } from './api.js';
import { clear, note } from './journal.js';
import { lastingWorld } from './place.js';
import { cleanSettings, configOf, readSettings, serverName, writeSettings } from './settings.js';
import { extensionStore } from './tokenway/extension.js';
import { Client } from './tokenway/index.js';

/** What the popup finds again beside the client's own state; in memory only. */
const CALL = 'call';
const PROBLEM = 'problem';

const world = lastingWorld(extensionStore('local'));
let current = readSettings().then(begin);

const COMMANDS = {
  status,
  login: async () => {
    const { client } = await current;
    await forget(PROBLEM);
    client.login().catch((error) => unlessKept(client, error));
  },
  cancel: async () => (await current).client.cancelLogin(),
  reopen: async () => (await current).client.reopen(),
  call: async () => {
    const { client } = await current;
    await forget(PROBLEM);
    await chrome.storage.session.set({ [CALL]: await userinfo(client) });
  },
  logout: async () => {
    const { client } = await current;
    await forget(PROBLEM, CALL);
    const { revoked } = await client.logout();
    if (revoked.revoked === 'not_confirmed') throw new Error(`You are logged out here. The server did not confirm it: ${revoked.why}`);
  },
  clear,
  settings: async ({ settings }) => {
    const { client } = await current;
    if ((await client.status().catch(() => undefined))?.underWay) throw new Error('Finish or cancel the login first.');
    const wanted = cleanSettings(settings);
    // A configuration that cannot work is told here, and never kept.
    await new Client(configOf(wanted), { store: world.store }).status();
    await writeSettings(wanted);
    await forget(PROBLEM, CALL);
    current = Promise.resolve(begin(wanted));
    void badge();
  },
};

/** What these say is kept for the popup: it may be closed before they end. */
const REMEMBERED = new Set(['call', 'cancel', 'logout', 'reopen']);

chrome.runtime.onMessage.addListener((message, sender, respond) => {
  if (sender.id !== chrome.runtime.id || !Object.hasOwn(COMMANDS, message?.do)) return false;
  COMMANDS[message.do](message).then(
    (value) => respond({ value }),
    async (error) => {
      if (REMEMBERED.has(message.do)) await remember(error);
      respond({ error: shown(error) });
    },
  );
  return true;
});

// Without a listener a new version, or a browser that starts, would not run this script: a login under way would wait.
chrome.runtime.onInstalled.addListener(() => void badge());
chrome.runtime.onStartup.addListener(() => void badge());

function begin(settings) {
  const client = new Client(configOf(settings), world, { observer: note });
  client.onChange(() => void badge());
  return { settings, client };
}

async function status() {
  const { settings, client } = await current;
  const session = await chrome.storage.session.get([CALL, PROBLEM]);
  const state = await client.status().then((value) => ({ status: value }), (error) => ({ broken: shown(error) }));
  return { settings, ...session, ...state, ownRedirect: chrome.identity?.getRedirectURL() };
}

/** Most failures of a login are kept by the client; a mistake in the configuration is not. */
async function unlessKept(client, error) {
  const kept = await client.status().catch(() => undefined);
  if (!kept?.lastError) await remember(error);
}

async function remember(error) {
  await chrome.storage.session.set({ [PROBLEM]: shown(error) });
}

async function forget(...names) {
  await chrome.storage.session.remove(names);
}

function shown(error) {
  return typeof error?.toJSON === 'function' ? error.toJSON() : { name: 'Error', code: 'other', message: error?.message ?? String(error), advice: '' };
}

async function badge() {
  const { settings, client } = await current;
  const { login, lastError, underWay } = await client.status().catch(() => ({}));
  const text = underWay ? '…' : lastError && lastError.code !== 'cancelled' ? '!' : '';
  const who = login ? `logged in at ${serverName(settings)}` : underWay ? 'waiting for the browser' : 'not logged in';
  await chrome.action.setBadgeBackgroundColor({ color: text === '!' ? '#b3261e' : '#4f46e5' });
  await chrome.action.setBadgeText({ text });
  await chrome.action.setTitle({ title: `tokenway: ${who}` });
}
