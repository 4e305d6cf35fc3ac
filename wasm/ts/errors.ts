// What goes wrong, as subclasses of Error: told apart by what the person or the program has to do next.

import type { Failure, FlowStep, IoFailureKind, NextStep } from "./machine.js";

/** Any trouble that this package tells of. `message` is for people; it holds no secrets. */
export class TokenwayError extends Error {
  override readonly name: string = "TokenwayError";

  constructor(
    /** For programs: a `FailureKind`, or the kind of misuse. */
    readonly code: string,
    message: string,
    /** Where it happened; undefined for a mistake of the caller's. */
    readonly step?: FlowStep,
    /** What to do. */
    readonly next?: NextStep,
    /** What to do, in a sentence for people. */
    readonly advice: string = "",
    /** The HTTP status, when a server answered. */
    readonly status?: number,
    /** The OAuth error code, when there was one. */
    readonly oauthCode?: string,
  ) {
    super(message);
  }

  /** What may be sent to another context or written down. */
  toJSON(): { name: string; code: string; message: string; advice: string; step?: FlowStep; next?: NextStep } {
    const { name, code, message, advice, step, next } = this;
    return { name, code, message, advice, ...(step && { step }), ...(next && { next }) };
  }
}

/** Nobody is logged in any more, or nobody was: a person has to log in. */
export class LogInError extends TokenwayError {
  override readonly name = "LogInError";
}

/** It may work later; `next.at` says from when. */
export class RetryLaterError extends TokenwayError {
  override readonly name = "RetryLaterError";
}

/** Something in the configuration, of this program or of the machine, has to change. */
export class ConfigurationError extends TokenwayError {
  override readonly name = "ConfigurationError";
}

/** Something that only the person can do; `advice` says what. */
export class AskUserError extends TokenwayError {
  override readonly name = "AskUserError";
}

/** Nobody knows whether the server acted; asking again finds it out. */
export class OutcomeUnknownError extends TokenwayError {
  override readonly name = "OutcomeUnknownError";
}

/** A mistake in this package. */
export class BugError extends TokenwayError {
  override readonly name = "BugError";
}

/** The caller gave something that cannot be used. Nothing has changed. */
export class MisuseError extends TokenwayError {
  override readonly name = "MisuseError";
}

/** Trouble of a world or a store, thrown by it and taken as an outcome: the machine decides what it means. */
export class IoTrouble extends Error {
  override readonly name = "IoTrouble";

  constructor(readonly kind: IoFailureKind, readonly detail: string) {
    super(detail);
  }

  toJSON(): { kind: IoFailureKind; detail: string } {
    return { kind: this.kind, detail: this.detail };
  }
}

type Thrown =
  | { failure: { failure: Failure; message: string; advice: string } }
  | { misuse: { code: string; message: string } };

const CLASSES: { [Do in NextStep["do"]]: typeof TokenwayError } = {
  ask_user: AskUserError,
  fix_configuration: ConfigurationError,
  log_in: LogInError,
  outcome_unknown: OutcomeUnknownError,
  report_bug: BugError,
  retry_at: RetryLaterError,
};

/** The error of what the module threw. */
export function toError(thrown: unknown): Error {
  if (isThrown(thrown)) {
    if ("misuse" in thrown) return new MisuseError(thrown.misuse.code, thrown.misuse.message);
    const { failure, message, advice } = thrown.failure;
    return fromFailure(failure, `${message}. ${advice}`, advice);
  }
  return thrown instanceof Error ? thrown : new BugError("bug", String(thrown));
}

/** The error of a failure. */
export function fromFailure(failure: Failure, message: string = failure.detail, advice: string = ""): TokenwayError {
  const { kind, step, next, status, code } = failure;
  return new CLASSES[next.do](kind, message, step, next, advice, status ?? undefined, code ?? undefined);
}

function isThrown(thrown: unknown): thrown is Thrown {
  return typeof thrown === "object" && thrown !== null && ("failure" in thrown || "misuse" in thrown);
}
