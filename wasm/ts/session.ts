// The machine itself, synchronous: for whoever writes a driver of their own.

import { toError } from "./errors.js";
import { load, type Module } from "./load.js";
import type { Config, Event, Moment, Progress, Step } from "./machine.js";

type Raw = Module["RawSession"]["prototype"];

/** What a caller wants of a token. */
export interface SessionWish {
  /** The shortest rest of life that will do, in milliseconds. */
  min_ttl?: number;
  /** The hash (`Sessions.tokenHash`) of a token that the API refused. */
  rejected?: string | null;
}

/**
 * A running machine: `poll` says what to do, `handle` takes what happened. Polling twice is harmless, performing twice is
 * not. What `handle` throws is the caller's mistake, and changed nothing.
 */
export class Session {
  readonly #raw: Raw;

  private constructor(raw: Raw) {
    this.#raw = raw;
  }

  /** Loads the module; the constructors that it returns are synchronous. */
  static async load(): Promise<Sessions> {
    const { RawSession, tokenHash } = await load();
    const of = (make: () => Raw) => new Session(thrown(make));
    return {
      login: (config, moment) => of(() => RawSession.login(config, moment)),
      getToken: (config, wish, moment) => of(() => RawSession.getToken(config, wish, moment)),
      logout: (config, everywhere, moment) => of(() => RawSession.logout(config, everywhere, moment)),
      resume: (snapshot, config, moment) => of(() => RawSession.resume(snapshot, config, moment)),
      tokenHash: (token) => thrown(() => tokenHash(token)),
    };
  }

  /** What to do now; the same until `handle` advances. */
  poll(): Step {
    return this.#raw.poll() as Step;
  }

  /** Takes what happened. */
  handle(moment: Moment, event: Event): Progress {
    return thrown(() => this.#raw.handle(moment, event)) as Progress;
  }

  /** What to store after each advance of a login; undefined when there is nothing to resume. It holds secrets. */
  snapshot(): string | undefined {
    return this.#raw.snapshot();
  }
}

/** How sessions start. */
export interface Sessions {
  login(config: Config, moment: Moment): Session;
  getToken(config: Config, wish: SessionWish, moment: Moment): Session;
  logout(config: Config, everywhere: boolean, moment: Moment): Session;
  /** Goes on with a login of a process that died. Ids of the old one are stale. */
  resume(snapshot: string, config: Config, moment: Moment): Session;
  /** The name under which a token is told from others where no secret may stand. */
  tokenHash(token: string): string;
}

/** The wall clock and fresh random bytes. */
export function moment(): Moment {
  return { now: Date.now(), entropy: [...crypto.getRandomValues(new Uint8Array(32))] };
}

function thrown<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toError(error);
  }
}
