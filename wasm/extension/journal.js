// What the machine did, for curious eyes: names of flows, actions and outcomes, never what is in them.

export const JOURNAL = 'journal';

/** Enough for some logins and their renewals; the popup shows all of them. */
const MAX_ENTRIES = 100;

let queue = Promise.resolve();

/** The observer of a `Client`. */
export function note({ flow, id, action, outcome, ignored }) {
  const step = `${flow} ${id.life}.${id.step}`;
  return change((entries) => {
    const told = outcome === null ? -1 : entries.findLastIndex((entry) => entry.step === step);
    const entry = { step, flow, action, outcome, ignored: ignored !== null, at: told < 0 ? Date.now() : entries[told].at };
    if (told < 0) return [...entries, entry].slice(-MAX_ENTRIES);
    return entries.with(told, entry);
  });
}

export function clear() {
  return change(() => []);
}

/** One change after the other: two flows may be on their way. */
function change(make) {
  queue = queue.then(async () => {
    const { [JOURNAL]: entries = [] } = await chrome.storage.session.get(JOURNAL);
    await chrome.storage.session.set({ [JOURNAL]: make(entries) });
  }).catch((error) => console.warn(`tokenway: the log could not be kept: ${error}`));
  return queue;
}
