import { config } from './config.js';
import { Session } from './tokenway/index.js';

/** From the fetch of the module to where it can be called, and to its first answer, in milliseconds. */
export async function ready() {
  const started = performance.now();
  const sessions = await Session.load();
  const loaded = performance.now();
  sessions.login(config, { now: Date.now(), entropy: [...crypto.getRandomValues(new Uint8Array(32))] }).poll();
  return { loaded: loaded - started, answered: performance.now() - started };
}
