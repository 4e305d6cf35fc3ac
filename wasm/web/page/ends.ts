// How a run ended, in plain words, and what comes next.

import type { Failure, FlowStep, LoginNote, NextStep, TokenNote } from "../pkg/machine.js";
import type { TranscriptEnd } from "../pkg/transcript.js";
import { clock, seenFrom, span } from "./time.js";

/** An end for people. */
export interface EndWords {
  tone: "good" | "bad" | "open";
  title: string;
  sentences: string[];
  /** What to do now. */
  next: string;
}

const STEPS: { [Step in FlowStep]: string } = {
  callback: "while waiting for the browser",
  code_exchange: "while exchanging the code",
  deletion: "while deleting the login",
  discovery: "while finding the server's endpoints",
  listening: "while opening a place for the redirect",
  loading: "while looking into the store",
  locking: "while getting the lock",
  opening: "while showing the address",
  refresh: "while renewing the token",
  revocation: "while telling the server",
  saving: "while saving the tokens",
};

/** The end, as seen from the instant at which it came. */
export function endWords(end: TranscriptEnd, now: number): EndWords {
  if (end === "unfinished") {
    const sentences = ["The recording stops here: an action stands, and nothing has answered it yet."];
    return { tone: "open", title: "Unfinished", sentences, next: "A login can be resumed from its snapshot by another process, until its code is claimed." };
  }
  if ("failed" in end) return failed(end.failed, now);
  if ("logged_in" in end) {
    const { record, replaced, notes } = end.logged_in;
    const sentences = [`${who(record.claims)} is logged in${lifetime(record.expires_at, now)}.`];
    if (replaced) sentences.push("Another login stood under the same label: this one has taken its place.");
    sentences.push(...notes.map(loginNote));
    return { tone: "good", title: "Logged in", sentences, next: "Ask for a token whenever one is needed: it is renewed on the way." };
  }
  if ("logged_out" in end) {
    const { claims, revoked } = end.logged_out;
    const title = claims ? "Logged out" : "Nobody was logged in";
    if (revoked.revoked === "confirmed") return { tone: "good", title, sentences: ["The server has confirmed that the tokens are dead."], next: "Nothing: it is over." };
    if (revoked.revoked === "not_tried") {
      const sentences = claims ? ["The tokens are gone from here; the server was not told."] : ["There was nothing to delete."];
      return { tone: "good", title, sentences, next: claims ? "Nothing here; the tokens stay alive at the server until they expire." : "Nothing." };
    }
    const sentences = ["The tokens are gone from here; the server did not confirm that it has forgotten them.", `What was seen: ${revoked.why}.`];
    return { tone: "open", title, sentences, next: "End the session at the server's own page, if that matters." };
  }
  const { record, notes } = end.token;
  const sentences = [`A token for ${who(record.claims)}${lifetime(record.expires_at, now)}.`, ...notes.flatMap((note) => tokenNote(note, now))];
  const trouble = notes.some((note) => note !== "short_lived");
  return { tone: trouble ? "open" : "good", title: "A valid access token", sentences, next: trouble ? "Use it: due is not dead. The renewal is tried again later." : "Use it." };
}

function failed(failure: Failure, now: number): EndWords {
  const { step, detail, status, code, next } = failure;
  const seen = [status === null ? "" : `HTTP ${status}`, code ?? ""].filter((part) => part !== "").join(", ");
  const sentences = [`It ended ${STEPS[step] ?? step}${seen && ` (${seen})`}.`, `What was seen: ${detail}.`];
  const open = next.do === "retry_at" || next.do === "outcome_unknown";
  return { tone: open ? "open" : "bad", title: TITLES[next.do] ?? "It failed", sentences, next: nextStep(next, now) };
}

const TITLES: { [Do in NextStep["do"]]: string } = {
  ask_user: "Up to the person",
  fix_configuration: "Something has to be put right",
  log_in: "A new login is needed",
  outcome_unknown: "Nobody knows yet",
  report_bug: "A mistake in tokenway",
  retry_at: "Not now",
};

function nextStep(next: NextStep, now: number): string {
  switch (next.do) {
    case "ask_user": case "fix_configuration": return next.what;
    case "log_in": return "Log in again.";
    case "outcome_unknown": return `Ask again, ${when(next.retry_at, now)}: it will be found out. Nothing is lost until the server refuses.`;
    case "report_bug": return "Please report it.";
    case "retry_at": return `Try again, ${when(next.at, now)}.`;
  }
}

function loginNote(note: LoginNote): string {
  return note === "no_refresh_token"
    ? "The server gave no refresh token: this login ends with its access token."
    : `Scopes that were not granted: ${note.scopes_missing.join(", ")}.`;
}

function tokenNote(note: TokenNote, now: number): string[] {
  if (note === "short_lived") return ["It was renewed a moment ago, and lives shorter than was asked for."];
  const [what, failure] = "not_renewed" in note ? ["renewed", note.not_renewed] : ["saved", note.not_saved];
  return [`It should have been ${what} and could not be: ${failure.detail}.`, `About that: ${nextStep(failure.next, now)}`];
}

function when(instant: number, now: number): string {
  return instant <= now ? "at once" : `${seenFrom(now, instant)} (${clock(instant)})`;
}

function who(claims: Record<string, string>): string {
  return claims["email"] ?? claims["name"] ?? claims["sub"] ?? "Somebody";
}

function lifetime(expires: number | null, now: number): string {
  if (expires === null) return ", for as long as the server says";
  return expires > now ? `; the token lives ${span(expires - now)} more` : "; the token has expired by this clock";
}
