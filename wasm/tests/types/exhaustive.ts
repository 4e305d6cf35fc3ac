// Whoever handles what the machine says handles all of it: a new member of any of these makes this file not compile.
import type { Action, End, IoFailureKind, NextStep, Outcome, Step, StoredLedger } from "tokenway";

function never(value: never): never {
  throw new TypeError(`unexpected: ${JSON.stringify(value)}`);
}

export function answers(action: Action): Outcome["outcome"][] {
  switch (action.action) {
    case "await_callback":
      return ["callback", "timed_out", "failed"];
    case "begin":
      return ["begun", "already_begun", "failed"];
    case "delete":
      return ["deleted", "conflict", "failed"];
    case "fetch":
    case "post_form":
      return [action.url === "" ? "failed" : "http", "failed"];
    case "listen":
      return [action.candidates.length > 0 ? "listening" : "failed"];
    case "load":
      return ["loaded", "failed"];
    case "lock":
      return ["locked", "busy", "failed"];
    case "note":
      return ["noted", "lost", "failed"];
    case "open_url":
      return ["opened", "failed"];
    case "save":
      return ["saved", "conflict", "failed"];
    case "unlock":
      return ["unlocked", "lost", "failed"];
    case "wait_until":
      return ["elapsed"];
    default:
      return never(action);
  }
}

export function isTrouble(outcome: Outcome): boolean {
  switch (outcome.outcome) {
    case "failed":
      return kindIsFinal(outcome.with.kind);
    case "busy":
    case "conflict":
    case "lost":
    case "timed_out":
    case "already_begun":
      return true;
    case "begun":
    case "callback":
    case "deleted":
    case "elapsed":
    case "http":
    case "listening":
    case "loaded":
    case "locked":
    case "noted":
    case "opened":
    case "saved":
    case "unlocked":
      return false;
    default:
      return never(outcome);
  }
}

export function kindIsFinal(kind: IoFailureKind): boolean {
  switch (kind) {
    case "cancelled":
    case "too_large":
    case "unable":
      return true;
    case "deadline":
    case "incomplete":
    case "unreachable":
      return false;
    default:
      return never(kind);
  }
}

export function told(next: NextStep): string {
  switch (next.do) {
    case "ask_user":
    case "fix_configuration":
      return next.what;
    case "log_in":
    case "report_bug":
      return next.do;
    case "outcome_unknown":
      return String(next.retry_at);
    case "retry_at":
      return String(next.at);
    default:
      return never(next);
  }
}

export function ended(step: Step): End | undefined {
  if ("act" in step) return undefined;
  if ("done" in step) return step.done.end;
  return never(step);
}

export function known(ledger: StoredLedger): boolean {
  if (typeof ledger === "object") return ledger.read.login_id !== null;
  switch (ledger) {
    case "absent":
    case "newer":
    case "unreadable":
      return false;
    default:
      return never(ledger);
  }
}
