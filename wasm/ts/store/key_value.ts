// Where texts lie by name: all that a store has to know of its place.

/** A place for texts. Each call is atomic by itself; what needs more is done under a lock. */
export interface KeyValue {
  /** Tells this place from others on the same machine: locks carry it in their names. */
  readonly place: string;
  /** Undefined: nothing lies there. */
  get(name: string): Promise<string | undefined>;
  set(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Calls back with the names of what was changed, from whichever context. Returns what ends it. */
  watch(changed: (name: string) => void): () => void;
  /** Where the texts lie and who can read them there, for people. */
  describe(): string;
}
