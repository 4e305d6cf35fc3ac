// What a client needs of the place it runs in. Implementations: worlds/extension.ts, worlds/page.ts, worlds/node.ts.

import type { IoTrouble } from "./errors.js";
import type { ActionId, Callback, Config, Reason } from "./machine.js";
import type { Store } from "./store/store.js";

/** A place. Without `login` it gets tokens and logs out, and leaves logins to another context. */
export interface World {
  readonly store: Store;
  readonly login?: LoginPlace;
  /** Why a request to that URL cannot succeed from here, if that is known before it is sent. */
  unreachable?(url: string): Promise<string | undefined>;
  /** Keeps this context alive while something that can be sent once is on its way; returns what ends that. */
  awake?(): () => void;
}

/** How a person logs in from here. */
export interface LoginPlace {
  /**
   * Called once, when the client is made and before anything is awaited: the time to register listeners. `redirected` is
   * called with whatever may be a redirect, as often as it arrives, and with the login whose window it is if that is known;
   * it answers whether it is kept.
   */
  attach?(config: Config, told: Told): void;
  /** Called in the very call of `login`, while a click still counts: pages open their popup. */
  prepare?(): void;
  /** The redirect URI, of the candidates or of this place's own. Port 0 stands for any. */
  listen(candidates: string[]): Promise<string>;
  /** Shows the URL. False: no window came up, only a person who reads the URL can go on. */
  open(url: string, waiting: Waiting): Promise<boolean>;
  /** Called when the wait begins, in a new life too. */
  expect?(wait: { url: string; redirect_uri: string; deadline: number }, waiting: Waiting): Promise<void>;
  /** The last redirect did not count; the wait goes on. */
  ignored?(reason: Reason): void;
  /** The login has ended: close what was opened, answer what is open. */
  finished?(end: { ok: boolean; sentence: string }, window: unknown): Promise<void>;
}

/** What a place tells its client of, whether or not a login is under way. */
export interface Told {
  redirected(callback: Callback, login?: string): Promise<boolean>;
  /** A login that is pending is to be gone on with here. */
  wake(): void;
  /** The same for one whose redirect is kept already: nobody has to wait for it. */
  wakeAnswered(): void;
}

/** The login that a place shows. */
export interface Waiting {
  /** Its name; nothing secret. */
  readonly login: string;
  /** A redirect arrived. */
  redirected(callback: Callback): void;
  /** No redirect will come: the person closed the window. */
  failed(trouble: IoTrouble): void;
  /** Keeps what finds the window again in another life. */
  keepWindow(window: unknown): Promise<void>;
  /** What was kept. */
  window(): Promise<unknown>;
}

/** What an observer is shown of a step: names, never contents. */
export interface Observed {
  flow: "get_token" | "login" | "logout";
  id: ActionId;
  action: string;
  /** null: the action is about to be performed. Else it was, and the machine has not seen the outcome yet. */
  outcome: string | null;
  /** Told once more: the machine has seen the outcome, and it did not count. */
  ignored: Reason | null;
}

/** Whether `url` is that redirect URI, with whatever the server added. The machine looks closer. */
export function isAt(url: string, redirectUri: string): boolean {
  if (!URL.canParse(url) || !URL.canParse(redirectUri)) return false;
  const [here, there] = [new URL(url), new URL(redirectUri)];
  return here.protocol === there.protocol && here.host === there.host && here.pathname === there.pathname;
}

/** A redirect that anyone could have sent to a place that listens: what does not match is ignored. */
export function heard(url: string): Callback {
  const target = url.split("#", 1)[0] ?? url;
  return { source: "listening", method: "GET", target, headers: [["host", new URL(url).host]], body: "" };
}

/** The one answer of a window that answers once: what does not match ends the login. */
export function answered(url: string): Callback {
  return { source: "one_shot", method: "URL", target: url, headers: [], body: "" };
}
