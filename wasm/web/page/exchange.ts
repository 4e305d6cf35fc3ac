// One step as a dialogue: what the machine asks on one side, what the world answers on the other.

import type { Progress } from "../pkg/machine.js";
import type { Difference, Played, Player } from "../pkg/transcript.js";
import { actionFacts, actionSentence, type Fact } from "./actions.js";
import { h } from "./dom.js";
import { endWords } from "./ends.js";
import { outcomeFacts, outcomeSentence } from "./outcomes.js";
import { clock, span } from "./time.js";

/** A step on the page. */
export interface Exchange {
  element: HTMLElement;
  /** The whole step in words, for whoever hears the page. */
  announcement: string;
}

/** Shows what was played at one step. `link` is the address of the step. */
export function exchange(player: Player, played: Played, state: string, link: string): Exchange {
  const { at, asked, difference } = played;
  const number = h("a", { class: "number", href: link, "aria-label": `Link to step ${at + 1}` }, String(at + 1));
  const asksAt = momentOf(player, at - 1);
  if (at === player.steps.length) return end(player, played, number, asksAt);
  const step = player.steps[at];
  const told = !difference || difference.line !== step?.line;
  const asks = "act" in asked
    ? said("machine", asked.act.action.action, actionSentence(asked.act.action, state), asksAt, player, {
      facts: difference ? [] : actionFacts(asked.act.action, asksAt),
      raw: asked.act.action,
    })
    : said("machine", "end", "This is the end: nothing more is asked.", asksAt, player, { facts: [], raw: asked.done });
  const row = h("li", { class: "exchange", "data-step": String(at + 1) }, asks.element, number);
  if (difference && !told) {
    row.append(noAnswer("Not answered: the machine asks something else than the transcript says."), differenceBox(difference));
    return { element: row, announcement: `${asks.words} The replay differs in line ${difference.line}.` };
  }
  if (!step?.answer) {
    row.append(noAnswer("No answer yet: the recording stops here."));
    return { element: row, announcement: `${asks.words} There is no answer yet.` };
  }
  const { event, moment } = step.answer;
  const answers = said("world", event.outcome, outcomeSentence(event), moment.now, player, {
    facts: outcomeFacts(event, moment.now),
    raw: event,
    ignored: ignored(played.progress),
  });
  row.append(answers.element);
  if (difference) row.append(differenceBox(difference));
  const differs = difference ? ` The replay differs in line ${difference.line}.` : "";
  return { element: row, announcement: `${asks.words} ${answers.words}${differs}` };
}

/** Both lines of a difference, with the place marked. */
export function differenceBox({ line, expected, got }: Difference): HTMLElement {
  const [left, right] = [[...expected], [...got]];
  const same = left.findIndex((character, at) => character !== right[at]);
  const head = same < 0 ? Math.min(left.length, right.length) : same;
  let tail = 0;
  while (tail < Math.min(left.length, right.length) - head && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const marked = (text: string[]) => h("code", {},
    text.slice(0, head).join(""),
    h("mark", {}, text.slice(head, text.length - tail).join("") || "∅"),
    text.slice(text.length - tail).join(""));
  return h("section", { class: "difference", "aria-label": `Line ${line} differs` },
    h("h3", {}, `Line ${line} differs`),
    h("dl", {}, h("dt", {}, "transcript"), h("dd", {}, marked(left)), h("dt", {}, "replay"), h("dd", {}, marked(right))));
}

interface Said {
  facts: Fact[];
  raw: unknown;
  ignored?: { status: number; sentence: string } | undefined;
}

function said(who: "machine" | "world", name: string, sentence: string, now: number, player: Player, { facts, raw, ignored }: Said) {
  const since = now - player.header.moment.now;
  const verb = who === "machine" ? "The machine asks" : "The world answers";
  const element = h("article", { class: `said ${who}${ignored ? " ignored" : ""}`, "aria-label": verb },
    h("header", {}, h("code", { class: "name" }, name), time(now, since)),
    h("p", { class: "sentence" }, sentence),
    ignored && h("p", { class: "stray" }, h("strong", {}, `Ignored, told ${ignored.status}`), ` ${sentenceOf(ignored.sentence)}`),
    facts.length > 0 ? factList(facts) : undefined,
    h("details", {}, h("summary", {}, "Raw JSON"), h("pre", { tabindex: "0" }, JSON.stringify(raw, undefined, 2))));
  const stray = ignored ? ` It is ignored: ${sentenceOf(ignored.sentence)}` : "";
  return { element, words: `${verb}: ${sentence}${stray}` };
}

function end(player: Player, { asked, difference }: Played, number: HTMLElement, now: number): Exchange {
  const row = h("li", { class: "exchange end", "data-step": number.textContent ?? "" });
  if (difference) {
    const sentence = "done" in asked ? "It ends otherwise than the transcript says." : "The transcript ends here, and the machine goes on.";
    row.append(h("article", { class: "ending bad" }, h("h3", {}, "Another end"), h("p", {}, sentence)), number, differenceBox(difference));
    return { element: row, announcement: `${sentence} Line ${difference.line} differs.` };
  }
  const { tone, title, sentences, next } = endWords(player.end, now);
  row.append(number, h("article", { class: `ending ${tone}` },
    h("header", {}, h("h3", {}, title), time(now, now - player.header.moment.now)),
    ...sentences.map((sentence) => h("p", {}, sentence)),
    h("p", { class: "next" }, h("strong", {}, "What comes next"), ` ${next}`),
    h("details", {}, h("summary", {}, "Raw JSON"), h("pre", { tabindex: "0" }, JSON.stringify({ end: player.end }, undefined, 2)))));
  return { element: row, announcement: `The end: ${title}. ${sentences.join(" ")} What comes next: ${next}` };
}

function noAnswer(sentence: string): HTMLElement {
  return h("p", { class: "said world nothing" }, sentence);
}

function factList(facts: Fact[]): HTMLElement {
  return h("dl", { class: "facts" }, ...facts.flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value === "" ? "(empty)" : value)]));
}

function time(now: number, since: number): HTMLElement {
  return h("time", { title: clock(now) }, since === 0 ? "start" : `+${span(since)}`);
}

/** Reasons are written to follow a colon. */
function sentenceOf(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}

function ignored(progress: Progress | undefined): Said["ignored"] {
  return typeof progress === "object" ? progress.ignored : undefined;
}

/** When the step of that number was answered; the start for what comes before the first. */
function momentOf(player: Player, at: number): number {
  return player.steps[at]?.answer?.moment.now ?? player.steps[at - 1]?.answer?.moment.now ?? player.header.moment.now;
}
