// An extension's everyday life, and its enemies.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { BROWSERS, logIn, person, sleep, start, stop, until } from './support.mjs';

const EXPIRIES = 50;

for (const kind of BROWSERS) {
  for (const via of ['identity', 'tab']) {
    describe(`in ${kind}, logged in by ${via}`, { concurrency: false }, () => {
      let peer, world;
      before(async () => ({ peer, world } = await start(kind, via)));
      after(() => stop({ peer, world }));
      beforeEach(() => world.clear());

      test('a person logs in, an API is called, the token is renewed, the person logs out', async () => {
        const loggedIn = await logIn(world, peer);
        assert.equal(loggedIn.claims.email, 'ada@example.test');
        const { value: token } = await world.ask({ do: 'token', wish: {} });
        assert.equal((await userinfo(peer, token)).sub, 'ada');
        const { value: renewed } = await world.ask({ do: 'token', wish: { rejected: token.accessToken } });
        assert.notEqual(renewed.accessToken, token.accessToken);
        assert.equal((await userinfo(peer, renewed)).sub, 'ada');
        const { value: loggedOut } = await world.ask({ do: 'logout' });
        assert.deepEqual(loggedOut.revoked, { revoked: 'confirmed' });
        const { error } = await world.ask({ do: 'token', wish: {} });
        assert.equal(error.name, 'LogInError');
        assert.equal((await peer.counts()).reuses, 0);
      });

      test('nothing of a login is left open or stored once it has ended', async () => {
        await logIn(world, peer);
        const names = await world.storage(async () => Object.keys(await chrome.storage.local.get(null)));
        assert.deepEqual(names.map((name) => name.split(':')[1]), ['record']);
        const open = (await world.browser.pages()).map((page) => page.url()).filter((url) => url.startsWith(peer.issuer));
        assert.deepEqual(open, []);
      });

      test('a page that navigates to the redirect with a wrong state does not end the login', async () => {
        // Opened first: a page opened later can become a tab of the login's own window, and what arrives there is the answer.
        const stranger = await world.browser.newPage();
        const answer = world.order({ do: 'login' });
        const redirect = await until('the receiver', () => redirectOf(world));
        await stranger.goto(`${redirect}?code=stolen&state=forged`).catch(() => undefined);
        await sleep(300);
        assert.equal((await world.ask({ do: 'status' })).value.underWay, true);
        const somebody = person(world.browser, peer.issuer);
        const { value, error } = await world.answerOf(answer);
        await somebody.leave();
        await stranger.close().catch(() => undefined);
        assert.equal(value?.claims.sub, 'ada', JSON.stringify(error));
      });

      if (kind === 'chromium' && via === 'identity') test('a login beside another window of a login says so', async () => {
        await world.storage((url) => void chrome.identity.launchWebAuthFlow({ url, interactive: true }).catch(() => undefined), `${peer.issuer}/.well-known/openid-configuration`);
        const other = await until('the other window', async () =>
          (await world.browser.pages()).find((page) => page.url().endsWith('/openid-configuration')));
        const { error } = await world.ask({ do: 'login' });
        assert.match(error.message, /another login window of this extension is open/);
        await other.close();
        assert.equal((await logIn(world, peer)).claims.sub, 'ada');
      });

      test('a storage that is cleared in mid-flow ends the login with a typed error', async () => {
        const answer = world.order({ do: 'login' });
        await until('the receiver', () => redirectOf(world));
        await until('the login page', async () => (await world.browser.pages()).find((page) => page.url().startsWith(`${peer.issuer}/interaction/`)));
        await world.storage(() => chrome.storage.local.clear());
        const { error } = await world.answerOf(answer);
        assert.equal(error.code, 'cancelled');
        assert.match(error.message, /removed from the storage/);
        // A window that stays would be in the way of the next login.
        await until('the end of the login page', async () => !(await world.browser.pages()).some((page) => page.url().startsWith(peer.issuer)), 5_000);
      });

      test('a person who cancels gets an end at once, and can start over', async () => {
        const answer = world.order({ do: 'login' });
        await until('the receiver', () => redirectOf(world));
        await world.ask({ do: 'cancel' });
        const { error } = await world.answerOf(answer);
        assert.equal(error.code, 'cancelled');
        await logIn(world, peer);
      });
    });
  }

  describe(`in ${kind}`, { concurrency: false }, () => {
    let peer, world;
    before(async () => ({ peer, world } = await start(kind, 'identity')));
    after(() => stop({ peer, world }));
    beforeEach(() => world.clear());

    test(`four contexts share one renewal, ${EXPIRIES} times`, async () => {
      await logIn(world, peer);
      const pages = [world.page, await world.openPage(), await world.openPage()];
      await peer.reset();
      let { value: token } = await world.ask({ do: 'token', wish: {} });
      for (let expiry = 0; expiry < EXPIRIES; expiry += 1) {
        const wish = { rejected: token.accessToken };
        const answer = world.order({ do: 'token', wish });
        const others = pages.map((page) => page.evaluate((wish) => globalThis.client.token(wish), wish));
        const tokens = [(await world.answerOf(answer)).value, ...(await Promise.all(others))];
        assert.equal(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
        [token] = tokens;
        assert.notEqual(token.accessToken, wish.rejected);
      }
      const { refreshes, reuses } = await peer.counts();
      assert.deepEqual({ refreshes, reuses }, { refreshes: EXPIRIES, reuses: 0 });
    });

    test('an answer that is lost ends the login only because the server refuses a second try', async () => {
      await logIn(world, peer);
      const { value: token } = await world.ask({ do: 'token', wish: {} });
      await peer.reset();
      await peer.dropAnswerOnce({});
      const { error } = await world.ask({ do: 'token', wish: { rejected: token.accessToken } });
      assert.equal(error.name, 'LogInError');
      // One that was performed, and one more: by the machine, or by a browser that sends again on a connection of its pool.
      const { refreshes, reuses } = await peer.counts();
      assert.deepEqual({ refreshes, reuses }, { refreshes: 1, reuses: 1 });
    });

    test('a server that is in trouble costs no login', async () => {
      await logIn(world, peer);
      const { value: token } = await world.ask({ do: 'token', wish: {} });
      await peer.errorOnce({ status: 400, body: 'bad gateway', headers: { 'content-type': 'text/html' } });
      const { error } = await world.ask({ do: 'token', wish: { rejected: token.accessToken } });
      assert.notEqual(error.name, 'LogInError');
      assert.equal((await world.ask({ do: 'status' })).value.login.claims.sub, 'ada');
    });

    test('a full storage fails a login before its window opens, and a renewal before anything is sent', async (t) => {
      if (kind === 'firefox') return t.skip('its local storage has no quota that could be filled');
      await logIn(world, peer);
      const { value: token } = await world.ask({ do: 'token', wish: {} });
      await peer.reset();
      await fill(world);
      const { error: renewal } = await world.ask({ do: 'token', wish: { rejected: token.accessToken } });
      assert.equal(renewal.code, 'store');
      const { error: login } = await world.ask({ do: 'login' });
      assert.equal(login.code, 'store');
      assert.match(login.message, /saving the login: nothing can be written/);
      assert.equal((await peer.counts()).token_requests, 0);
      await empty(world);
      // The failure is shared for a second.
      await sleep(1_100);
      const { value: renewed } = await world.ask({ do: 'token', wish: { rejected: token.accessToken } });
      assert.notEqual(renewed.accessToken, token.accessToken);
    });
  });
}

const userinfo = async (peer, { authorization }) => (await fetch(`${peer.issuer}/me`, { headers: { authorization } })).json();

/** Where the login under way waits for its redirect. */
const redirectOf = (world) => world.storage(async () => {
  for (const [name, text] of Object.entries(await chrome.storage.local.get(null))) {
    if (name.startsWith('tokenway:login:')) return JSON.parse(text).redirectUri;
  }
});

/** Until not even a note fits. */
const fill = (world) => world.storage(async () => {
  for (let size = 1 << 22, at = 0; size > 0; at += 1) {
    await chrome.storage.local.set({ [`ballast ${at}`]: 'x'.repeat(size) }).catch(() => {
      size >>= 1;
    });
  }
});

const empty = (world) => world.storage(async () => {
  const names = Object.keys(await chrome.storage.local.get(null));
  await chrome.storage.local.remove(names.filter((name) => name.startsWith('ballast')));
});
