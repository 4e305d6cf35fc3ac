// The extension under test: it does what it is told, and can stand still before and after each action.
import { config, options } from './config.js';
import { ready } from './ready.js';
import { extensionStore, extensionWorld } from './tokenway/extension.js';
import { Client } from './tokenway/index.js';

const milliseconds = ready();
const store = extensionStore(options.area);
const client = new Client(config, extensionWorld({ store, via: options.via }), { observer });
const session = chrome.storage.session;

/** The HTTP exchange under way, and the save that follows it. */
let exchange, saving;

/** What an observer returns is awaited, but from the answer of a server to the save. */
async function observer({ flow, id, action, outcome, ignored }) {
  if (ignored) return;
  const step = `${flow} ${id.life}.${id.step} ${action}`;
  exchange = ['fetch', 'post form'].includes(action) && outcome === null ? step : undefined;
  saving = action === 'save' && outcome === null ? step : undefined;
  if (!saving) await standAt(`${step} ${outcome === null ? 'before' : 'after'}`);
}

const save = store.save.bind(store);
store.save = async (...given) => {
  await standAt(`${saving} before`);
  return save(...given);
};

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
