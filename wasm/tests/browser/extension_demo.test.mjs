// The four steps of the extension as it is installed, with the settings that it comes with but for the port, against
// `tokenway demo --serve`.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Desk, press, shows, textOf } from './popup_support.mjs';
import { BROWSERS, until } from './support.mjs';

const wasm = fileURLToPath(new URL('../../', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url));
const command = `${target}/debug/tokenway`;
const missing = !existsSync(command) && 'the command tokenway was not built';

for (const kind of BROWSERS) {
  describe(`the extension in ${kind}`, { concurrency: false, skip: missing, timeout: 120_000 }, () => {
    let server, issuer, desk;
    before(async () => {
      execFileSync(process.execPath, ['extension/build.mjs', kind], { cwd: wasm });
      server = spawn(command, ['demo', '--serve', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const output of [server.stdout, server.stderr]) output.on('data', (text) => (said += text));
      issuer = await until('the demo server', async () => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]);
      desk = await Desk.open(kind);
    });
    after(async () => {
      await desk?.close();
      if (server?.kill()) await once(server, 'exit');
    });

    test('logs in at the demo server, shows who that is, calls its API and logs out', async () => {
      const popup = await desk.popup();
      assert.match(await shows(popup, 'out'), /You are not logged in/);
      await desk.choose(popup, { issuer });
      await press(popup, '#login');
      await desk.approve(issuer);
      assert.match(await shows(popup, 'in'), /Access token until .*, then renewed\./);
      await press(popup, '#call');
      await until('the answer of the API', async () => /The API answered/.test(await textOf(popup, 'main')));
      assert.match(await textOf(popup, '#result'), /200 /);
      await press(popup, '#logout');
      assert.match(await shows(popup, 'out'), /You are not logged in/);
      assert.deepEqual(desk.complaints, []);
    });
  });
}
