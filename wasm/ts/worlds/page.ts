// Logins of a web page: in a popup that tells of its redirect, or in this very tab, which leaves and comes back.

import { channelOf, type HeardMessage, isRedirect, isRedirectMessage } from "../callback.js";
import { IoTrouble } from "../errors.js";
import type { Config } from "../machine.js";
import { indexedDbStore } from "../store/indexed_db.js";
import type { Store } from "../store/store.js";
import { answered, heard, isAt, type LoginPlace, type Told, type Waiting, type World } from "../world.js";

export interface PageOptions {
  /** `indexedDbStore()` if left out. */
  store?: Store;
  /**
   * A popup keeps the page as it is; `login` must be called in a click, and the page at the redirect URI calls
   * `finishRedirect()` of `tokenway/callback`. A redirect works everywhere; the page at the redirect URI makes the same
   * `Client`, and the login goes on there by itself.
   */
  mode?: "popup" | "redirect";
}

/** The world of one client of a web page. `redirect_uri` of the configuration is a page of the same origin. */
export function pageWorld({ store = indexedDbStore(), mode = "popup" }: PageOptions = {}): World {
  return { store, login: mode === "popup" ? new PopupLogin() : new RedirectLogin() };
}

class PopupLogin implements LoginPlace {
  #popup: Window | null = null;

  attach(config: Config, told: Told): void {
    const uri = redirectUriOf(config);
    if (!isOwn(uri)) return;
    const hear = async (data: unknown, answer: (message: HeardMessage) => void) => {
      if (!isRedirectMessage(data) || !isAt(data.url, uri)) return;
      const kept = await told.redirected(heard(data.url));
      answer({ tokenway: "heard", id: data.id, kept });
    };
    const channel = new BroadcastChannel(channelOf(uri));
    channel.onmessage = ({ data }) => void hear(data, (message) => channel.postMessage(message));
    addEventListener("message", ({ origin, source, data }) => {
      if (origin === location.origin) void hear(data, (message) => (source as Window | null)?.postMessage(message, origin));
    });
    told.wakeAnswered();
  }

  prepare(): void {
    if (!this.#popup || this.#popup.closed) this.#popup = window.open("about:blank", "_blank", POPUP);
  }

  async listen(candidates: string[]): Promise<string> {
    return ownRedirect(candidates);
  }

  async open(url: string): Promise<boolean> {
    this.prepare();
    if (!this.#popup) {
      throw new IoTrouble("unable", "the browser blocked the login window: call login() in the very click of a button, or allow popups here");
    }
    this.#popup.location.replace(url);
    return true;
  }

  /** A popup is never asked whether it is closed: a server's opener policy says so while the person still types. */
  async finished(): Promise<void> {
    this.#popup?.close();
    this.#popup = null;
  }
}

class RedirectLogin implements LoginPlace {
  #leaving: string | undefined;
  /** Whether what is needed after the way back is stored. */
  #ready = false;

  attach(config: Config, told: Told): void {
    const uri = redirectUriOf(config);
    if (isOwn(uri) && isAt(location.href, uri) && isRedirect(location.href)) {
      const url = location.href;
      // Before anything else: neither the history nor another script sees the code.
      history.replaceState(history.state, "", location.pathname);
      // Another tab did not leave: whoever led it here may only be heard.
      const left = sessionStorage.getItem(LEFT);
      void told.redirected(left === null ? heard(url) : answered(url), left ?? undefined);
      sessionStorage.removeItem(LEFT);
      // The page that left may hold the login's lock for a moment longer: this looks again.
      told.wake();
    } else told.wakeAnswered();
  }

  async listen(candidates: string[]): Promise<string> {
    return ownRedirect(candidates);
  }

  async open(url: string, waiting: Waiting): Promise<boolean> {
    this.#leaving = url;
    if (this.#ready) this.#leave(waiting);
    return true;
  }

  /** Only now the snapshot is stored, and nothing is lost when this page ends. */
  async expect(_wait: unknown, waiting: Waiting): Promise<void> {
    this.#ready = true;
    this.#leave(waiting);
  }

  async finished(): Promise<void> {
    this.#leaving = undefined;
    this.#ready = false;
    sessionStorage.removeItem(LEFT);
  }

  #leave({ login }: Waiting): void {
    const url = this.#leaving;
    this.#leaving = undefined;
    if (url === undefined) return;
    sessionStorage.setItem(LEFT, login);
    location.assign(url);
  }
}

const POPUP = "popup,width=520,height=720";

/** Marks the tab that left for the server, and for which login; nothing secret. */
const LEFT = "tokenway:left";

/** What is wrong with a configuration is told by the first call. */
function redirectUriOf(config: Config | null | undefined): string | undefined {
  const uri: unknown = config?.redirect_uri;
  return typeof uri === "string" ? uri : undefined;
}

function isOwn(uri: string | undefined): uri is string {
  return uri !== undefined && URL.canParse(uri) && new URL(uri).origin === location.origin;
}

function ownRedirect(candidates: string[]): string {
  const own = candidates.find((candidate) => isOwn(candidate));
  if (own !== undefined) return own;
  throw new IoTrouble("unable", `a page can only be redirected to itself: set redirect_uri to a page of ${location.origin}`);
}
