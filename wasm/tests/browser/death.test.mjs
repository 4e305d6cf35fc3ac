// The background dies before and after every action of a login and of a renewal, and is woken by an event.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BROWSERS, logIn, person, start, stop, until } from './support.mjs';

/** The actions of a login, as the worker performs them, and whether one that dies there goes on. */
const LOGIN = ['fetch', 'listen', 'open URL', 'await callback', 'begin', 'post form', 'save'];
const RENEWAL = ['load', 'lock', 'load', 'note', 'post form', 'save', 'unlock'];

const points = (flow, actions) =>
  actions.flatMap((action, step) => ['before', 'after'].map((when) => ({ flow, step, action, when, name: `${flow} 0.${step} ${action} ${when}` })));

/** A login goes on until its code is claimed, and once its tokens are saved. */
const loginGoesOn = ({ step, action, when }) => step < LOGIN.indexOf('begin') || (action === 'begin' && when === 'before') || (action === 'save' && when === 'after');

const isBeforeTheWait = ({ step, when }) => step < LOGIN.indexOf('await callback') || (step === LOGIN.indexOf('await callback') && when === 'before');

/** A renewal goes on unless the answer was lost with the worker. */
const renewalGoesOn = ({ action, when }) => !((action === 'post form' && when === 'after') || (action === 'save' && when === 'before'));

const table = [];

for (const kind of BROWSERS) {
  for (const via of ['identity', 'tab']) {
    describe(`a login by ${via} in ${kind}`, { concurrency: false }, () => {
      let peer, world;
      before(async () => ({ peer, world } = await start(kind, via)));
      after(() => stop({ peer, world }));

      for (const point of points('login', LOGIN)) {
        test(`survives, or says so, when the worker dies ${point.when} "${point.action}"`, async () => {
          await world.clear();
          await peer.reset();
          await world.storage((pause) => chrome.storage.session.set({ pause }), point.name);
          world.order({ do: 'login' });
          // Up to the wait nobody has come back yet: the person logs in while the worker is gone.
          let somebody = isBeforeTheWait(point) ? undefined : person(world.browser, peer.issuer);
          try {
            await reached(world, point);
            await world.kill();
            world.order({ do: 'wake' });
            somebody ??= person(world.browser, peer.issuer);
            const status = await until('the end of the login', async () => {
              const { value } = await world.ask({ do: 'status' });
              return !value.underWay && (value.login || value.lastError) && value;
            });
            const counts = await peer.counts();
            table.push({ browser: kind, via, ...point, end: status.login ? 'logged in' : status.lastError.code });
            assert.equal(counts.exchange_errors, 0, 'a code was spent twice');
            assert.ok(counts.exchanges <= 1);
            if (loginGoesOn(point)) {
              assert.equal(status.login?.claims.sub, 'ada', JSON.stringify(status.lastError));
              assert.equal(status.lastError, undefined);
            } else {
              assert.equal(status.login, undefined);
              assert.match(status.lastError.message, /interrupted after its code was on its way.* Log in again\./);
            }
          } finally {
            await somebody?.leave();
          }
        });
      }
    });
  }

  describe(`a tab of a login in ${kind}`, { concurrency: false }, () => {
    let peer, world;
    before(async () => ({ peer, world } = await start(kind, 'tab')));
    after(() => stop({ peer, world }));

    test('is missed when it was closed while the worker slept', async () => {
      world.order({ do: 'login' });
      const page = await loginPage(world, peer);
      await until('the wait', async () => (await world.ask({ do: 'status' })).value.underWay);
      await world.kill();
      await page.close();
      const { lastError } = await until('the end of the login', async () => {
        const { value } = await world.ask({ do: 'status' });
        return !value.underWay && value;
      });
      assert.equal(lastError.code, 'cancelled');
      assert.match(lastError.message, /the tab of the login was closed/);
    });
  });

  describe(`a renewal in ${kind}`, { concurrency: false }, () => {
    let peer, world;
    before(async () => ({ peer, world } = await start(kind, 'identity')));
    after(() => stop({ peer, world }));

    for (const point of points('get_token', RENEWAL)) {
      test(`survives, or says so, when the worker dies ${point.when} "${point.action}" (${point.step})`, async () => {
        const rejected = await tokenOfANewLogin(world, peer);
        await peer.reset();
        await world.storage((pause) => chrome.storage.session.set({ pause }), point.name);
        world.order({ do: 'token', wish: { rejected } });
        await reached(world, point);
        await world.kill();
        const { value, error } = await world.ask({ do: 'token', wish: { rejected } });
        const counts = await peer.counts();
        table.push({ browser: kind, via: '-', ...point, end: value ? 'a token' : error.code });
        assert.equal(counts.refreshes, 1);
        if (renewalGoesOn(point)) {
          assert.notEqual(value?.accessToken, rejected, JSON.stringify(error));
          assert.ok(value, JSON.stringify(error));
          assert.equal(counts.reuses, 0);
        } else {
          assert.equal(error?.name, 'LogInError');
          assert.match(error.message, /the new refresh token was lost on the way, which no client can prevent/);
        }
      });
    }
  });
}

after(() => {
  console.log('| browser | login by | flow | action | worker dies | end |\n|---|---|---|---|---|---|');
  for (const { browser, via, flow, action, when, end } of table) console.log(`| ${browser} | ${via} | ${flow} | ${action} | ${when} | ${end} |`);
});

/** Stands at the point, or has ended before it, which is a failure of its own. */
async function reached(world, point) {
  await until(`the point ${point.name}`, () => world.storage(async () => (await chrome.storage.session.get('reached')).reached));
  await world.storage(() => chrome.storage.session.remove('reached'));
}

function loginPage(world, peer) {
  return until('the page of the login', async () => {
    for (const page of await world.browser.pages()) {
      const place = await page.evaluate(() => (document.querySelector('form') ? location.href : '')).catch(() => '');
      if (place.startsWith(peer.issuer)) return page;
    }
    return undefined;
  });
}

/** What a renewal before it left would make the next one wait: each starts from a login of its own. */
async function tokenOfANewLogin(world, peer) {
  await world.clear();
  await logIn(world, peer);
  return (await world.ask({ do: 'token', wish: {} })).value.accessToken;
}
