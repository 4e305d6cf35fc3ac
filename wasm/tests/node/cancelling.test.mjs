// A login is cancelled by its signal before and after every action: it is there, or it left nothing behind.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Client, TextStore } from '../../pkg/index.js';
import { nodeWorld } from '../../pkg/node.js';
import { ContextLocks } from '../../pkg/store/locks.js';
import { MemoryTexts } from '../../pkg/store/memory.js';
import { startPeer } from '../peer.mjs';
import { logIn } from '../person.mjs';

const LOGIN = ['fetch', 'listen', 'open URL', 'await callback', 'begin', 'post form', 'save'];

let peer;
before(async () => {
  peer = await startPeer({ AT_TTL: '600' });
});
after(() => peer.stop());

for (const [step, action] of LOGIN.entries()) {
  for (const when of ['before', 'after']) {
    test(`a login that is cancelled ${when} "${action}" is there, or left nothing behind`, async () => {
      await peer.reset();
      const texts = new MemoryTexts();
      const names = new Set();
      texts.watch((name) => names.add(name));
      const abort = new AbortController();
      let at = -1;
      const observer = ({ outcome, ignored }) => {
        if (!ignored && outcome === null) at++;
        if (at === step && (outcome === null) === (when === 'before')) abort.abort();
      };
      const people = [];
      const open = (url) => people.push(logIn(url).catch((error) => error)) > 0;
      const world = nodeWorld({ store: new TextStore(texts, new ContextLocks()), show() {}, open });
      const client = new Client({ issuer: peer.issuer, client_id: 'native' }, world, { observer });

      const end = await client.login({ signal: abort.signal }).catch((error) => error);
      const { exchanges } = await peer.counts();
      const { login, underWay } = await client.status();
      assert.equal(abort.signal.aborted, true, 'that point is never reached');
      assert.equal(underWay, false);
      if (login) {
        assert.equal(end.claims.sub, 'alice', String(end));
        assert.equal(exchanges, 1);
        assert.ok(step >= LOGIN.indexOf('await callback'), 'what was cancelled before the wait went on');
      } else {
        assert.equal(end.code, 'cancelled', String(end));
        assert.equal(exchanges, 0);
        for (const name of names) if (!name.startsWith('tokenway:last:')) assert.equal(await texts.get(name), undefined, name);
      }
      await Promise.all(people);
      assert.equal((await client.login()).claims.sub, 'alice');
    });
  }
}
