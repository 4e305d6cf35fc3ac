// Who wants to know of changes. What a listener throws is its own matter, never that of a write that went well.

export class Watchers {
  readonly #watchers = new Set<(name: string) => void>();

  add(watcher: (name: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  tell(name: string): void {
    for (const watcher of this.#watchers) queueMicrotask(() => watcher(name));
  }
}
