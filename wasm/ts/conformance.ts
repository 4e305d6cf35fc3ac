// The contract of `Store` as a test that anyone's store can call in one line.

import type { CredentialKey, Ledger, StoredRecord, Version } from "./machine.js";
import { writeLedger } from "./store/ledger.js";
import type { Store } from "./store/store.js";
import { nameOf } from "./store/text_store.js";

/** How many save at once. */
const SAVERS = 50;

/** Milliseconds until a change must have been told of. */
const TOLD_WITHIN = 1_000;

/**
 * Checks the contract against the stores that `make` makes; they may all be the same one. Each rule has keys of its own,
 * under providers whose names begin with `conformance-`. Takes about a second. Throws an `Error` with the name of the rule
 * that does not hold.
 */
export async function storeConformance(make: () => Promise<Store> | Store): Promise<void> {
  for (const [name, rule] of Object.entries(RULES)) {
    const key = { provider: `conformance-${crypto.randomUUID()}`, client_id: "client", account: "default" };
    await rule(new Row(name, await make(), key)).catch((error: unknown) => {
      if (error instanceof Broken) throw error;
      throw new Broken(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}

const RULES: Record<string, (row: Row) => Promise<void>> = {
  "what is not stored is null": async (row) => {
    row.expect("no record", await row.load(), null);
    row.expect("nothing to delete", await row.delete(version("login", 1)), "deleted");
  },

  "records come back as they were": async (row) => {
    const odd = sample("login", 1, "\"\\\u0000\u{1f511}\n\u2028");
    await row.saved(null, odd);
    row.expect("odd characters", await row.load(), odd);
    const large = sample("login", 2, "x".repeat(100_000));
    await row.saved(version("login", 1), large);
    row.expect("a large record", await row.load(), large);
  },

  "keys are apart": async (row) => {
    const { provider, client_id: client } = row.key;
    const keys = [
      { ...row.key, account: "Default" },
      { ...row.key, account: "../default" },
      { ...row.key, account: "" },
      { ...row.key, provider: `${provider}/` },
      { ...row.key, client_id: "Client" },
      { provider: `${provider}","${client}`, client_id: "default", account: "default" },
    ];
    const others = keys.map((key) => row.of(key));
    for (const [index, other] of others.entries()) await other.saved(null, sample(String(index), 1, "one"));
    row.expect("nothing under the first key", await row.load(), null);
    const { lease } = await row.locked();
    for (const [index, other] of others.entries()) {
      other.expect("its own record", await other.load(), sample(String(index), 1, "one"));
      other.expect("a lease of its own", await other.unlock((await other.locked()).lease), "unlocked");
    }
    row.expect("the lease is still held", await row.unlock(lease), "unlocked");
  },

  "saves compare": async (row) => {
    const [first, second, third] = [sample("login", 1, "one"), sample("login", 2, "two"), sample("other", 1, "three")];
    row.expect("nothing stored conflicts with a version", await row.save(version("login", 1), second), { conflict: null });
    await row.saved(null, first);
    for (const expected of [null, version("login", 0), version("login", 2), version("other", 1)]) {
      row.expect("a conflict that shows what is stored", await row.save(expected, second), { conflict: first });
    }
    row.expect("nothing was written", await row.load(), first);
    await row.saved(version("login", 1), second);
    await row.saved(version("login", 2), third);
    row.expect("the other login", await row.load(), third);
  },

  "our own write is a success": async (row) => {
    const [first, second] = [sample("login", 1, "one"), sample("login", 2, "two")];
    for (let time = 0; time < 2; time++) await row.saved(null, first);
    for (let time = 0; time < 2; time++) await row.saved(version("login", 1), second);
    const twin = sample("login", 2, "another's two");
    row.expect("another's write of that version", await row.save(version("login", 1), twin), { conflict: second });
  },

  "deletions compare, and may be repeated": async (row) => {
    const record = sample("login", 3, "three");
    await row.saved(null, record);
    row.expect("another generation", await row.delete(version("login", 2)), { conflict: record });
    row.expect("another login", await row.delete(version("other", 3)), { conflict: record });
    row.expect("the version stored", await row.delete(version("login", 3)), "deleted");
    row.expect("no record", await row.load(), null);
    row.expect("a second time", await row.delete(version("login", 3)), "deleted");
    await row.saved(null, sample("next login", 1, "one"));
  },

  "leases exclude": async (row) => {
    let last = 0;
    for (let time = 0; time < 5; time++) {
      const { lease, ledger } = await row.locked();
      row.expect("no ledger", ledger, "absent");
      row.check(`the number grows, ${lease} after ${last}`, lease > last);
      row.check("the holder holds", row.holds(lease));
      row.check("nobody holds another number", !row.holds(lease + 1));
      for (const wait of [0, 20]) row.check("a waiter is told of somebody", (await row.busy(wait)).who !== "");
      row.expect("given back", await row.unlock(lease), "unlocked");
      row.check("who gave it back does not hold", !row.holds(lease));
      const free = await row.store.lock(row.key, 0);
      row.check("a lease that is free needs no wait", "lease" in free);
      if ("lease" in free) row.expect("given back", await row.unlock(free.lease), "unlocked");
      last = lease;
    }
  },

  "waiters get the lease": async (row) => {
    const { lease } = await row.locked();
    let got = 0;
    const waiter = row.locked().then((locked) => {
      got = Date.now();
      return locked;
    });
    await sleep(60);
    row.check("a waiter waits", got === 0);
    row.expect("given back", await row.unlock(lease), "unlocked");
    const free = Date.now();
    row.expect("the waiter's lease", await row.unlock((await waiter).lease), "unlocked");
    row.check(`it came ${got - free} ms after it was free`, got - free < 500);
  },

  "lost leases write nothing": async (row) => {
    const { lease: first } = await row.locked();
    row.expect("noted under the lease", await row.note(first, notes(1)), "noted");
    row.expect("given back", await row.unlock(first), "unlocked");
    row.expect("given back twice", await row.unlock(first), "lost");
    row.expect("noted without a lease", await row.note(first, notes(2)), "lost");
    const { lease: second, ledger } = await row.locked();
    row.expect("only the note under the lease was written", resends(ledger), 1);
    row.expect("noted under an old lease", await row.note(first, notes(3)), "lost");
    row.expect("an old lease given back", await row.unlock(first), "lost");
    row.check("an old number does not end the next lease", row.holds(second));
    row.expect("never locked", await row.unlock(second + 99), "lost");
    row.expect("given back", await row.unlock(second), "unlocked");
  },

  "ledgers age": async (row) => {
    const before = Date.now();
    await row.noted({ ...notes(7), cool_down: 10 });
    const noted = Date.now();
    await sleep(50);
    const least = Date.now() - noted;
    const ledger = await row.ledger();
    const most = Date.now() - before;
    const { intent } = ledger;
    if (!intent) throw row.broken("the intent comes back");
    const agedBy = (what: string, by: number) => row.check(`the ${what} aged by ${by} ms`, least <= by && by <= most);
    agedBy("intent", intent.age - 5);
    agedBy("intent's wait", 60_000 - intent.lands_in);
    agedBy("wait", 30_000 - ledger.lands_in);
    row.expect("what has passed is 0", ledger.cool_down, 0);
    row.expect("the rest", { ...ledger, intent: { ...intent, age: 5, lands_in: 60_000 }, lands_in: 30_000, cool_down: 20_000 }, notes(7));
  },

  "ledgers survive a clock that went back": async (row) => {
    const { texts } = row.store;
    await row.noted(notes(1));
    if ((await texts.get(row.ledgerName)) === undefined) return;
    await texts.set(row.ledgerName, writeLedger(notes(2), 1, Date.now() + 3_600_000));
    row.expect("nothing has aged", await row.ledger(), notes(2));
    await sleep(50);
    row.check("it ages from then on", (await row.ledger()).lands_in < 30_000);
  },

  "broken and newer ledgers are told apart": async (row) => {
    const { texts } = row.store;
    await row.noted(notes(1));
    const good = await texts.get(row.ledgerName);
    if (good === undefined) return;
    const broken = ["", "{", "null", "[]", good.slice(0, -3), good.replace('"lands_in":', '"lands_in":-'), good.replace('"token":"', '"token":1,"x":"')];
    for (const text of broken) {
      await texts.set(row.ledgerName, text);
      row.expect(`the ledger ${JSON.stringify(text)}`, await row.read(), "unreadable");
    }
    await texts.set(row.ledgerName, good.replace(/"format":\d+/, '"format":999'));
    row.expect("a ledger of another version", await row.read(), "newer");
  },

  "ledgers end with their record": async (row) => {
    await row.saved(null, sample("login", 1, "one"));
    await row.noted(notes(1));
    await row.saved(version("login", 1), sample("login", 2, "two"));
    const { lease, ledger } = await row.locked();
    row.expect("a save leaves the ledger alone", resends(ledger), 1);
    row.expect("deleted under a lease", await row.delete(version("login", 2)), "deleted");
    row.check("a deletion leaves the lease alone", row.holds(lease));
    row.expect("given back", await row.unlock(lease), "unlocked");
    const next = await row.locked();
    row.expect("no ledger without a record", next.ledger, "absent");
    row.check("the numbers go on after a deletion", next.lease > lease);
    row.expect("given back", await row.unlock(next.lease), "unlocked");
  },

  "probes leave nothing": async (row) => {
    const { store } = row;
    const names = new Set<string>();
    const stop = store.texts.watch((name) => names.add(name));
    for (let time = 0; time < 2; time++) await store.probe();
    stop();
    for (const name of names) row.expect("what a probe wrote", await store.texts.get(name), undefined);
    row.check("the store says where secrets lie", store.describe() !== "");
  },

  "one of many saves wins": async (row) => {
    await row.saved(null, sample("login", 1, "one"));
    for (let generation = 2; generation < 4; generation++) {
      const records = Array.from({ length: SAVERS }, (_, saver) => sample("login", generation, String(saver)));
      const expected = version("login", generation - 1);
      const answers = await Promise.all(records.map((record) => row.save(expected, record)));
      const winners = records.filter((_, saver) => answers[saver] === "saved");
      row.expect(`winners among ${SAVERS}`, winners.length, 1);
      row.expect("the winner's record", await row.load(), winners[0]);
      const shown = answers.filter((answer) => answer !== "saved");
      row.expect("what the losers are shown", shown, shown.map(() => ({ conflict: winners[0] })));
    }
  },

  "changes are told of": async (row) => {
    let told = 0;
    const stop = row.store.watch(row.key, () => told++);
    const other = row.of({ ...row.key, account: "other" });
    await other.saved(null, sample("login", 1, "one"));
    await sleep(50);
    row.expect("changes of another credential", told, 0);
    for (const change of [() => row.saved(null, sample("login", 1, "one")), () => row.delete(version("login", 1))]) {
      told = 0;
      await change();
      for (const until = Date.now() + TOLD_WITHIN; told === 0 && Date.now() < until;) await sleep(5);
      row.check("a change is told of", told > 0);
    }
    stop();
    await sleep(50);
    told = 0;
    await row.saved(null, sample("login", 2, "two"));
    await sleep(50);
    row.expect("changes after the watch ended", told, 0);
  },
};

class Broken extends Error {}

/** A store, and the key that one rule has for itself. */
class Row {
  constructor(readonly rule: string, readonly store: Store, readonly key: CredentialKey) {}

  of(key: CredentialKey): Row {
    return new Row(this.rule, this.store, key);
  }

  get ledgerName(): string {
    return nameOf("ledger", this.key);
  }

  load() {
    return this.store.load(this.key);
  }

  save(expected: Version | null, record: StoredRecord) {
    return this.store.save(this.key, expected, record);
  }

  async saved(expected: Version | null, record: StoredRecord): Promise<void> {
    this.expect("saved", await this.save(expected, record), "saved");
  }

  delete(expected: Version) {
    return this.store.delete(this.key, expected);
  }

  async locked() {
    const answer = await this.store.lock(this.key, 10_000);
    if ("busy" in answer) throw this.broken(`the lease is held by ${answer.busy.who}`);
    return answer;
  }

  async busy(wait: number) {
    const answer = await this.store.lock(this.key, wait);
    if (!("busy" in answer)) throw this.broken("two hold the lease at once");
    return answer.busy;
  }

  note(lease: number, ledger: Ledger) {
    return this.store.note(this.key, lease, ledger);
  }

  async noted(ledger: Ledger): Promise<void> {
    const { lease } = await this.locked();
    this.expect("noted", await this.note(lease, ledger), "noted");
    this.expect("given back", await this.unlock(lease), "unlocked");
  }

  /** What a lease shows of the ledger. */
  async read() {
    const { lease, ledger } = await this.locked();
    this.expect("given back", await this.unlock(lease), "unlocked");
    return ledger;
  }

  async ledger(): Promise<Ledger> {
    const ledger = await this.read();
    if (typeof ledger === "string") throw this.broken(`the ledger is ${ledger}`);
    return ledger.read;
  }

  unlock(lease: number) {
    return this.store.unlock(this.key, lease);
  }

  holds(lease: number): boolean {
    return this.store.holds(this.key, lease);
  }

  expect(what: string, got: unknown, expected: unknown): void {
    const [shown, wanted] = [got, expected].map((value) => JSON.stringify(sorted(value))?.slice(0, 500));
    if (!same(got, expected)) throw this.broken(`${what}: expected ${wanted}, got ${shown}`);
  }

  check(what: string, holds: boolean): void {
    if (!holds) throw this.broken(what);
  }

  broken(what: string): Error {
    return new Broken(`${this.rule}: ${what}`);
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/** The order of members says nothing. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, member]) => [name, sorted(member)]));
}

function version(login: string, generation: number): Version {
  return { login_id: login, generation };
}

function sample(login: string, generation: number, token: string): StoredRecord {
  return {
    ...version(login, generation),
    format: 1,
    client_id: "client",
    issuer: "https://issuer.example",
    token_endpoint: "https://issuer.example/token",
    revocation_endpoint: null,
    mark: "logged_in",
    access_token: `access-${token}`,
    token_type: "Bearer",
    refresh_token: `refresh-${token}`,
    scopes: ["openid"],
    claims: { email: "zoë@example.com" },
    expires_at: 1_700_000_000_000,
    due_at: null,
    renewed_at: 1_600_000_000_000,
    renewed_from: null,
    renewed_for_rejection: false,
    from_the_future: { kept: [1, 2] },
  };
}

function notes(resends: number): Ledger {
  const intent = { token: "hash", age: 5, lands_in: 60_000, resends };
  return { login_id: "login", intent, lands_in: 30_000, cool_down: 20_000, refused: "other hash" };
}

function resends(ledger: Awaited<ReturnType<Row["read"]>>): number | undefined {
  return typeof ledger === "string" ? undefined : ledger.read.intent?.resends;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
