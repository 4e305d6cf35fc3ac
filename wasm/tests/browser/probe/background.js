// The extension under test: it does what it is told, and can stand still before and after each action.
import { config, options } from './config.js';
import { ready } from './ready.js';
import { extensionStore, extensionWorld } from './tokenway/extension.js';
import { Client } from './tokenway/index.js';

const milliseconds = ready();
const client = new Client(config, extensionWorld({ store: extensionStore(options.area), via: options.via }), { observer });
const session = chrome.storage.session;

/** The HTTP exchange under way. */
let exchange;

/** What an observer returns is awaited, but for the answers of servers. */
async function observer({ flow, id, action, outcome, ignored }) {
  if (ignored) return;
  const step = `${flow} ${id.life}.${id.step} ${action}`;
  exchange = ['fetch', 'post form'].includes(action) && outcome === null ? step : undefined;
  await standAt(`${step} ${outcome === null ? 'before' : 'after'}`);
}

const network = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const answer = await network(...request);
  if (exchange) {
    await answer.clone().arrayBuffer();
    await standAt(`${exchange} after`);
  }
  return answer;
};

/** Stands still for ever at the point that the test named, once: this life of the background ends there. */
async function standAt(point) {
  const { pause } = await session.get('pause');
  if (pause !== point) return;
  await session.set({ pause: null, reached: point });
  await new Promise(() => {});
}

const TOLD = {
  cancel: () => client.cancelLogin(),
  login: () => client.login(),
  logout: () => client.logout(),
  ready: () => milliseconds,
  reopen: () => client.reopen(),
  status: () => client.status(),
  token: ({ wish }) => client.token(wish),
  wake: async () => null,
};

// Answers are left in the storage: a message that waits for its answer would keep the background alive.
chrome.runtime.onMessage.addListener((message) => {
  if (message.to !== 'background') return;
  TOLD[message.do](message).then(
    (value) => session.set({ [message.answer]: { value: value ?? null } }),
    (error) => session.set({ [message.answer]: { error: JSON.parse(JSON.stringify(error)), text: String(error) } }),
  );
});
