// Recorded runs, played again through the machine and compared byte for byte. The format is core/src/transcript/format.rs.
// Numbers are JavaScript's: a transcript with whole numbers past 2^53 or keys that look like indices cannot be replayed here.

import { MisuseError, TokenwayError } from "./errors.js";
import type { Action, Config, End, Moment, Outcome, Progress, Step } from "./machine.js";
import { Session, type Sessions } from "./session.js";

/** The format that this version reads: replays are exact within it. */
const FORMAT = 1;

/** The most characters of a line that a difference shows: enough for the member that differs and its neighbours. */
const EXCERPT = 240;

/** How many characters before the first difference are shown. */
const BEFORE = 60;

const UNFINISHED = "unfinished";

/** Which flow a transcript tells, and what was asked of it. */
export type TranscriptFlow =
  | { name: "get_token"; min_ttl: number; rejected: string | null }
  | { name: "login" }
  | { name: "logout"; everywhere: boolean };

/** The first line of a transcript. */
export interface TranscriptHeader {
  transcript: number;
  /** The version that recorded it. */
  tokenway: string;
  flow: TranscriptFlow;
  config: Config;
  moment: Moment;
}

/** One action, and what was answered, as they stand in a transcript. */
export interface TranscriptStep {
  /** The number of the action's line, from 1; the answer's is the next. */
  line: number;
  action: Action;
  /** What happened, and when; undefined for the action that stands when a recording stops early. */
  answer: { event: Outcome; moment: Moment } | undefined;
}

/** The last line of a transcript. */
export type TranscriptEnd = End | typeof UNFINISHED;

/** What the machine did at one step: it is at `steps[at]`, and at the end when there is no such step. */
export interface Played {
  at: number;
  /** What it asked for, or how it ended. */
  asked: Step;
  /** What it made of the answer; undefined at the end, and after a difference. */
  progress: Progress | undefined;
  difference: Difference | undefined;
}

/** A transcript that replayed exactly. */
export interface Summary {
  flow: TranscriptFlow["name"];
  /** How many actions were answered. */
  steps: number;
  /** How it ended, for people. */
  end: string;
}

/** A text is not a transcript of this format. */
export class UnreadableTranscript extends TokenwayError {
  override readonly name = "UnreadableTranscript";

  constructor(
    /** The line, from 1. */
    readonly line: number,
    /** What is wrong with it, for people. */
    readonly reason: string,
  ) {
    super("unreadable", `line ${line} cannot be read: ${reason}`);
  }
}

/** The first line in which a replay differs. Long lines are cut to the part around the difference. */
export class Difference extends TokenwayError {
  override readonly name = "Difference";

  constructor(
    /** The line of the transcript, from 1. */
    readonly line: number,
    /** The line as it stands in the transcript. */
    readonly expected: string,
    /** The line that the replay made, or why it could not go on. */
    readonly got: string,
  ) {
    super("replay_differs", `line ${line} differs\n  transcript: ${expected}\n  replay:     ${got}`);
  }
}

/**
 * Plays a whole transcript.
 *
 * Throws `UnreadableTranscript`, or the `Difference` of the first line that is not what the machine says today.
 */
export async function replay(text: string): Promise<Summary> {
  const player = await Player.load(text);
  return player.finish();
}

/** Plays a transcript step by step: each `next` asks the machine once, and compares what it says. */
export class Player {
  /** How it starts. */
  readonly header: TranscriptHeader;
  /** What was asked and answered. */
  readonly steps: readonly TranscriptStep[];
  /** How the transcript says that it ends. */
  readonly end: TranscriptEnd;
  readonly #lines: readonly string[];
  readonly #session: Session;
  readonly #played: Played[] = [];

  private constructor(transcript: Parsed, session: Session) {
    this.header = transcript.header;
    this.steps = transcript.steps;
    this.end = transcript.end;
    this.#lines = transcript.lines;
    this.#session = session;
  }

  /** Reads a transcript and starts its flow. Throws `UnreadableTranscript`. */
  static async load(text: string): Promise<Player> {
    const transcript = parse(text);
    const sessions = await Session.load();
    return new Player(transcript, readable(1, () => start(sessions, transcript.header)));
  }

  /** What has been played so far, in order. */
  get played(): readonly Played[] {
    return this.#played;
  }

  /** The line that differs, once it has been met. */
  get difference(): Difference | undefined {
    return this.#played.at(-1)?.difference;
  }

  /** Plays one step more; undefined after the end, and after a difference. Throws `UnreadableTranscript`. */
  next(): Played | undefined {
    const at = this.#played.length;
    if (at > this.steps.length || this.difference) return undefined;
    const step = this.steps[at];
    const played = step ? this.#step(at, step) : this.#atEnd(at);
    this.#played.push(played);
    return played;
  }

  /** Plays what is left. Throws the `Difference`, or `UnreadableTranscript`. */
  finish(): Summary {
    while (this.next()) continue;
    if (this.difference) throw this.difference;
    const answered = this.steps.filter((step) => step.answer).length;
    return { flow: this.header.flow.name, steps: answered, end: endInWords(this.end) };
  }

  #step(at: number, step: TranscriptStep): Played {
    const asked = this.#session.poll();
    const difference = this.#compare(step.line, lineOf(asked));
    const played = { at, asked, progress: undefined, difference };
    if (difference || !("act" in asked) || !step.answer) return played;
    const { event, moment } = step.answer;
    const line = step.line + 1;
    try {
      const progress = this.#session.handle(moment, { ...event, id: asked.act.id });
      return { ...played, progress };
    } catch (error) {
      if (!(error instanceof MisuseError) || error.code === "wrong_value") throw unreadable(line, error);
      return { ...played, difference: this.#difference(line, `refused: ${error.message}`) };
    }
  }

  #atEnd(at: number): Played {
    const asked = this.#session.poll();
    const stands = "act" in asked && this.end === UNFINISHED;
    const got = stands ? JSON.stringify({ end: UNFINISHED }) : lineOf(asked);
    return { at, asked, progress: undefined, difference: this.#compare(this.#lines.length, got) };
  }

  #compare(line: number, got: string): Difference | undefined {
    return this.#lines[line - 1] === got ? undefined : this.#difference(line, got);
  }

  #difference(line: number, got: string): Difference {
    const left = [...(this.#lines[line - 1] ?? "")];
    const right = [...got];
    const differs = left.findIndex((character, at) => character !== right[at]);
    const same = differs < 0 ? left.length : differs;
    return new Difference(line, excerpt(left, same), excerpt(right, same));
  }
}

interface Parsed {
  header: TranscriptHeader;
  steps: TranscriptStep[];
  end: TranscriptEnd;
  lines: string[];
}

function parse(text: string): Parsed {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const [first] = lines;
  if (first === undefined) throw new UnreadableTranscript(1, "the file is empty");
  const header = readHeader(first);
  const last = lines.length;
  const end = object(last, lines[last - 1] ?? "")["end"];
  if (lines.length < 2 || end === undefined) throw new UnreadableTranscript(last, "the end is missing");
  const actionStands = end === UNFINISHED;
  const steps: TranscriptStep[] = [];
  for (let line = 2; line < last; line += 2) {
    const action = readAction(line, lines[line - 1] ?? "");
    const isLast = line + 1 === last;
    if (isLast && !actionStands) throw new UnreadableTranscript(line, "the last action has no answer");
    steps.push({ line, action, answer: isLast ? undefined : readAnswer(line + 1, lines[line] ?? "") });
  }
  if (actionStands && (steps.length === 0 || steps.at(-1)?.answer)) {
    throw new UnreadableTranscript(last, "the action that stood is missing");
  }
  return { header, steps, end: end as TranscriptEnd, lines };
}

function readHeader(text: string): TranscriptHeader {
  const header = object(1, text);
  if (!("transcript" in header)) throw new UnreadableTranscript(1, "it is not the header of a transcript");
  if (header["transcript"] !== FORMAT) {
    const format = JSON.stringify(header["transcript"]);
    throw new UnreadableTranscript(1, `the transcript has format ${format}, this version reads ${FORMAT}`);
  }
  const { flow, config, moment } = header;
  if (!isObject(flow) || !isObject(config) || !isObject(moment)) {
    throw new UnreadableTranscript(1, "the flow, its configuration or its moment is missing");
  }
  return header as unknown as TranscriptHeader;
}

function readAction(line: number, text: string): Action {
  const action = object(line, text);
  if (typeof action["action"] !== "string") throw new UnreadableTranscript(line, "it is not an action");
  return action as unknown as Action;
}

function readAnswer(line: number, text: string): TranscriptStep["answer"] {
  const { event, moment } = object(line, text);
  if (!isObject(event) || !isObject(moment)) throw new UnreadableTranscript(line, "it is not an event with its moment");
  return { event, moment } as unknown as TranscriptStep["answer"];
}

function object(line: number, text: string): Record<string, unknown> {
  const value = readable(line, () => JSON.parse(text) as unknown);
  if (!isObject(value)) throw new UnreadableTranscript(line, "it is not a JSON object");
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function start(sessions: Sessions, { flow, config, moment }: TranscriptHeader): Session {
  switch (flow.name) {
    case "get_token": {
      const { min_ttl, rejected } = flow;
      return sessions.getToken(config, { min_ttl, rejected }, moment);
    }
    case "login":
      return sessions.login(config, moment);
    case "logout":
      return sessions.logout(config, flow.everywhere, moment);
    default:
      throw new UnreadableTranscript(1, `there is no flow ${JSON.stringify((flow as { name: unknown }).name)}`);
  }
}

function lineOf(step: Step): string {
  return JSON.stringify("act" in step ? step.act.action : { end: step.done.end });
}

function endInWords(end: TranscriptEnd): string {
  if (end === UNFINISHED) return UNFINISHED;
  if ("failed" in end) return `failed at ${end.failed.step}: ${end.failed.kind}`;
  if ("logged_in" in end) return "logged in";
  if ("logged_out" in end) return end.logged_out.claims ? "logged out" : "nobody was logged in";
  return "a token";
}

/** The part of a line around its first difference. */
function excerpt(line: readonly string[], same: number): string {
  const from = line.length <= EXCERPT ? 0 : Math.max(0, same - BEFORE);
  const part = line.slice(from, from + EXCERPT).join("");
  return `${from > 0 ? "…" : ""}${part}${line.length > from + EXCERPT ? "…" : ""}`;
}

function readable<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(line, error);
  }
}

function unreadable(line: number, error: unknown): UnreadableTranscript {
  if (error instanceof UnreadableTranscript) return error;
  return new UnreadableTranscript(line, error instanceof Error ? error.message : String(error));
}
