// The machine itself, synchronous: for whoever writes a driver of their own.

import { whole } from "./config.js";
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
    const of = (flow: Flow, config: Config, moment: Moment) =>
      new Session(thrown(() => RawSession.start(flow, whole(config), plain(moment))));
    return {
      login: (config, moment) => of({ name: "login" }, config, moment),
      getToken: (config, wish, moment) => of({ name: "get_token", wish }, config, moment),
      logout: (config, everywhere, moment) => of({ name: "logout", everywhere }, config, moment),
      resume: (snapshot, config, moment) => of({ name: "resume", snapshot }, config, moment),
      tokenHash: (token) => thrown(() => tokenHash(token)),
    };
  }

  /** What to do now; the same until `handle` advances. */
  poll(): Step {
    return this.#raw.poll() as Step;
  }

  /** Takes what happened. */
  handle(moment: Moment, event: Event): Progress {
    return thrown(() => this.#raw.handle(plain(moment), event)) as Progress;
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

/** Which flow, and what is wanted of it. */
export type Flow =
  | { name: "get_token"; wish: SessionWish }
  | { name: "login" }
  | { name: "logout"; everywhere: boolean }
  | { name: "resume"; snapshot: string };

/** The wall clock and fresh random bytes. */
export function moment(): Moment {
  return { now: Date.now(), entropy: [...crypto.getRandomValues(new Uint8Array(32))] };
}

/** The module reads random bytes as digits. */
export function plain(moment: Moment): Moment {
  const bytes: unknown = moment?.entropy;
  const isByte = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 256;
  if (!Array.isArray(bytes) || !bytes.every(isByte)) return moment;
  return { ...moment, entropy: bytes.map((byte: number) => byte.toString(16).padStart(2, "0")).join("") };
}

function thrown<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toError(error);
  }
}
