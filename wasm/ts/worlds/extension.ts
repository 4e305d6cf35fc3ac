// Logins of an extension, run by its background: by `launchWebAuthFlow`, or by a tab whose redirect is caught.

import { IoTrouble } from "../errors.js";
import type { Config } from "../machine.js";
import { extensionStore } from "../store/chrome_storage.js";
import type { Store } from "../store/store.js";
import { answered, heard, isAt, type LoginPlace, type Told, type Waiting, type World } from "../world.js";
import { type ExtensionApi, extensionApi } from "./extension_api.js";

/** How often an extension says that it is still busy, in milliseconds: a worker is stopped after 30 s without an event. */
const BUSY_EVERY = 20_000;

/** Hosts on which redirects of extensions and of native clients end. */
const REDIRECT_HOSTS = ["127.0.0.1", "localhost", "[::1]"];
const REDIRECT_SUFFIXES = [".chromiumapp.org", ".extensions.allizom.org"];

export interface ExtensionOptions {
  /** `extensionStore("session")` if left out. */
  store?: Store;
  /**
   * How the person logs in: by the browser's own window for it (permission `identity`), or in a tab (permissions `tabs`
   * and `webNavigation`). If left out: in a tab where the redirect URI is a fixed one on loopback, else by the window.
   */
  via?: "identity" | "tab";
}

/** The world of an extension's background. Its other parts need `{ store: extensionStore(...) }` alone. */
export function extensionWorld({ store = extensionStore(), via }: ExtensionOptions = {}): World {
  const api = extensionApi();
  return {
    store,
    login: new ExtensionLogin(api, via),
    unreachable: (url) => unreachable(api, url),
    awake: () => {
      const timer = setInterval(() => void api.runtime.getPlatformInfo().catch(() => undefined), BUSY_EVERY);
      return () => clearInterval(timer);
    },
  };
}

/** The `host_permissions` that a server needs: without them its token endpoint cannot be asked from an extension. */
export function hostPermissions(config: Config & { provider?: unknown }): string[] {
  const { issuer, endpoints } = typeof config.provider === "object" ? config.provider : config;
  const urls = [endpoints?.token, endpoints?.revocation, endpoints ? undefined : issuer];
  const known = urls.filter((url) => typeof url === "string").map(pattern);
  return [...new Set(known)].sort();
}

/** A match pattern has no port in Firefox; without one it fits all ports. */
function pattern(url: string): string {
  const { protocol, hostname } = new URL(url);
  return `${protocol}//${hostname}/*`;
}

async function unreachable(api: ExtensionApi, url: string): Promise<string | undefined> {
  const origin = pattern(url);
  const allowed = (await api.permissions?.contains({ origins: [origin] })) ?? true;
  if (allowed) return undefined;
  return `this extension may not ask ${new URL(url).host}: add "${origin}" to its host_permissions, or allow it there`;
}

class ExtensionLogin implements LoginPlace {
  /** The last navigation that may be a redirect. */
  #redirected: { tab: number; url: string } | undefined;
  /** Where the login under way is redirected to. */
  #redirectUri: string | undefined;
  #waiting: Waiting | undefined;
  /** The login whose window by `launchWebAuthFlow` was asked for in this life. */
  #launched: Waiting | undefined;
  /** Tabs that were closed before anybody here waited: one of them may have been the login's. */
  readonly #closedTabs = new Set<number>();

  constructor(readonly api: ExtensionApi, readonly via: "identity" | "tab" | undefined) {}

  attach(config: Config, told: Told): void {
    const seen = ({ tabId, frameId, url }: { tabId: number; frameId: number; url: string }) => {
      if (frameId !== 0 || !/[?&](code|error|state)=/.test(url)) return;
      this.#redirected = { tab: tabId, url };
      void told.redirected(heard(url));
    };
    const filter = { url: hosts(config) };
    this.api.webNavigation?.onBeforeNavigate.addListener(seen, filter);
    this.api.webNavigation?.onCommitted.addListener(seen, filter);
    this.api.webNavigation?.onErrorOccurred.addListener(seen, filter);
    this.api.alarms?.onAlarm.addListener(({ name }) => {
      if (name === ALARM) told.wake();
    });
    this.api.tabs?.onRemoved.addListener((tab) => void this.#closed(tab).catch(() => undefined));
    this.api.windows?.onCreated.addListener(({ id, type }) => {
      if (type !== "popup" || id === undefined || flow?.place !== this || flow.window !== undefined) return;
      flow.window = id;
      if (flow.isOver) void this.api.windows?.remove(id).catch(() => undefined);
      else void flow.waiting.keepWindow({ window: id }).catch(() => undefined).then(flow.up);
    });
    told.wake();
  }

  async listen(candidates: string[]): Promise<string> {
    const [first = ""] = candidates;
    const identity = this.via === "tab" ? undefined : this.api.identity;
    const ours = identity?.getRedirectURL();
    const own = candidates.find((candidate) => ours && candidate.startsWith(ours));
    if (own) return own;
    const { hostname, port } = new URL(first);
    if (port !== "0") return first;
    if (ours) return ours;
    if (!this.api.tabs) throw new IoTrouble("unable", "a login needs the permission \"identity\", or \"tabs\" and \"webNavigation\"");
    // Nobody has to listen there: the navigation is caught.
    return first.replace(`${hostname}:0`, `${hostname}:${49_152 + crypto.getRandomValues(new Uint16Array(1))[0]! % 16_384}`);
  }

  async open(url: string, waiting: Waiting): Promise<boolean> {
    const redirect = new URL(url).searchParams.get("redirect_uri") ?? "";
    const identity = this.via === "tab" ? undefined : this.api.identity;
    if (identity && redirect.startsWith(identity.getRedirectURL())) return this.#openFlow(identity, url, waiting);
    if (!this.api.tabs || !this.api.webNavigation) {
      throw new IoTrouble("unable", `the redirect to ${redirect} can be caught with the permissions "tabs" and "webNavigation"`);
    }
    const tab = tabOf(await waiting.window());
    if (tab !== undefined && (await this.#show(tab))) return true;
    const { id } = await this.api.tabs.create({ url });
    await waiting.keepWindow({ tab: id });
    return true;
  }

  async expect(wait: { url: string; redirect_uri: string; deadline: number }, waiting: Waiting): Promise<void> {
    this.#waiting = waiting;
    this.#redirectUri = wait.redirect_uri;
    this.api.alarms?.create(ALARM, { when: wait.deadline });
    const ours = this.api.identity?.getRedirectURL();
    const byFlow = ours !== undefined && this.via !== "tab" && wait.redirect_uri.startsWith(ours);
    // Chromium tells the navigation of a window whose worker is gone; Firefox closes it without a word.
    if (byFlow && isFirefox() && this.#launched !== waiting) await this.open(wait.url, waiting);
    const tab = tabOf(await waiting.window());
    if (tab !== undefined && this.#closedTabs.has(tab)) waiting.failed(tabClosed());
  }

  async #openFlow(identity: Identity, url: string, waiting: Waiting): Promise<boolean> {
    const kept = windowOf(await waiting.window());
    if (flow?.waiting === waiting) return this.#focus(flow.window ?? kept);
    if (flow) await Promise.race([flow.ended, new Promise((resolve) => setTimeout(resolve, FLOW_END_WAIT))]);
    // Firefox would load a second flow into the window of the first, and both would end as closed by the person.
    if (isFirefox()) await this.#closeOrphans(url, kept);
    else if (await this.#focus(kept)) return true;
    if (flow && !(isFirefox() && flow.isOver && flow.window !== undefined)) throw anotherWindow();
    await this.#launch(identity, url, waiting);
    return true;
  }

  /** Until the window is up and known: a background after this one has to find it. */
  #launch(identity: Identity, url: string, waiting: Waiting): Promise<void> {
    return new Promise((up) => {
      setTimeout(up, WINDOW_WAIT);
      this.#launched = waiting;
      const launched: Flow = { place: this, waiting, up, isOver: false, ended: Promise.resolve() };
      // A worker that is gone left the window of a login that is waited for: its navigation is heard.
      const isLeft = this.#waiting === waiting;
      const answer = flowAnswer(identity, url, () => isLeft || launched.isOver);
      launched.ended = answer.catch(() => undefined).then(() => {
        up();
        if (launched.window !== undefined) flown.add(launched.window);
        if (flow === launched) flow = undefined;
      });
      flow = launched;
      answer.then(
        (redirect) => {
          if (redirect !== undefined) waiting.redirected(answered(redirect));
        },
        (error: unknown) => {
          if (!(isLeft && isTaken(error))) waiting.failed(flowTrouble(error));
        },
      );
    });
  }

  /** Closes the window that this login had in an earlier life, and those that earlier logins left. */
  async #closeOrphans(url: string, kept: number | undefined): Promise<void> {
    const { origin } = new URL(url);
    for (const { id, windowId, url: at } of (await this.api.tabs?.query({ windowType: "popup" })) ?? []) {
      const isOurs = windowId !== undefined && (windowId === kept || flown.has(windowId) || (flow?.isOver && windowId === flow.window));
      const isLogin = at === "about:blank" || at?.startsWith(`${origin}/`);
      if (isOurs && isLogin && id !== undefined) await this.api.tabs?.remove(id);
    }
  }

  async finished(_end: { ok: boolean; sentence: string }, window: unknown): Promise<void> {
    this.#waiting = undefined;
    // A window that has not come up yet is closed when it does.
    if (flow?.place === this) flow.isOver = true;
    await this.api.alarms?.clear(ALARM);
    const redirected = this.#redirected && this.#redirectUri !== undefined && isAt(this.#redirected.url, this.#redirectUri) ? this.#redirected.tab : undefined;
    const tabs = new Set([tabOf(window), redirected].filter((tab) => tab !== undefined && tab >= 0));
    this.#redirected = this.#redirectUri = undefined;
    for (const tab of tabs) await this.api.tabs?.remove(tab as number).catch(() => undefined);
    await this.#closeWindow(windowOf(window)).catch(() => undefined);
  }

  ignored(): void {
    this.#redirected = undefined;
  }

  /** The person closed the tab of the login: nobody will come back. */
  async #closed(tab: number): Promise<void> {
    const waiting = this.#waiting;
    if (!waiting) this.#closedTabs.add(tab);
    else if (tabOf(await waiting.window()) === tab) waiting.failed(tabClosed());
  }

  /** Whether the window of the login still exists: then it is in front. */
  async #focus(window: number | undefined): Promise<boolean> {
    if (window === undefined || !this.api.windows) return false;
    try {
      await this.api.windows.update(window, { focused: true });
      return true;
    } catch {
      return false;
    }
  }

  /** A window to which the person has moved other tabs is theirs. */
  async #closeWindow(window: number | undefined): Promise<void> {
    if (window === undefined) return;
    const { tabs = [] } = (await this.api.windows?.get(window, { populate: true })) ?? {};
    if (tabs.length <= 1) await this.api.windows?.remove(window);
  }

  /** Whether the tab still exists: then it is in front. */
  async #show(tab: number): Promise<boolean> {
    try {
      await this.api.tabs?.update(tab, { active: true });
      return true;
    } catch {
      return false;
    }
  }
}

type Identity = NonNullable<ExtensionApi["identity"]>;

/** A `launchWebAuthFlow` of this life. */
interface Flow {
  place: ExtensionLogin;
  waiting: Waiting;
  /** To be called when its window is up and known. */
  up: () => void;
  window?: number;
  ended: Promise<unknown>;
  /** Its login has ended. */
  isOver: boolean;
}

/** The one that is under way: a browser has room for one of each extension. */
let flow: Flow | undefined;

/** The windows of those that are over: Firefox may show them still. */
const flown = new Set<number>();

function anotherWindow(): IoTrouble {
  return new IoTrouble("unable", "another login window of this extension is open, or still loading: close it, then log in again");
}

function tabClosed(): IoTrouble {
  return new IoTrouble("cancelled", "the tab of the login was closed");
}

/** How long a window is waited for, in milliseconds: a browser that does not tell of it delays nothing but the answer. */
const WINDOW_WAIT = 1_000;

/** How long the window of a login that is over is waited for, in milliseconds, before another is asked for. */
const FLOW_END_WAIT = 3_000;

/** Milliseconds between two tries. */
const FLOW_RETRY = 250;

const ALARM = "tokenway: the deadline of a login";

/** Where redirects end, as a filter of navigation events: the background is not woken for any other page. */
function hosts({ redirect_uri: redirectUri }: Config): object[] {
  const own = redirectUri === undefined ? [] : [new URL(redirectUri).hostname];
  const equal = [...new Set([...REDIRECT_HOSTS, ...own])].map((host) => ({ hostEquals: host.replace(/^\[|\]$/g, "") }));
  return [...equal, ...REDIRECT_SUFFIXES.map((hostSuffix) => ({ hostSuffix }))];
}

function isFirefox(): boolean {
  return "getBrowserInfo" in ((globalThis as { browser?: { runtime?: object } }).browser?.runtime ?? {});
}

function tabOf(kept: unknown): number | undefined {
  const { tab } = (kept ?? {}) as { tab?: unknown };
  return typeof tab === "number" ? tab : undefined;
}

function windowOf(kept: unknown): number | undefined {
  const { window } = (kept ?? {}) as { window?: unknown };
  return typeof window === "number" ? window : undefined;
}

/** The redirect. The window of a flow that is over may be closing still: then it is tried again, unless `isInVain`. */
async function flowAnswer(identity: Identity, url: string, isInVain: () => boolean): Promise<string | undefined> {
  const limit = Date.now() + FLOW_END_WAIT;
  for (;;) {
    try {
      return await identity.launchWebAuthFlow({ url, interactive: true });
    } catch (error) {
      if (!isTaken(error) || isInVain() || Date.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, FLOW_RETRY));
    }
  }
}

/** Chromium has room for one flow of each extension. */
function isTaken(error: unknown): boolean {
  return /only one web auth flow/i.test(error instanceof Error ? error.message : String(error));
}

/** What the browsers say in words alone. */
function flowTrouble(error: unknown): IoTrouble {
  const words = error instanceof Error ? error.message : String(error);
  if (isTaken(error)) return anotherWindow();
  if (/did not approve|cancelled or denied/i.test(words)) return new IoTrouble("cancelled", "the login window was closed");
  if (/could not be loaded/i.test(words)) return new IoTrouble("unreachable", "the page of the login could not be loaded");
  return new IoTrouble("unable", `the browser did not show the login: ${words}`);
}
