// Credentials that end with their context.

import type { KeyValue } from "./key_value.js";
import { ContextLocks } from "./locks.js";
import type { Store } from "./store.js";
import { TextStore } from "./text_store.js";
import { Watchers } from "./watchers.js";

export class MemoryTexts implements KeyValue {
  readonly place = `memory ${crypto.randomUUID()}`;
  readonly #texts = new Map<string, string>();
  readonly #watchers = new Watchers();

  async get(name: string): Promise<string | undefined> {
    return this.#texts.get(name);
  }

  async set(name: string, text: string): Promise<void> {
    this.#texts.set(name, text);
    this.#watchers.tell(name);
  }

  async remove(name: string): Promise<void> {
    if (this.#texts.delete(name)) this.#watchers.tell(name);
  }

  watch(changed: (name: string) => void): () => void {
    return this.#watchers.add(changed);
  }

  describe(): string {
    return "the memory of this program, until it ends";
  }
}

/** A store in memory. */
export function memoryStore(): Store {
  return new TextStore(new MemoryTexts(), new ContextLocks());
}
