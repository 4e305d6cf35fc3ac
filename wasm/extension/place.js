// The world of this extension's background. Its listeners are registered at once; which client they tell is known only
// when the settings were read, and changes with them. Until then what was seen is kept.

import { extensionWorld } from './tokenway/extension.js';

export function lastingWorld(store) {
  const world = extensionWorld({ store });
  const place = world.login;
  const early = [];
  let told;
  place.attach({}, {
    redirected: (callback) => {
      if (told) told.redirected(callback);
      else early.push(callback);
    },
    wake: () => told?.wake(),
  });
  const login = {
    attach(_config, client) {
      told = client;
      for (const callback of early.splice(0)) told.redirected(callback);
      told.wake();
    },
    listen: (candidates) => place.listen(candidates),
    open: (url, waiting) => place.open(url, waiting),
    expect: (wait, waiting) => place.expect(wait, waiting),
    ignored: (reason) => place.ignored(reason),
    finished: (end, window) => place.finished(end, window),
  };
  return { ...world, login };
}
