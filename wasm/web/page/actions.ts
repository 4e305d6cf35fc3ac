// What the machine asks for, in one sentence each and as a few facts.

import type { Action, CredentialKey, HttpAction, Ledger, StoredRecord, Version } from "../pkg/machine.js";
import { seenFrom, span } from "./time.js";

type Named<Name extends Action["action"]> = Extract<Action, { action: Name }>;

/** A label and its value. */
export type Fact = [string, string];

const SENTENCES: { [Name in Action["action"]]: (action: Named<Name>, state: string) => string } = {
  await_callback: () => "Wait until the browser comes back with the answer, and bring me all of it, unread.",
  begin: () => "Claim this login before its code is spent: a code works once, so only one process may go on.",
  delete: ({ expected }) => `Delete the stored login, if it is still generation ${expected.generation} of the same one.`,
  fetch: (action, state) => state === "discovering"
    ? `Ask ${host(action.url)} where its endpoints are.`
    : `Tell ${host(action.url)} that a token is not needed any more.`,
  listen: () => "Open a place on this machine that the browser can come back to.",
  load: (_, state) => LOADS[state] ?? "Look into the store: is somebody logged in?",
  lock: () => "Get the lock, so that no other process spends the same refresh token.",
  note: ({ ledger }) => noteSentence(ledger),
  open_url: () => "Show this address to the person, and open the browser there.",
  post_form: (action, state) => POSTS[state]?.(host(action.url)) ?? `Send this form to ${host(action.url)}.`,
  save: ({ expected }, state) => saveSentence(expected, state),
  unlock: () => "Give the lock back, whatever happened.",
  wait_until: ({ span: pause }) => `Wait ${span(pause)}, then go on.`,
};

const LOADS: Record<string, string> = {
  rereading: "Look again, now that nobody else can write: perhaps another process has brought new tokens.",
};

const POSTS: Record<string, (server: string) => string> = {
  exchanging: (server) => `Exchange the code for tokens at ${server}, once.`,
  finishing: (server) => `Finish the logout that was left half done: tell ${server} to forget a token.`,
  posting: (server) => `Send the refresh token to ${server}, once, for new tokens.`,
  revoking: (server) => `Tell ${server} to forget a token.`,
};

/** One friendly sentence for an action in a state. */
export function actionSentence(action: Action, state: string): string {
  const sentence = SENTENCES[action.action] as ((action: Action, state: string) => string) | undefined;
  return sentence?.(action, state) ?? `Something that this page does not know: ${action.action}.`;
}

/** What is worth seeing of an action, at an instant. */
export function actionFacts(action: Action, now: number): Fact[] {
  switch (action.action) {
    case "await_callback":
      return [["comes back to", action.redirect_uri], ["gives up", seenFrom(now, action.deadline)]];
    case "begin":
      return [["login", action.login]];
    case "delete":
      return [["login", keyOf(action.key)], ["only if", versionOf(action.expected)]];
    case "fetch": case "post_form":
      return httpFacts(action, now);
    case "listen":
      return action.candidates.map((candidate) => ["try", candidate]);
    case "load":
      return [["login", keyOf(action.key)]];
    case "lock":
      return [["login", keyOf(action.key)], ["waits", span(action.wait)], ["holds", span(action.hold)]];
    case "note":
      return [["under lease", String(action.lease)], ...ledgerFacts(action.ledger)];
    case "open_url":
      return urlFacts(action.url);
    case "save":
      return [["login", keyOf(action.key)], ["only if", action.expected ? versionOf(action.expected) : "nothing stands there"], ...recordFacts(action.record, now)];
    case "unlock":
      return [["lease", String(action.lease)]];
    case "wait_until":
      return [["until", seenFrom(now, action.at)]];
  }
}

/** What is worth seeing of a stored login. */
export function recordFacts(record: StoredRecord, now: number): Fact[] {
  const facts: Fact[] = [["generation", String(record.generation)], ["access token", record.access_token]];
  if (record.refresh_token !== null) facts.push(["refresh token", record.refresh_token]);
  if (record.expires_at !== null) facts.push(["expires", seenFrom(now, record.expires_at)]);
  if (record.mark === "logged_out") facts.push(["marked", "a logout has begun"]);
  return facts;
}

/** What is worth seeing of the notes beside the lock. */
export function ledgerFacts(ledger: Ledger): Fact[] {
  const facts: Fact[] = [];
  if (ledger.intent) facts.push(["intent", `to send ${short(ledger.intent.token)}`], ["sent before", times(ledger.intent.resends)]);
  if (ledger.lands_in > 0) facts.push(["may still land", `for ${span(ledger.lands_in)}`]);
  if (ledger.cool_down > 0) facts.push(["leave the server alone", `for ${span(ledger.cool_down)}`]);
  if (ledger.refused) facts.push(["refused", short(ledger.refused)]);
  return facts.length > 0 ? facts : [["notes", "nothing"]];
}

function noteSentence(ledger: Ledger): string {
  if (ledger.refused) return "Note that the server refused this login, so that nobody asks it again.";
  if (ledger.cool_down > 0) return "Note how long the server wants to be left alone.";
  if (ledger.intent && ledger.intent.resends > 0) return "Note that the same refresh token is about to be sent once more.";
  if (ledger.intent && ledger.intent.age > 0) return "Note that nobody knows yet whether the refresh token arrived.";
  if (ledger.intent) return "Note what is about to be sent, before it is: a crash must not hide it.";
  return "Note how it went, for whoever comes next.";
}

function saveSentence(expected: Version | null, state: string): string {
  if (state === "marking") return "Mark the login as logged out, so that another process can finish this if we cannot.";
  if (state === "finishing") return "Mark the login as logged out.";
  if (expected === null) return "Save the tokens before anybody sees them.";
  return `Save the tokens before anybody sees them, in place of generation ${expected.generation}.`;
}

function httpFacts(action: HttpAction, now: number): Fact[] {
  const facts: Fact[] = [["request", `${action.method} ${action.url}`]];
  if (typeof action.body === "object") {
    if ("form" in action.body) facts.push(...action.body.form.map(({ name, value }): Fact => [name, value]));
    else facts.push(["JSON", action.body.json]);
  }
  if (action.not_after !== null) facts.push(["leaves", `${seenFrom(now, action.not_after)} at the latest`]);
  if (action.lease !== null) facts.push(["under lease", String(action.lease)]);
  return facts;
}

function urlFacts(text: string): Fact[] {
  if (!URL.canParse(text)) return [["address", text]];
  const url = new URL(text);
  return [["address", url.origin + url.pathname], ...[...url.searchParams].map(([name, value]): Fact => [name, value])];
}

function host(text: string): string {
  return URL.canParse(text) ? new URL(text).host : "the server";
}

function keyOf({ provider, account }: CredentialKey): string {
  return `${account} at ${provider}`;
}

function versionOf({ generation, login_id }: Version): string {
  return `generation ${generation} of ${short(login_id)}`;
}

function short(text: string): string {
  return text.length > 14 ? `${text.slice(0, 10)}…` : text;
}

function times(count: number): string {
  return count === 0 ? "never" : count === 1 ? "once" : `${count} times`;
}
