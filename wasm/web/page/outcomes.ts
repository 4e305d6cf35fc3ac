// What the world answered, in one sentence each and as a few facts.

import type { Callback, HttpAnswer, IoFailure, IoFailureKind, Outcome, StoredLedger, StoredRecord } from "../pkg/machine.js";
import { type Fact, ledgerFacts, recordFacts } from "./actions.js";
import { seenFrom, span } from "./time.js";

const SOURCES: { [Source in Callback["source"]]: string } = {
  listening: "A request arrived at the open port.",
  one_shot: "The browser handed the redirect over.",
  pasted: "A person pasted something.",
};

const TROUBLES: { [Kind in IoFailureKind]: string } = {
  cancelled: "It was called off",
  deadline: "It took too long",
  incomplete: "The connection broke in the middle",
  too_large: "The answer was too large",
  unable: "It could not be done",
  unreachable: "It could not be reached",
};

/** One friendly sentence for an outcome. */
export function outcomeSentence(outcome: Outcome): string {
  switch (outcome.outcome) {
    case "already_begun": return "It was claimed before.";
    case "begun": return "Claimed: the code is ours to spend.";
    case "busy": return `Another process holds it, for ${span(outcome.with.since)} now.`;
    case "callback": return SOURCES[outcome.with.source] ?? "Something came back.";
    case "conflict": return outcome.with ? "Something else stands there by now." : "Nothing stands there any more.";
    case "deleted": return "Deleted.";
    case "elapsed": return "The time has passed.";
    case "failed": return troubleSentence(outcome.with);
    case "http": return httpSentence(outcome.with);
    case "listening": return "The place is open.";
    case "loaded": return outcome.with ? `There is a login: generation ${outcome.with.generation}.` : "There is nothing.";
    case "locked": return `The lock is yours, under lease ${outcome.with.lease}. ${ledgerSentence(outcome.with.ledger)}`;
    case "lost": return "The lock was lost meanwhile.";
    case "noted": return "Written down.";
    case "opened": return outcome.with.browser ? "Shown, and a browser opens." : "Shown; no browser could be opened.";
    case "saved": return "Saved, and it will last.";
    case "timed_out": return "Nobody came back in time.";
    case "unlocked": return "The lock is free.";
  }
}

/** What is worth seeing of an outcome, at an instant. */
export function outcomeFacts(outcome: Outcome, now: number): Fact[] {
  switch (outcome.outcome) {
    case "busy":
      return [["holder", outcome.with.who]];
    case "callback":
      return [["request", `${outcome.with.method} ${outcome.with.target}`.trim()], ...parameters(outcome.with.target)];
    case "conflict": case "loaded":
      return standing(outcome.with, now);
    case "failed":
      return [["detail", outcome.with.detail]];
    case "http":
      return [...headers(outcome.with), ["body", bodyText(outcome.with)]];
    case "listening":
      return [["redirect URI", outcome.with.redirect_uri]];
    case "locked":
      return typeof outcome.with.ledger === "object" ? ledgerFacts(outcome.with.ledger.read) : [];
    case "already_begun": case "begun": case "deleted": case "elapsed": case "lost": case "noted": case "opened":
    case "saved": case "timed_out": case "unlocked":
      return [];
  }
}

function ledgerSentence(ledger: StoredLedger): string {
  switch (ledger) {
    case "absent": return "No notes lie beside it.";
    case "newer": return "A newer version wrote the notes beside it.";
    case "unreadable": return "The notes beside it cannot be read.";
    default: return "Notes lie beside it.";
  }
}

function troubleSentence({ kind, sent }: IoFailure): string {
  const fate = sent === "not_sent" ? "nothing was sent" : "nobody knows whether it arrived";
  return `${TROUBLES[kind] ?? "It failed"}; ${fate}.`;
}

function httpSentence(answer: HttpAnswer): string {
  const { status } = answer;
  if (status >= 200 && status < 300) return `The server answered ${status}: done.`;
  if (status === 429) return "The server answered 429: too many requests, wait.";
  if (status >= 300 && status < 400) return `The server answered ${status}: it wants to send us elsewhere.`;
  if (status >= 500) return `The server answered ${status}: it is in trouble.`;
  return `The server answered ${status}: no.`;
}

function standing(record: StoredRecord | null, now: number): Fact[] {
  return record ? recordFacts(record, now) : [];
}

function headers({ headers, received_at }: HttpAnswer): Fact[] {
  const wait = headers.filter(([name]) => name === "retry-after").map(([, value]): Fact => ["retry after", seconds(value, received_at)]);
  return wait;
}

function seconds(value: string, received: number): string {
  const date = Date.parse(value);
  return /^\d+$/.test(value) ? span(Number(value) * 1_000) : Number.isNaN(date) ? value : seenFrom(received, date);
}

function bodyText({ body }: HttpAnswer): string {
  if (body === "too_large") return "too large to be read";
  if ("bytes" in body) return `${body.bytes.length} bytes that are no text`;
  return body.text === "" ? "empty" : body.text;
}

function parameters(target: string): Fact[] {
  const at = target.indexOf("?");
  return at < 0 ? [] : [...new URLSearchParams(target.slice(at))].map(([name, value]): Fact => [name, value]);
}
