// The store contract on any place for texts: compare-and-write and leases by locks, the ledger beside them.

import { IoTrouble } from "../errors.js";
import type { CredentialKey, Ledger, StoredRecord, Version } from "../machine.js";
import type { KeyValue } from "./key_value.js";
import { readLedger, writeLedger } from "./ledger.js";
import { bestLocks, type Locks } from "./locks.js";
import type { Conflict, Lease, Store } from "./store.js";

/** The newest format of a record that this version writes over. */
const RECORD_FORMAT = 1;

/** Characters: with it a record is larger than any that was seen. */
const PROBE_SIZE = 32_768;

/** The name of what is kept for a credential. */
export function nameOf(kind: "last" | "lease" | "ledger" | "login" | "record", key: CredentialKey): string {
  return `tokenway:${kind}:${JSON.stringify([key.provider, key.client_id, key.account])}`;
}

export class TextStore implements Store {
  /** The leases that this context holds. */
  readonly #held = new Map<string, { lease: number; release: () => void }>();

  constructor(readonly texts: KeyValue, readonly locks: Locks = bestLocks()) {}

  async load(key: CredentialKey): Promise<StoredRecord | null> {
    const text = await this.texts.get(nameOf("record", key));
    return text === undefined ? null : record(text);
  }

  save(key: CredentialKey, expected: Version | null, record: StoredRecord): Promise<Conflict | "saved"> {
    return this.#writing(key, async () => {
      const stored = await this.load(key);
      const text = JSON.stringify(record);
      if (!isVersion(stored, expected) && JSON.stringify(stored) !== text) return { conflict: stored };
      if (stored && stored.format > RECORD_FORMAT) {
        throw new IoTrouble("unable", "a newer version of tokenway wrote the login that lies there");
      }
      await this.texts.set(nameOf("record", key), text);
      return "saved";
    });
  }

  delete(key: CredentialKey, expected: Version): Promise<Conflict | "deleted"> {
    return this.#writing(key, async () => {
      const stored = await this.load(key);
      if (stored && !isVersion(stored, expected)) return { conflict: stored };
      await this.texts.remove(nameOf("record", key));
      await this.texts.remove(nameOf("ledger", key));
      return "deleted";
    });
  }

  async lock(key: CredentialKey, wait: number): Promise<Lease> {
    const name = nameOf("lease", key);
    const release = await this.locks.hold(this.#lockName(name), wait);
    if (!release) return { busy: await this.#holder(name) };
    try {
      const lease = (await this.#lastLease(name)) + 1;
      const now = Date.now();
      await this.texts.set(name, JSON.stringify({ lease, who: whoIsThis(), at: now }));
      const { ledger, clockWentBack } = readLedger(await this.texts.get(nameOf("ledger", key)), now);
      if (clockWentBack && typeof ledger === "object") {
        await this.texts.set(nameOf("ledger", key), writeLedger(ledger.read, lease, now));
      }
      this.#held.set(name, { lease, release });
      return { lease, ledger };
    } catch (error) {
      release();
      throw error;
    }
  }

  async note(key: CredentialKey, lease: number, ledger: Ledger): Promise<"lost" | "noted"> {
    if (!this.holds(key, lease) || (await this.#lastLease(nameOf("lease", key))) !== lease) return "lost";
    await this.texts.set(nameOf("ledger", key), writeLedger(ledger, lease, Date.now()));
    return "noted";
  }

  async unlock(key: CredentialKey, lease: number): Promise<"lost" | "unlocked"> {
    const name = nameOf("lease", key);
    if (!this.holds(key, lease)) return "lost";
    this.#held.get(name)?.release();
    this.#held.delete(name);
    return "unlocked";
  }

  holds(key: CredentialKey, lease: number): boolean {
    return this.#held.get(nameOf("lease", key))?.lease === lease;
  }

  async probe(): Promise<void> {
    const name = `tokenway:probe:${crypto.randomUUID()}`;
    const text = "x".repeat(PROBE_SIZE);
    try {
      await this.texts.set(name, text);
      if ((await this.texts.get(name)) === text) return;
    } catch (error) {
      throw new IoTrouble("unable", `nothing can be written to ${this.describe()}: ${messageOf(error)}`);
    } finally {
      await this.texts.remove(name).catch(() => undefined);
    }
    throw new IoTrouble("unable", `what was written to ${this.describe()} did not come back`);
  }

  watch(key: CredentialKey, changed: () => void): () => void {
    const names = [nameOf("record", key), nameOf("login", key), nameOf("last", key)];
    return this.texts.watch((name) => {
      if (names.includes(name)) changed();
    });
  }

  describe(): string {
    return this.texts.describe();
  }

  #writing<T>(key: CredentialKey, work: () => Promise<T>): Promise<T> {
    return this.locks.exclusive(this.#lockName(nameOf("record", key)), work);
  }

  #lockName(name: string): string {
    return `${this.texts.place}:${name}`;
  }

  async #lastLease(name: string): Promise<number> {
    const { lease } = parsed(await this.texts.get(name)) as { lease?: unknown };
    return typeof lease === "number" ? lease : 0;
  }

  async #holder(name: string): Promise<{ who: string; since: number }> {
    const { who, at } = parsed(await this.texts.get(name)) as { who?: unknown; at?: unknown };
    const since = typeof at === "number" ? Math.max(0, Date.now() - at) : 0;
    return { who: typeof who === "string" ? who : "another context", since };
  }
}

function record(text: string): StoredRecord {
  const found = parsed(text) as Partial<StoredRecord>;
  if (typeof found.login_id === "string" && typeof found.generation === "number" && typeof found.format === "number") {
    return found as StoredRecord;
  }
  throw new IoTrouble("unable", "what is stored there is not the record of a login");
}

function isVersion(stored: StoredRecord | null, expected: Version | null): boolean {
  if (!stored || !expected) return !stored && !expected;
  return stored.login_id === expected.login_id && stored.generation === expected.generation;
}

/** An object in any case: what is broken has no members. */
function parsed(text: string | undefined): object {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** For the person who waits for another context. */
function whoIsThis(): string {
  const { location } = globalThis as { location?: { pathname?: string } };
  return location?.pathname ? `the context of ${location.pathname}` : "another context";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
