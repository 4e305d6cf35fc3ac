// The state diagram of each flow, as data, and which state a step stands in. The originals are drawn in the documentation of
// core/src/flow/login, core/src/lifecycle/get_token and core/src/lifecycle/logout.

import type { Action, HttpAction } from "../pkg/machine.js";
import type { Played, TranscriptFlow, TranscriptStep } from "../pkg/transcript.js";

export interface State {
  id: string;
  label: string;
  /** Column and row. */
  at: [number, number];
}

export interface Edge {
  from: string;
  to: string;
  label: string;
  /** How far the line bows to the left of its direction; negative for the right. */
  bend?: number;
  /** It belongs to the way that things should go. */
  main?: true;
}

export interface Diagram {
  title: string;
  states: State[];
  edges: Edge[];
}

export const DONE = "done";
export const FAILED = "failed";

type FlowName = TranscriptFlow["name"];

export const DIAGRAMS: { [Name in FlowName]: Diagram } = {
  get_token: {
    title: "Getting a token",
    states: [
      { id: "loading", label: "Loading", at: [0, 0] },
      { id: "locking", label: "Locking", at: [1, 0] },
      { id: "rereading", label: "Rereading", at: [2, 0] },
      { id: "noting", label: "Noting", at: [2, 1] },
      { id: "posting", label: "Posting", at: [1, 1] },
      { id: "saving", label: "Saving", at: [0, 1] },
      { id: "unlocking", label: "Unlocking", at: [0, 2] },
      { id: "revoking", label: "Revoking", at: [1, 2] },
      { id: "pausing", label: "Pausing", at: [2, 2] },
      { id: DONE, label: "A token", at: [0, 3] },
      { id: FAILED, label: "No token", at: [1, 3] },
      { id: "finishing", label: "Finishing", at: [2, 3] },
    ],
    edges: [
      { from: "loading", to: DONE, label: "fresh", bend: -58 },
      { from: "loading", to: FAILED, label: "nobody is logged in", bend: -20 },
      { from: "loading", to: "locking", label: "due, dead or rejected", main: true },
      { from: "locking", to: "loading", label: "busy: another process has it", bend: 34 },
      { from: "locking", to: "rereading", label: "lease and ledger", main: true },
      { from: "rereading", to: "noting", label: "must be renewed, and may be", main: true },
      { from: "rereading", to: "unlocking", label: "fresh, adopted, or not now", bend: 14 },
      { from: "noting", to: "posting", label: "the intent is noted", main: true },
      { from: "noting", to: "pausing", label: "once more, in a moment" },
      { from: "noting", to: "revoking", label: "tokens of no use" },
      { from: "noting", to: "unlocking", label: "noted" },
      { from: "posting", to: "noting", label: "refused, told to wait, or unknown", bend: 22 },
      { from: "posting", to: "pausing", label: "not sent: a pause" },
      { from: "posting", to: "rereading", label: "refused: has another renewed it?" },
      { from: "posting", to: "saving", label: "new tokens", main: true },
      { from: "posting", to: "unlocking", label: "nobody knows" },
      { from: "pausing", to: "posting", label: "again", bend: 16 },
      { from: "pausing", to: "rereading", label: "look again", bend: -50 },
      { from: "pausing", to: "saving", label: "save again" },
      { from: "saving", to: "pausing", label: "not saved: a pause" },
      { from: "saving", to: "revoking", label: "logged out meanwhile" },
      { from: "saving", to: "unlocking", label: "saved", main: true },
      { from: "revoking", to: "revoking", label: "the next token" },
      { from: "revoking", to: "unlocking", label: "revoked, or not" },
      { from: "unlocking", to: DONE, label: "unlocked", main: true },
      { from: "unlocking", to: FAILED, label: "unlocked" },
      { from: "unlocking", to: "finishing", label: "a logout was left half done" },
      { from: "finishing", to: "finishing", label: "and then" },
      { from: "finishing", to: FAILED, label: "logged out" },
    ],
  },
  login: {
    title: "Logging in",
    states: [
      { id: "discovering", label: "Discovering", at: [0, 0] },
      { id: "listening", label: "Listening", at: [1, 0] },
      { id: "opening", label: "Opening", at: [2, 0] },
      { id: "awaiting", label: "Awaiting", at: [2, 1] },
      { id: "beginning", label: "Beginning", at: [1, 1] },
      { id: "exchanging", label: "Exchanging", at: [0, 1] },
      { id: "saving", label: "Saving", at: [0, 2] },
      { id: "pausing", label: "Pausing", at: [1, 2] },
      { id: DONE, label: "Logged in", at: [0, 3] },
      { id: FAILED, label: "Not logged in", at: [2, 3] },
    ],
    edges: [
      { from: "discovering", to: "discovering", label: "not there: the next place" },
      { from: "discovering", to: "listening", label: "metadata", main: true },
      { from: "listening", to: "opening", label: "bound", main: true },
      { from: "opening", to: "awaiting", label: "shown", main: true },
      { from: "awaiting", to: "awaiting", label: "stray or forged: ignored" },
      { from: "awaiting", to: "beginning", label: "checked callback", main: true },
      { from: "beginning", to: "exchanging", label: "the one claim", main: true },
      { from: "exchanging", to: "pausing", label: "not sent: a pause" },
      { from: "pausing", to: "exchanging", label: "again", bend: 16 },
      { from: "exchanging", to: "saving", label: "tokens", main: true },
      { from: "saving", to: "saving", label: "another login stood there" },
      { from: "saving", to: DONE, label: "saved", main: true },
    ],
  },
  logout: {
    title: "Logging out",
    states: [
      { id: "loading", label: "Loading", at: [0, 0] },
      { id: "marking", label: "Marking", at: [1, 0] },
      { id: "revoking", label: "Revoking", at: [2, 0] },
      { id: "deleting", label: "Deleting", at: [2, 1] },
      { id: DONE, label: "Logged out", at: [1, 1] },
      { id: FAILED, label: "Not done", at: [0, 1] },
    ],
    edges: [
      { from: "loading", to: "marking", label: "somebody", main: true },
      { from: "loading", to: "revoking", label: "marked before", bend: -36 },
      { from: "loading", to: "deleting", label: "here only" },
      { from: "loading", to: DONE, label: "nobody" },
      { from: "marking", to: "marking", label: "renewed meanwhile" },
      { from: "marking", to: "revoking", label: "marked", main: true },
      { from: "marking", to: "deleting", label: "nothing to revoke" },
      { from: "revoking", to: "revoking", label: "the next token" },
      { from: "revoking", to: "deleting", label: "revoked, or not", main: true },
      { from: "deleting", to: "deleting", label: "renewed meanwhile" },
      { from: "deleting", to: "marking", label: "renewed meanwhile", bend: 14 },
      { from: "deleting", to: DONE, label: "deleted", main: true },
    ],
  },
};

/** The states that a run went through, in order: those of its actions, and the end's. */
export function statesOf(flow: FlowName, played: readonly Played[], steps: readonly TranscriptStep[]): string[] {
  let before: Before = { held: false, unlocked: false };
  return played.map(({ at, asked }) => {
    if ("done" in asked) return "failed" in asked.done.end ? FAILED : DONE;
    const { action } = asked.act;
    const state = STATES[flow](action, before);
    before = {
      held: before.held || steps[at]?.answer?.event.outcome === "locked",
      unlocked: before.unlocked || action.action === "unlock",
    };
    return state;
  });
}

/** What went before a step. */
interface Before {
  held: boolean;
  unlocked: boolean;
}

const STATES: { [Name in FlowName]: (action: Action, before: Before) => string } = {
  get_token: getTokenState,
  login: loginState,
  logout: logoutState,
};

function getTokenState(action: Action, before: Before): string {
  if (before.unlocked) return "finishing";
  switch (action.action) {
    case "delete": return "finishing";
    case "fetch": case "post_form": return asksForTokens(action) ? "posting" : "revoking";
    case "load": return before.held ? "rereading" : "loading";
    case "lock": return "locking";
    case "note": return "noting";
    case "save": return "saving";
    case "unlock": return "unlocking";
    case "wait_until": return "pausing";
    case "await_callback": case "begin": case "listen": case "open_url": return "";
  }
}

function loginState(action: Action): string {
  switch (action.action) {
    case "await_callback": return "awaiting";
    case "begin": return "beginning";
    case "fetch": return "discovering";
    case "listen": return "listening";
    case "open_url": return "opening";
    case "post_form": return "exchanging";
    case "save": return "saving";
    case "wait_until": return "pausing";
    case "delete": case "load": case "lock": case "note": case "unlock": return "";
  }
}

function logoutState(action: Action): string {
  switch (action.action) {
    case "delete": return "deleting";
    case "fetch": case "post_form": return "revoking";
    case "load": return "loading";
    case "save": return "marking";
    case "await_callback": case "begin": case "listen": case "lock": case "note": case "open_url": case "unlock":
    case "wait_until": return "";
  }
}

function asksForTokens({ body }: HttpAction): boolean {
  return JSON.stringify(body).includes("grant_type");
}
