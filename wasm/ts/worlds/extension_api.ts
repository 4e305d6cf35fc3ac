// As much of the WebExtensions API as is used here, for Chromium and Firefox alike.

interface Listenable<Listener> {
  addListener(listener: Listener, filter?: object): void;
  removeListener(listener: Listener): void;
}

export interface StorageArea {
  get(name: string): Promise<Record<string, unknown>>;
  set(items: Record<string, unknown>): Promise<void>;
  remove(name: string): Promise<void>;
  setAccessLevel?(level: { accessLevel: "TRUSTED_CONTEXTS" }): Promise<void>;
}

interface Navigation {
  tabId: number;
  frameId: number;
  url: string;
}

export interface ExtensionApi {
  storage: Record<"local" | "session", StorageArea> & {
    onChanged: Listenable<(changes: Record<string, unknown>, area: string) => void>;
  };
  runtime: { getPlatformInfo(): Promise<unknown> };
  identity?: {
    getRedirectURL(path?: string): string;
    launchWebAuthFlow(details: { url: string; interactive: boolean }): Promise<string | undefined>;
  };
  tabs?: {
    create(tab: { url: string }): Promise<{ id?: number }>;
    query(wish: { windowType: "popup" }): Promise<{ id?: number; windowId?: number; url?: string }[]>;
    update(tab: number, change: { active: boolean }): Promise<unknown>;
    remove(tab: number): Promise<void>;
    onRemoved: Listenable<(tab: number) => void>;
  };
  windows?: {
    get(window: number, wish: { populate: true }): Promise<{ tabs?: unknown[] }>;
    update(window: number, change: { focused: true }): Promise<unknown>;
    remove(window: number): Promise<void>;
    onCreated: Listenable<(window: { id?: number; type?: string }) => void>;
  };
  webNavigation?: Record<"onBeforeNavigate" | "onCommitted" | "onErrorOccurred", Listenable<(details: Navigation) => void>>;
  alarms?: {
    create(name: string, alarm: { when: number }): void;
    clear(name: string): Promise<boolean>;
    onAlarm: Listenable<(alarm: { name: string }) => void>;
  };
  permissions?: { contains(permissions: { origins: string[] }): Promise<boolean> };
}

/** The API of this extension: `browser` in Firefox, `chrome` elsewhere. */
export function extensionApi(): ExtensionApi {
  const { browser, chrome } = globalThis as { browser?: ExtensionApi; chrome?: ExtensionApi };
  const api = browser?.storage ? browser : chrome;
  if (!api?.storage) throw new TypeError("this is not the context of an extension with the permission \"storage\"");
  return api;
}
