// Where credentials are kept: the contract, and how the machine's actions reach it.

import type { CredentialKey, Ledger, Outcome, StoreAction, StoredLedger, StoredRecord, Version } from "../machine.js";
import type { KeyValue } from "./key_value.js";
import type { Locks } from "./locks.js";

/** What `save` and `delete` answer when another version is stored. */
export interface Conflict {
  conflict: StoredRecord | null;
}

/** What `lock` answers. */
export type Lease = { lease: number; ledger: StoredLedger } | { busy: { who: string; since: number } };

/**
 * A place for credentials. What cannot be done is thrown as `IoTrouble`; what cannot be read is trouble, never absence.
 * `storeConformance` tests any implementation.
 */
export interface Store {
  load(key: CredentialKey): Promise<StoredRecord | null>;
  /** In one atomic step: writes if exactly `expected` is stored (null: nothing). Our own write again is a success. */
  save(key: CredentialKey, expected: Version | null, record: StoredRecord): Promise<Conflict | "saved">;
  /** In one atomic step: removes record and ledger if exactly `expected` is stored. Absent counts as deleted. */
  delete(key: CredentialKey, expected: Version): Promise<Conflict | "deleted">;
  /** Takes the lease, waiting at most `wait` milliseconds. Its number is larger than all before. */
  lock(key: CredentialKey, wait: number): Promise<Lease>;
  /** Writes the ledger if the lease is current. */
  note(key: CredentialKey, lease: number, ledger: Ledger): Promise<"lost" | "noted">;
  unlock(key: CredentialKey, lease: number): Promise<"lost" | "unlocked">;
  /** Whether this context took that lease and still has it. */
  holds(key: CredentialKey, lease: number): boolean;
  /** Writes, reads back and removes a text of the size of a large record: a login fails before its window opens. */
  probe(): Promise<void>;
  /** Calls back when the record or the login under way of that credential was changed in any context. */
  watch(key: CredentialKey, changed: () => void): () => void;
  /** Where the secrets lie and who can read them there, for people. */
  describe(): string;
  /** Where logins under way are kept. */
  readonly texts: KeyValue;
  readonly locks: Locks;
}

/** Performs an action of the store. */
export async function performStore(store: Store, action: StoreAction): Promise<Outcome> {
  switch (action.action) {
    case "load":
      return { outcome: "loaded", with: await store.load(action.key) };
    case "save":
      return written(await store.save(action.key, action.expected, action.record));
    case "delete":
      return written(await store.delete(action.key, action.expected));
    case "lock": {
      const lease = await store.lock(action.key, action.wait);
      return "busy" in lease ? { outcome: "busy", with: lease.busy } : { outcome: "locked", with: lease };
    }
    case "note":
      return { outcome: await store.note(action.key, action.lease, action.ledger) };
    case "unlock":
      return { outcome: await store.unlock(action.key, action.lease) };
  }
}

function written(answer: Conflict | "deleted" | "saved"): Outcome {
  return typeof answer === "string" ? { outcome: answer } : { outcome: "conflict", with: answer.conflict };
}
