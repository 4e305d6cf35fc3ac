// What an extension that wakes has to wait for. It is measured, and never judged by a clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROWSERS, start, stop } from './support.mjs';

const LIVES = 9;

for (const kind of BROWSERS) {
  test(`in ${kind}, a worker and a background that wakes have the module ready, each time anew`, async () => {
    const { peer, world } = await start(kind, 'identity');
    try {
      const times = { 'a worker': [], 'a background that wakes': [] };
      for (let life = 0; life < LIVES; life += 1) {
        times['a worker'].push(await world.page.evaluate(inWorker));
        await world.kill();
        times['a background that wakes'].push((await world.ask({ do: 'ready' })).value);
      }
      for (const [where, measured] of Object.entries(times)) {
        assert.ok(measured.every(({ loaded, answered }) => loaded > 0 && answered >= loaded), JSON.stringify(measured));
        const { median, best } = summary(measured.map(({ loaded }) => loaded));
        const answered = summary(measured.map(({ answered }) => answered)).median;
        console.log(`ready: ${median} ms after the fetch of the module began in ${where}, the median of ${LIVES}, ${best} the best; ${answered} ms to its first answer (${kind})`);
      }
    } finally {
      await stop({ peer, world });
    }
  });
}

function summary(times) {
  times.sort((one, other) => one - other);
  return { best: times[0].toFixed(1), median: times[(LIVES - 1) / 2].toFixed(1) };
}

const inWorker = () => new Promise((resolve, reject) => {
  const worker = new Worker('worker.js', { type: 'module' });
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.onmessage = ({ data }) => {
    worker.terminate();
    resolve(data);
  };
});
