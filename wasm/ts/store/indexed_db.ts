// Credentials of a web page: IndexedDB, which all windows and workers of an origin share.

import type { KeyValue } from "./key_value.js";
import type { Store } from "./store.js";
import { TextStore } from "./text_store.js";
import { Watchers } from "./watchers.js";

const TABLE = "texts";

class IndexedDbTexts implements KeyValue {
  readonly place: string;
  readonly #channel: BroadcastChannel;
  readonly #watchers = new Watchers();
  #opened: Promise<IDBDatabase> | undefined;

  constructor(readonly database: string) {
    this.place = `IndexedDB ${database}`;
    this.#channel = new BroadcastChannel(this.place);
    this.#channel.onmessage = ({ data }) => this.#watchers.tell(String(data));
    // Node keeps a process alive for an open channel.
    (this.#channel as { unref?: () => void }).unref?.();
  }

  async get(name: string): Promise<string | undefined> {
    const text: unknown = await this.#run("readonly", (table) => table.get(name));
    return typeof text === "string" ? text : undefined;
  }

  async set(name: string, text: string): Promise<void> {
    await this.#run("readwrite", (table) => table.put(text, name));
    this.#changed(name);
  }

  async remove(name: string): Promise<void> {
    await this.#run("readwrite", (table) => table.delete(name));
    this.#changed(name);
  }

  watch(changed: (name: string) => void): () => void {
    return this.#watchers.add(changed);
  }

  describe(): string {
    return "the IndexedDB of this site: on disk, readable by every script of this site";
  }

  /** One request in a transaction of its own, durable when it has answered. */
  async #run<T>(mode: IDBTransactionMode, request: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = await this.#transaction(mode);
    return new Promise((resolve, reject) => {
      const asked = request(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the storage of this site is full"));
    });
  }

  /** A browser may drop the connection of a page in the background without a word: then it is opened once more. */
  async #transaction(mode: IDBTransactionMode): Promise<IDBTransaction> {
    try {
      return (await this.#open()).transaction(TABLE, mode, { durability: "strict" });
    } catch {
      this.#opened = undefined;
      return (await this.#open()).transaction(TABLE, mode, { durability: "strict" });
    }
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= open(this.database, () => {
      this.#opened = undefined;
    }).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  #changed(name: string): void {
    this.#channel.postMessage(name);
    this.#watchers.tell(name);
  }
}

function open(name: string, closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      // Somebody clears the site's data, or opens a newer version: let go, and open anew when asked again.
      database.onversionchange = () => {
        database.close();
        closed();
      };
      database.onclose = closed;
      resolve(database);
    };
  });
}

/** A store in IndexedDB. */
export function indexedDbStore(database: string = "tokenway"): Store {
  return new TextStore(new IndexedDbTexts(database));
}
