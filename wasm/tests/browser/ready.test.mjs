// What a worker that is woken for an event has to wait for. It is measured, and never judged by a clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROWSERS, start, stop } from './support.mjs';

const LIVES = 9;

for (const kind of BROWSERS) {
  test(`in ${kind}, a worker that wakes has the module ready, each time anew`, async () => {
    const { peer, world } = await start(kind, 'identity');
    try {
      const times = [];
      for (let life = 0; life < LIVES; life += 1) {
        await world.kill();
        times.push((await world.ask({ do: 'ready' })).value);
      }
      times.sort((one, other) => one - other);
      assert.ok(times.every((time) => time > 0), String(times));
      const [best, median] = [times[0], times[(LIVES - 1) / 2]].map((time) => time.toFixed(1));
      console.log(`ready: ${median} ms from the fetch of the module to its first answer, the median of ${LIVES} workers, ${best} the best (${kind})`);
    } finally {
      await stop({ peer, world });
    }
  });
}
