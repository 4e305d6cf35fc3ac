// Credentials in the storage of an extension.

import { type ExtensionApi, extensionApi, type StorageArea } from "../worlds/extension_api.js";
import type { KeyValue } from "./key_value.js";
import type { Store } from "./store.js";
import { TextStore } from "./text_store.js";

/** Which area of the extension's storage. */
export type Area = "local" | "session";

class ExtensionTexts implements KeyValue {
  readonly place: string;
  readonly #area: StorageArea;
  /** Content scripts are shut out before the first secret is written. */
  #trusted: Promise<void> | undefined;

  constructor(readonly api: ExtensionApi, readonly name: Area) {
    this.place = `storage.${name}`;
    this.#area = api.storage[name];
  }

  async get(name: string): Promise<string | undefined> {
    const { [name]: text } = await this.#area.get(name);
    return typeof text === "string" ? text : undefined;
  }

  async set(name: string, text: string): Promise<void> {
    this.#trusted ??= trustedOnly(this.#area).catch((error: unknown) => {
      this.#trusted = undefined;
      throw error;
    });
    await this.#trusted;
    await this.#area.set({ [name]: text });
  }

  async remove(name: string): Promise<void> {
    await this.#area.remove(name);
  }

  watch(changed: (name: string) => void): () => void {
    const listener = (changes: Record<string, unknown>, area: string) => {
      if (area === this.name) for (const name of Object.keys(changes)) changed(name);
    };
    this.api.storage.onChanged.addListener(listener);
    return () => this.api.storage.onChanged.removeListener(listener);
  }

  describe(): string {
    return this.name === "session"
      ? "the session storage of this extension: in memory, until the browser is closed or the extension is updated"
      : `the local storage of this extension: on disk, readable by whoever can read the browser's profile${contentScripts(this.#area)}`;
  }
}

async function trustedOnly(area: StorageArea): Promise<void> {
  await area.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });
}

/** Firefox has no access levels for `local`. */
function contentScripts(area: StorageArea): string {
  return area.setAccessLevel ? "" : ", and by this extension's own content scripts";
}

/**
 * A store in the extension's storage. `session` lies in memory and ends with the browser, and with each update of the
 * extension; `local` lies on disk and outlives both.
 */
export function extensionStore(area: Area = "session"): Store {
  return new TextStore(new ExtensionTexts(extensionApi(), area));
}
