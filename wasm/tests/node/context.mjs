// A context of its own, in a thread: its texts and locks lie in the one that started it, so that they outlive it. Wherever
// it is told to stop, it stands still, and can only be killed.
import { parentPort, workerData } from 'node:worker_threads';

import { Client, TextStore } from '../../pkg/index.js';
import { nodeWorld } from '../../pkg/node.js';

const { config, call, argument, stop, gate } = workerData;

const questions = new Map();
let asked = 0;
const ask = (what, ...of) => new Promise((resolve, reject) => {
  questions.set(++asked, { resolve, reject });
  parentPort.postMessage({ id: asked, what, of });
});
parentPort.on('message', ({ id, value, error }) => {
  const { resolve, reject } = questions.get(id);
  questions.delete(id);
  if (error) reject(new Error(error));
  else resolve(value);
});

const texts = {
  place: 'another thread',
  get: (name) => ask('get', name),
  set: (name, text) => ask('set', name, text),
  remove: (name) => ask('remove', name),
  watch: () => () => undefined,
  describe: () => 'another thread',
};
const locks = {
  async hold(name, wait) {
    const held = await ask('hold', name, wait);
    return held === undefined ? undefined : () => parentPort.postMessage({ what: 'release', of: [held] });
  },
  async exclusive(name, work) {
    const release = await locks.hold(name, 60_000);
    try {
      return await work();
    } finally {
      release();
    }
  },
};

let step = -1;
const observer = ({ flow, action, outcome, ignored }) => {
  if (ignored) return;
  if (outcome === null) step++;
  const point = `${flow} ${step} ${action} ${outcome === null ? 'before' : 'after'}`;
  parentPort.postMessage({ what: 'point', of: [point] });
  if (point === stop) Atomics.wait(new Int32Array(gate), 0, 0);
};

const world = nodeWorld({ store: new TextStore(texts, locks), show() {}, open: (url) => ask('open', url) });
const client = new Client(config, world, { observer });
client[call](argument).then(
  () => parentPort.postMessage({ what: 'ended', of: [] }),
  (error) => parentPort.postMessage({ what: 'ended', of: [String(error)] }),
);
