// The login that is under way: its snapshot, its redirects as they arrived, and the one claim of its code.

import type { Callback, CredentialKey } from "./machine.js";
import type { Store } from "./store/store.js";
import { nameOf } from "./store/text_store.js";
import { isAt } from "./world.js";

/** The most redirects that are kept at a time: whoever sends more is no person who logs in. */
export const MAX_REDIRECTS = 8;

/** What is kept of a login under way. It holds secrets. */
export interface Pending {
  login: string;
  /** From the claim of the code on: it is never spent again. */
  begun: boolean;
  /** When its code was claimed, in milliseconds since 1970. */
  begunAt?: number;
  snapshot: string;
  /** Where the server sends the person: nothing else is kept as a redirect. */
  redirectUri?: string;
  /** As they arrived, before anything looked at them, oldest first. */
  redirects: Callback[];
  /** What the place needs to find its window again. */
  window?: unknown;
}

export class Logins {
  /** Held by the context that runs the login. */
  readonly runLock: string;
  readonly #name: string;

  constructor(readonly store: Store, key: CredentialKey) {
    this.#name = nameOf("login", key);
    this.runLock = `${store.texts.place}:${this.#name}:run`;
  }

  async pending(): Promise<Pending | undefined> {
    const text = await this.store.texts.get(this.#name);
    return text === undefined ? undefined : (JSON.parse(text) as Pending);
  }

  /** Keeps a snapshot. `fresh`: of a login that has just started, over whatever is there. */
  keep(snapshot: string, fresh: boolean): Promise<void> {
    const { login, at } = JSON.parse(snapshot) as { login: string; at: unknown };
    return this.#change((pending) => {
      if (fresh) return { login, begun: at === "begun", snapshot, redirects: [] };
      // The stub stays, and another login is not ours to write over.
      if (pending?.login !== login || pending.begun) return pending;
      return { ...pending, snapshot };
    });
  }

  /** Replaces the snapshot by the stub, and forgets the redirects. False: another did so before. */
  async begin(login: string, stub: string): Promise<boolean> {
    let ours = false;
    await this.#change((pending) => {
      ours = pending?.login === login && !pending.begun;
      return ours ? { login, begun: true, begunAt: Date.now(), snapshot: stub, redirects: [], window: pending?.window } : pending;
    });
    return ours;
  }

  /** Keeps where the redirect of that login will arrive. */
  keepReceiver(login: string, redirectUri: string): Promise<void> {
    return this.#changeOf(login, (pending) => ({ ...pending, redirectUri }));
  }

  /** Keeps a redirect, of the window of `login` if that is known. False: nobody waits for one, or it is at another place. */
  async keepRedirect(redirect: Callback, login?: string): Promise<boolean> {
    let kept = false;
    await this.#change((pending) => {
      if (!pending || pending.begun) return pending;
      if (!isExpected(redirect, pending.redirectUri) || (login !== undefined && login !== pending.login)) return pending;
      kept = pending.redirects.some((other) => bare(other) === bare(redirect));
      if (kept || pending.redirects.length >= MAX_REDIRECTS) return pending;
      kept = true;
      return { ...pending, redirects: [...pending.redirects, redirect] };
    });
    return kept;
  }

  /** That redirect did not count. */
  dropRedirect(login: string, redirect: Callback): Promise<void> {
    const same = JSON.stringify(redirect);
    return this.#changeOf(login, (pending) => ({ ...pending, redirects: pending.redirects.filter((other) => JSON.stringify(other) !== same) }));
  }

  /** Keeps what the place needs to find the window of that login again. */
  keepWindow(login: string, window: unknown): Promise<void> {
    return this.#changeOf(login, (pending) => ({ ...pending, window }));
  }

  /** The login has ended. Another that was started meanwhile stays. */
  end(login: string): Promise<void> {
    return this.#change((pending) => (pending?.login === login ? undefined : pending));
  }

  /** Another login that was started meanwhile is left alone. */
  #changeOf(login: string, change: (pending: Pending) => Pending): Promise<void> {
    return this.#change((pending) => (pending?.login === login ? change(pending) : pending));
  }

  #change(change: (pending: Pending | undefined) => Pending | undefined): Promise<void> {
    const { texts, locks } = this.store;
    return locks.exclusive(`${texts.place}:${this.#name}`, async () => {
      const before = await this.pending();
      const after = change(before);
      if (after === before) return;
      if (after) await texts.set(this.#name, JSON.stringify(after));
      else await texts.remove(this.#name);
    });
  }
}

/** What a server of this place's own received (RFC 9112 origin form) is at the redirect URI. */
function isExpected({ target }: Callback, redirectUri: string | undefined): boolean {
  return target.startsWith("/") || (redirectUri !== undefined && isAt(target, redirectUri));
}

/** The same redirect arrives from several events; a fragment is not in all of them. */
function bare(redirect: Callback): string {
  return `${redirect.target.split("#", 1)[0]}\n${redirect.body}`;
}
