// Credentials that end with their context.

import type { KeyValue } from "./key_value.js";
import { ContextLocks } from "./locks.js";
import type { Store } from "./store.js";
import { TextStore } from "./text_store.js";

export class MemoryTexts implements KeyValue {
  readonly place = `memory ${crypto.randomUUID()}`;
  readonly #texts = new Map<string, string>();
  readonly #watchers = new Set<(name: string) => void>();

  async get(name: string): Promise<string | undefined> {
    return this.#texts.get(name);
  }

  async set(name: string, text: string): Promise<void> {
    this.#texts.set(name, text);
    this.#changed(name);
  }

  async remove(name: string): Promise<void> {
    if (this.#texts.delete(name)) this.#changed(name);
  }

  watch(changed: (name: string) => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  describe(): string {
    return "the memory of this program, until it ends";
  }

  #changed(name: string): void {
    for (const watcher of this.#watchers) watcher(name);
  }
}

/** A store in memory. */
export function memoryStore(): Store {
  return new TextStore(new MemoryTexts(), new ContextLocks());
}
