// The extension of this package in Chromium and Firefox: its popup, by the keyboard, against a real server.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startPeer } from '../peer.mjs';
import { Desk, DIST, press, shows, textOf } from './popup_support.mjs';
import { BROWSERS, until } from './support.mjs';

const wasm = fileURLToPath(new URL('../../', import.meta.url));

before(() => BROWSERS.forEach((kind) => execFileSync(process.execPath, ['extension/build.mjs', kind], { cwd: wasm })));

if (BROWSERS.includes('firefox')) test('Firefox\'s own linter finds nothing wrong with it', { timeout: 120_000 }, async () => {
  const lint = ['node_modules/.bin/web-ext', 'lint', '--source-dir', `${DIST}/firefox`, '--output', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, lint, { cwd: wasm }).catch((error) => error);
  const { errors, warnings, notices } = JSON.parse(stdout);
  assert.deepEqual([...errors, ...warnings, ...notices], []);
});

const scopes = 'openid profile email offline_access';
const WAYS = {
  'the browser\'s login window': { server: 'issuer', clientId: 'extension', redirectUri: '', scopes },
  'a tab': { server: 'issuer', clientId: 'native', redirectUri: 'http://127.0.0.1:49400/callback', scopes },
};

for (const kind of BROWSERS) {
  describe(`the popup in ${kind}`, { concurrency: false, timeout: 240_000 }, () => {
    let desk, peer, popup;
    before(async () => {
      peer = await startPeer();
      desk = await Desk.open(kind);
    });
    after(async () => {
      await desk?.close();
      await peer?.stop();
    });
    beforeEach(async () => {
      await peer.reset();
      popup = await desk.popup();
    });
    afterEach(async () => {
      await desk.leave(popup, peer.issuer);
      assert.deepEqual(desk.complaints, []);
    });

    for (const [way, settings] of Object.entries(WAYS)) {
      test(`logs in by ${way}, shows who that is, calls the API and logs out`, async () => {
        await desk.choose(popup, { ...settings, issuer: peer.issuer });
        await press(popup, '#login');
        assert.match(await shows(popup, 'waiting'), /Waiting for the browser/);
        await desk.approve(peer.issuer);
        assert.match(await shows(popup, 'in'), /User ada\s+ada@example\.test\s+Access token until .*, then renewed\./);

        await press(popup, '#call');
        await until('the answer of the API', async () => /The API answered/.test(await textOf(popup, 'main')));
        assert.match(await textOf(popup, '#result'), /200 .*\/me\s+\{\s+"sub": "ada"/s);

        await popup.close();
        popup = await desk.popup();
        assert.match(await shows(popup, 'in'), /User ada.*The API answered/s);

        await press(popup, '#logout');
        assert.match(await shows(popup, 'out'), /You are not logged in/);
        // The popup shows the logout as soon as it stands; the server is told after that.
        await until('the revocation', async () => (await peer.counts()).revocations > 0);
        const { exchanges, exchange_errors } = await peer.counts();
        assert.deepEqual({ exchanges, exchange_errors }, { exchanges: 1, exchange_errors: 0 });
      });

      test(`finishes a login by ${way} that an update interrupted`, async () => {
        await desk.choose(popup, { ...settings, issuer: peer.issuer });
        await press(popup, '#login');
        await desk.loginPage(peer.issuer);
        await desk.update(popup);
        popup = await desk.popup();
        await shows(popup, 'waiting');
        await desk.approve(peer.issuer);
        assert.match(await shows(popup, 'in'), /User ada/);
        assert.equal((await peer.counts()).exchanges, 1);
      });

      test(`shows a login by ${way} again when an update interrupted it and its page was lost`, async () => {
        await desk.choose(popup, { ...settings, issuer: peer.issuer });
        await press(popup, '#login');
        await desk.loginPage(peer.issuer);
        await desk.update(popup);
        for (const page of await desk.loginPages(peer.issuer)) await page.close();
        popup = await desk.popup();
        if ((await until('the popup', () => popup.evaluate(() => document.body.dataset.state))) === 'waiting') await press(popup, '#reopen');
        else await press(popup, '#login');
        await desk.approve(peer.issuer);
        assert.match(await shows(popup, 'in'), /User ada/);
      });

      test(`cancels a login by ${way}, whose page closes`, async () => {
        await desk.choose(popup, { ...settings, issuer: peer.issuer });
        await press(popup, '#login');
        await desk.loginPage(peer.issuer);
        await press(popup, '#reopen');
        await press(popup, '#cancel');
        await shows(popup, 'out');
        await until('the reason', async () => /The login was cancelled\./.test(await textOf(popup, 'main')));
        await until('the page to be closed', async () => (await desk.loginPages(peer.issuer)).length === 0);
      });
    }

    test('says honestly that a login was interrupted while its code was on its way', async () => {
      await desk.choose(popup, { ...WAYS['a tab'], issuer: peer.issuer });
      const exchanging = async () => (await peer.counts()).token_requests > 0;
      await peer.delay({ path: '/token', ms: 5_000 });
      await press(popup, '#login');
      await desk.approve(peer.issuer, exchanging);
      await until('the code to be on its way', exchanging);
      await desk.update(popup);
      await peer.delay({ path: '/token', ms: 0 });
      popup = await desk.popup();
      await shows(popup, 'out');
      const text = await until('the reason', async () => /interrupted/.test(await textOf(popup, 'main')) && textOf(popup, 'main'));
      assert.match(text, /Log in again\s+Exchanging the code\s+This login was interrupted after its code was on its way.*\s+Log in again\./);
    });

    test('says which host it may not ask, and offers to ask for it', async () => {
      await desk.choose(popup, { ...WAYS['a tab'], issuer: 'https://login.example.org' });
      await press(popup, '#login');
      await until('the error', async () => /may not ask login\.example\.org/.test(await textOf(popup, 'main')));
      assert.match(await textOf(popup, '#allow'), /Allow login\.example\.org/);
    });

    test('keeps no settings that cannot work', async () => {
      await popup.evaluate(() => {
        document.getElementById('settings').open = true;
        document.getElementById('form').elements.issuer.value = 'http://example.com';
      });
      await press(popup, '#form button');
      await until('the reason', () => popup.evaluate(() => !document.getElementById('form-problem').hidden));
      assert.match(await textOf(popup, '#form-problem'), /only https is allowed/);
      assert.notEqual(await popup.evaluate(async () => (await chrome.storage.local.get('settings')).settings?.issuer), 'http://example.com');
    });

    test('lists the names of the last hundred steps, and clears them', async () => {
      await desk.choose(popup, { ...WAYS['the browser\'s login window'], issuer: peer.issuer });
      await press(popup, '#login');
      await desk.approve(peer.issuer);
      await shows(popup, 'in');
      await popup.evaluate(() => {
        document.getElementById('journal').open = true;
      });
      assert.match(await textOf(popup, '#entries'), /Save the login\s+login save → saved/);
      assert.doesNotMatch(await textOf(popup, '#entries'), /under way/);
      const kept = await popup.evaluate(async () => JSON.stringify(await chrome.storage.session.get('journal')));
      assert.doesNotMatch(kept, /code=|state=|http:|[\w-]{30}/);
      await popup.evaluate(async () => {
        const entry = { step: 'login 0.0', flow: 'login', action: 'fetch', outcome: 'http', ignored: false, at: 0 };
        await chrome.storage.session.set({ journal: Array(99).fill(entry) });
      });
      await press(popup, '#call');
      await until('a hundred steps', async () => (await textOf(popup, '#journal-count')) === '100 steps');
      await press(popup, '#clear');
      await until('an empty log', async () => /Nothing yet/.test(await textOf(popup, '#journal')));
    });
  });
}
