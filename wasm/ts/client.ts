// One credential: login, token, status, logout. Any number of calls may be on their way at once.

import { keyOf, whole, type WholeConfig } from "./config.js";
import { ConfigurationError, IoTrouble, type TokenwayError, toError } from "./errors.js";
import { Flights } from "./flights.js";
import { load, type Module } from "./load.js";
import { LoginRun } from "./login_run.js";
import { Logins, type Pending } from "./logins.js";
import type {
  Callback, Config, CredentialKey, End, LoginAction, LoginNote, Outcome, Provider, Reason, Revoked, ShownRecord, StoreAction,
  TokenNote,
} from "./machine.js";
import { type Flow, moment, plain } from "./session.js";
import { performStore, type Store } from "./store/store.js";
import { nameOf } from "./store/text_store.js";
import type { LoginPlace, Observed, World } from "./world.js";

/** A usable access token, and nothing that can renew it. Plain data: it may be sent to other contexts of the program. */
export interface AccessToken {
  accessToken: string;
  /** The value of the `Authorization` header (RFC 6750 section 2.1). */
  authorization: string;
  /** Milliseconds since 1970; undefined when the server did not say. */
  expiresAt?: number;
  scopes?: string[];
  /** What the tokens say of the person. Read, never validated. */
  claims: Record<string, string>;
  /** Trouble that did not keep this token from being usable. */
  notes: TokenNote[];
}

/** What a caller wants of a token. */
export interface TokenWish {
  /** The shortest rest of life that will do, in milliseconds. */
  minTtl?: number;
  /** A token that the API refused (401): another one is wanted. */
  rejected?: string;
}

/** A login that stands. */
export interface LoggedIn {
  claims: Record<string, string>;
  scopes?: string[];
  /** Whether another login stood there before. */
  replaced: boolean;
  notes: LoginNote[];
}

/** What a logout did. */
export interface LoggedOut {
  /** Who was logged in; undefined when nobody was. */
  claims?: Record<string, string>;
  revoked: Revoked;
}

/** Who is logged in, without asking a server. */
export interface Status {
  key: CredentialKey;
  provider: Provider;
  /** Where the secrets lie and who can read them there, for people. */
  store: string;
  login?: {
    claims: Record<string, string>;
    scopes?: string[];
    expiresAt?: number;
    dueAt?: number;
    renewedAt: number;
    renewable: boolean;
    standing: "dead" | "due" | "fresh" | "newer";
  };
  /** Whether a login is under way: nobody has come back from the browser yet, or its code is being exchanged. */
  underWay: boolean;
  /** Why the last login ended without one. */
  lastError?: ReturnType<TokenwayError["toJSON"]>;
}

export interface ClientOptions {
  /**
   * Is shown each step before and after. What it returns is awaited, two seconds at most; but not from an answer of a
   * server on, which may hold tokens, until what follows it, mostly their save, is done. Its trouble is its own.
   */
  observer?: (step: Observed) => void | Promise<void>;
}

export class Client {
  readonly #flights = new Flights<AccessToken>();
  #known: Promise<Known> | undefined;
  #login: { run: Promise<LoginRun>; end: Promise<LoggedIn>; isResumed: boolean } | undefined;
  #takingUp: Promise<{ end: Promise<LoggedIn> } | undefined> | undefined;

  /**
   * Nothing is opened or connected yet; but listeners are registered now, so that an extension's worker makes its client at
   * the top of its script, and a login that is under way is gone on with. A configuration that cannot work is told by the
   * first call.
   */
  constructor(readonly config: Config, readonly world: World, readonly options: ClientOptions = {}) {
    world.login?.attach?.(config, {
      redirected: (callback, login) => this.#redirected(callback, login),
      wake: () => void this.#woken(() => true).catch(() => undefined),
      wakeAnswered: () => void this.#woken(({ begun, redirects }) => begun || redirects.length > 0).catch(() => undefined),
    });
  }

  /** Logs in. A call while a login is under way here joins it; one of an earlier life is shown again. */
  login(options: { signal?: AbortSignal } = {}): Promise<LoggedIn> {
    const place = this.world.login;
    if (!place) return Promise.reject(noPlace());
    const resumed = this.#login?.isResumed ?? false;
    if (!this.#login || resumed) place.prepare?.();
    const end = this.#login?.end ?? this.#start(undefined, place);
    if (resumed) void this.#showAgain();
    const cancel = () => void this.cancelLogin().catch(() => undefined);
    if (options.signal?.aborted) cancel();
    options.signal?.addEventListener("abort", cancel, { once: true });
    // A signal that lives on is not about the next login.
    end.catch(() => undefined).then(() => options.signal?.removeEventListener("abort", cancel));
    return end;
  }

  /**
   * Goes on with a login that a context before this one did not live to finish; undefined if there is none, or if another
   * context is at it. A login whose code was on its way ends: it is never spent again.
   */
  async resume(): Promise<LoggedIn | undefined> {
    return (await this.#takeUp())?.end;
  }

  /** Shows the address of the login under way once more: its window was closed or lost. */
  async reopen(): Promise<void> {
    if (!this.#login) await this.#takeUp();
    await (await this.#login?.run)?.reopen();
  }

  /** The window of a life before this one may be gone with it. One that cannot come up ends the login, as it does at the start. */
  async #showAgain(): Promise<void> {
    const run = await this.#login?.run;
    await run?.reopen().catch((error: unknown) => run.failed(error instanceof IoTrouble ? error : new IoTrouble("unable", String(error))));
  }

  /** Ends the login under way, unless its code is being exchanged. */
  async cancelLogin(): Promise<void> {
    if (!this.#login) await this.#takeUp();
    const run = await this.#login?.run;
    if (run) return run.cancel();
    const { logins } = await this.#ready();
    const pending = await logins.pending();
    if (pending && !pending.begun) await logins.end(pending.login);
  }

  /** A usable access token: stored or renewed. Callers who ask for the same share one renewal. */
  async token(wish: TokenWish = {}): Promise<AccessToken> {
    const { module } = await this.#ready();
    const rejected = wish.rejected === undefined ? null : guarded(() => module.tokenHash(wish.rejected));
    const raw = { min_ttl: wish.minTtl ?? 0, rejected };
    const fly = (early: (token: AccessToken) => void) => {
      const told = { unsaved: (unsaved: RawEnd) => early(toToken(unsaved)) };
      return this.#awake(async () => toToken(await this.#run({ name: "get_token", wish: raw }, told)));
    };
    return this.#flights.board(JSON.stringify(raw), fly, (unsaved) => this.#living(rejected, unsaved));
  }

  /** What another context gets while new tokens cannot be saved: the old token, as long as it lives. */
  async #living(rejected: string | null, unsaved: AccessToken): Promise<AccessToken | undefined> {
    const { module, key } = await this.#ready();
    const record = await this.world.store.load(key);
    if (record?.mark !== "logged_in" || !["due", "fresh"].includes(module.standingOf(record))) return undefined;
    if (module.tokenHash(record.access_token) === rejected) return undefined;
    const notes = unsaved.notes.map((note) => (typeof note === "object" && "not_saved" in note ? { not_renewed: note.not_saved } : note));
    return shown(record, record.access_token, notes);
  }

  /** Who is logged in. Reads the store, renews nothing. */
  async status(): Promise<Status> {
    const { module, key, config, logins } = await this.#ready();
    const { store } = this.world;
    const read = async () => [await store.load(key), await store.texts.get(nameOf("last", key)), await logins.pending()] as const;
    const [record, last, pending] = await read().catch((error: unknown) => {
      throw storeError("loading", error);
    });
    const status: Status = { key, provider: config.provider, store: store.describe(), underWay: pending !== undefined };
    if (last !== undefined) status.lastError = JSON.parse(last) as ReturnType<TokenwayError["toJSON"]>;
    if (record?.mark === "logged_in") {
      status.login = {
        claims: record.claims,
        renewedAt: record.renewed_at,
        renewable: record.refresh_token !== null,
        standing: guarded(() => module.standingOf(record)) as "dead" | "due" | "fresh" | "newer",
        ...given("scopes", record.scopes),
        ...given("expiresAt", record.expires_at),
        ...given("dueAt", record.due_at),
      };
    }
    return status;
  }

  /** Logs out: here, and at the server too unless `local` is set. Works offline. */
  async logout(options: { local?: boolean } = {}): Promise<LoggedOut> {
    const { key } = await this.#ready();
    const { end } = await this.#run({ name: "logout", everywhere: !options.local });
    this.#flights.overtake();
    // The logout stands, whatever cannot be forgotten.
    await this.world.store.texts.remove(nameOf("last", key)).catch(() => undefined);
    if (!("logged_out" in end)) throw new TypeError("a logout ended as something else");
    return { ...given("claims", end.logged_out.claims), revoked: end.logged_out.revoked };
  }

  /** Calls back after a login, a renewal, a logout or a failed login, in whichever context it happened. */
  onChange(listener: () => void): () => void {
    let ended = false;
    let stop = () => undefined as void;
    void this.#ready().then(({ key }) => {
      if (!ended) stop = this.world.store.watch(key, listener);
    }, () => undefined);
    return () => {
      ended = true;
      stop();
    };
  }

  /**
   * Whether it is kept. That is first: whoever dies from then on has lost nothing. Nobody may bring it again, so it is tried
   * for a while.
   */
  async #redirected(callback: Callback, login?: string): Promise<boolean> {
    try {
      const logins = this.#logins();
      const kept = await again(() => logins.keepRedirect(callback, login));
      if (kept) void this.#goOn().catch(() => undefined);
      return kept;
    } catch (error) {
      (await this.#login?.run.catch(() => undefined))?.notKept(error);
      return false;
    }
  }

  async #goOn(): Promise<void> {
    if (this.#login) (await this.#login.run).wake();
    else await again(() => this.#takeUp());
  }

  /** A context that was killed may seem to run the login for a moment longer. */
  async #woken(isDue: (pending: Pending) => boolean): Promise<void> {
    const logins = this.#logins();
    await again(async () => {
      const pending = await logins.pending();
      if (this.#login || !pending || !isDue(pending)) return;
      await this.#takeUp();
      if (!this.#login) throw new Error("nobody can take it up yet");
    });
  }

  /** Once at a time: what woke this context may tell it twice. */
  #takeUp(): Promise<{ end: Promise<LoggedIn> } | undefined> {
    this.#takingUp ??= this.#takenUp().finally(() => {
      this.#takingUp = undefined;
    });
    return this.#takingUp;
  }

  async #takenUp(): Promise<{ end: Promise<LoggedIn> } | undefined> {
    const place = this.world.login;
    const { logins } = await this.#ready();
    if (!place || this.#login || !(await logins.pending())) return undefined;
    const release = await this.world.store.locks.hold(logins.runLock, RUN_LOCK_WAIT);
    // Read under the lock: who had it before may have ended the login.
    const pending = release && (await logins.pending().catch(() => undefined));
    if (!pending || this.#login) {
      release?.();
      return undefined;
    }
    const saved = await this.#savedBy(pending).catch(() => undefined);
    if (saved) await logins.end(pending.login).catch(() => undefined);
    if (saved || this.#login) {
      release();
      return saved && { end: Promise.resolve(saved) };
    }
    return { end: this.#start({ login: pending.login, snapshot: pending.snapshot, release }, place) };
  }

  /** The login that was saved before its context could say so. */
  async #savedBy({ begunAt }: Pending): Promise<LoggedIn | undefined> {
    const { key } = await this.#ready();
    const record = begunAt === undefined ? null : await this.world.store.load(key);
    if (record?.mark !== "logged_in" || record.renewed_from !== null || record.renewed_at < (begunAt ?? 0)) return undefined;
    return { claims: record.claims, ...given("scopes", record.scopes), replaced: false, notes: [] };
  }

  #start(resumed: Resumed | undefined, place: LoginPlace): Promise<LoggedIn> {
    const run = this.#ready().then(({ logins }) => new LoginRun(place, logins, resumed, this.world.awake?.bind(this.world)));
    // Its trouble is the login's, and told there; but what `prepare` opened is closed.
    run.catch(() => place.finished?.({ ok: false, sentence: "The login could not start." }, undefined)).catch(() => undefined);
    const end = this.#runLogin(run, resumed).finally(() => {
      this.#login = undefined;
    });
    // Whoever asked hears of it; where nobody did, `status` tells.
    end.catch(() => undefined);
    this.#login = { run, end, isResumed: resumed !== undefined };
    return end;
  }

  async #runLogin(started: Promise<LoginRun>, resumed: Resumed | undefined): Promise<LoggedIn> {
    const { module, key, logins } = await this.#ready();
    const { store } = this.world;
    const run = await started;
    const last = nameOf("last", key);
    let release = resumed?.release;
    let later: Promise<(() => void) | undefined> | undefined;
    let unwatch = (): void => undefined;
    try {
      release ??= await store.locks.hold(logins.runLock, RUN_LOCK_WAIT);
      // Another context runs a login that ends as soon as this one is kept: the next in the queue is this context.
      if (!release) later = store.locks.hold(logins.runLock, RUN_LOCK_QUEUE);
      unwatch = store.watch(key, () => run.wake());
      if (!resumed) await this.#prepare(module, key);
      await store.texts.remove(last);
      const flow: Flow = resumed ? { name: "resume", snapshot: resumed.snapshot } : { name: "login" };
      const { end } = await this.#run(flow, { run });
      if (!("logged_in" in end)) throw new TypeError("a login ended as something else");
      const { record, replaced, notes } = end.logged_in;
      this.#flights.overtake();
      // A login that this one replaced may have said so meanwhile.
      await store.texts.remove(last).catch(() => undefined);
      await run.finished({ ok: true, sentence: "You are logged in." });
      return { claims: record.claims, ...given("scopes", record.scopes), replaced, notes };
    } catch (caught) {
      const error = toError(caught);
      if (!run.isOvertaken) await store.texts.set(last, JSON.stringify(error)).catch(() => undefined);
      await run.finished({ ok: false, sentence: error.message });
      throw error;
    } finally {
      unwatch();
      release?.();
      void later?.then((queued) => queued?.(), () => undefined);
    }
  }

  /** Before a window opens: whether tokens could be saved at all. */
  async #prepare(module: Module, key: CredentialKey): Promise<void> {
    const { store } = this.world;
    try {
      await store.probe();
      const record = await store.load(key);
      if (record && module.standingOf(record) === "newer") {
        throw new IoTrouble("unable", "a newer version of tokenway wrote the login that lies there; update this program");
      }
    } catch (error) {
      throw storeError("saving", error);
    }
  }

  /** Runs a flow to its end. */
  async #run(flow: Flow, { run, unsaved }: { run?: LoginRun; unsaved?: (token: RawEnd) => void } = {}): Promise<RawEnd> {
    const { module, key, config } = await this.#ready();
    const { store } = this.world;
    const told: { [what: string]: (of: never) => unknown } = {
      checkpoint: (snapshot?: string) => run?.checkpoint(snapshot),
      ignored: (reason: Reason) => run?.ignored(reason),
      unsaved: (token: RawEnd) => unsaved?.(token),
      observe: (step: Observed) => this.options.observer && patiently(this.options.observer(step)).catch(() => undefined),
    };
    const world = {
      perform: (action: LoginAction | StoreAction) => perform(action, store, run),
      unreachable: (url: string) => this.world.unreachable?.(url),
      holds: (lease: number) => store.holds(key, lease),
      tell: (what: string, of: never) => told[what]?.(of),
    };
    try {
      return (await module.RawSession.start(flow, config, plain(moment())).run(world)) as RawEnd;
    } catch (error) {
      throw toError(error);
    }
  }

  /** The module, and what it makes of the configuration. A mistake in it is told by each call. */
  #ready(): Promise<Known> {
    this.#known ??= load().then(
      (module) => {
        const config = whole(this.config);
        guarded(() => module.checkConfig(config));
        const key = keyOf(config);
        return { module, config, key, logins: this.#logins() };
      },
    ).catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  /** Needs no module: a redirect is kept before that has been fetched. */
  #logins(): Logins {
    return new Logins(this.world.store, keyOf(whole(this.config)));
  }

  async #awake<T>(work: () => Promise<T>): Promise<T> {
    const release = this.world.awake?.();
    try {
      return await work();
    } finally {
      release?.();
    }
  }
}

/** The longest that an observer is waited for, in milliseconds: a lock may be held meanwhile. */
const OBSERVER_WAIT = 2_000;

async function patiently(work: void | Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, OBSERVER_WAIT);
  });
  await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** Milliseconds: long enough for a lock that is free. */
const RUN_LOCK_WAIT = 50;

/** Milliseconds: a context notices within seconds that its login was replaced. */
const RUN_LOCK_QUEUE = 30_000;

/** How often something is tried that may work in a moment, and the milliseconds between. */
const TRIES = 10;
const PAUSE = 1_000;

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/** A login of a life before this one. */
interface Resumed {
  login: string;
  snapshot: string;
  /** Gives back the right to run it. */
  release: () => void;
}

/** The module, and what it makes of the configuration. */
interface Known {
  module: Module;
  config: WholeConfig;
  key: CredentialKey;
  logins: Logins;
}

/** What the module's flows answer. */
interface RawEnd {
  end: End;
  access_token: string | null;
}

async function perform(action: LoginAction | StoreAction, store: Store, run: LoginRun | undefined): Promise<Outcome> {
  switch (action.action) {
    case "await_callback":
    case "begin":
    case "listen":
    case "open_url":
      if (!run) throw new IoTrouble("unable", "this flow has nobody to talk to");
      return run.perform(action);
    case "delete":
    case "load":
    case "lock":
    case "note":
    case "save":
    case "unlock":
      return performStore(store, action);
  }
}

function toToken({ end, access_token: accessToken }: RawEnd): AccessToken {
  if (!("token" in end) || accessToken === null) throw new TypeError("a request for a token ended as something else");
  return shown(end.token.record, accessToken, end.token.notes);
}

function shown(record: Pick<ShownRecord, "claims" | "expires_at" | "scopes" | "token_type">, accessToken: string, notes: TokenNote[]): AccessToken {
  return {
    accessToken,
    authorization: `${record.token_type} ${accessToken}`,
    ...given("expiresAt", record.expires_at),
    ...given("scopes", record.scopes),
    claims: record.claims,
    notes,
  };
}

/** A member that is left out when there is nothing to say. */
function given<Name extends string, T>(name: Name, value: T | null): { [K in Name]?: T } {
  return (value === null ? {} : { [name]: value }) as { [K in Name]?: T };
}

function noPlace(): ConfigurationError {
  const advice = "Log in where this program runs its logins: the background of an extension, the page itself.";
  return new ConfigurationError("unable", `nobody can log in from this context. ${advice}`, "opening", undefined, advice);
}

function storeError(step: "loading" | "saving", error: unknown): ConfigurationError {
  const advice = "Make the place where logins are kept readable and writable, then try again.";
  const detail = error instanceof Error ? error.message : String(error);
  return new ConfigurationError("store", `${step} the login: ${detail}. ${advice}`, step, undefined, advice);
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toError(error);
  }
}
