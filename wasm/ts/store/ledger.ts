// The ledger as text: spans, and the instant from which they count by this machine's wall clock.

import type { Ledger, StoredLedger } from "../machine.js";

/** The format that this version writes, and the newest that it reads. */
const FORMAT = 1;

export function writeLedger(ledger: Ledger, lease: number, now: number): string {
  return JSON.stringify({ format: FORMAT, lease, written_at: now, ledger });
}

/** The notes, their spans counted from `now`; `clockWentBack` when they have to be written anew to count from it. */
export function readLedger(text: string | undefined, now: number): { ledger: StoredLedger; clockWentBack: boolean } {
  const found = (ledger: StoredLedger, clockWentBack = false) => ({ ledger, clockWentBack });
  if (text === undefined) return found("absent");
  const written: unknown = parsed(text);
  if (!isObject(written) || typeof written["format"] !== "number") return found("unreadable");
  if (written["format"] > FORMAT) return found("newer");
  const { written_at: writtenAt, ledger } = written;
  if (typeof writtenAt !== "number" || !isLedger(ledger)) return found("unreadable");
  return found({ read: aged(ledger, Math.max(0, now - writtenAt)) }, now < writtenAt);
}

function aged(ledger: Ledger, by: number): Ledger {
  const less = (span: number) => Math.max(0, span - by);
  const { intent } = ledger;
  return {
    ...ledger,
    lands_in: less(ledger.lands_in),
    cool_down: less(ledger.cool_down),
    intent: intent && { ...intent, age: intent.age + by, lands_in: less(intent.lands_in) },
  };
}

function isLedger(value: unknown): value is Ledger {
  if (!isObject(value)) return false;
  const { login_id: loginId, intent, lands_in: landsIn, cool_down: coolDown, refused } = value;
  const isText = (text: unknown) => text === null || typeof text === "string";
  return isText(loginId) && isText(refused) && isSpan(landsIn) && isSpan(coolDown) && (intent === null || isIntent(intent));
}

function isIntent(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { token, age, lands_in: landsIn, resends } = value;
  return typeof token === "string" && isSpan(age) && isSpan(landsIn) && isSpan(resends);
}

function isSpan(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
