// The player on the page: the diagram, the controls, and the dialogue up to the step that is shown.

import { type Difference, Player, UnreadableTranscript } from "../pkg/transcript.js";
import { StateDiagram } from "./diagram.js";
import { byId, h } from "./dom.js";
import { type Exchange, exchange } from "./exchange.js";
import { DIAGRAMS, statesOf } from "./flows.js";

/** How long a step stands at normal speed, in milliseconds: time to read two sentences. */
const STEP_TIME = 2_400;

const dialogue = byId("dialogue", HTMLOListElement);
const place = byId("stage", HTMLElement);
const figure = byId("figure", HTMLElement);
const caption = byId("caption", HTMLElement);
const verdict = byId("verdict", HTMLElement);
const rest = byId("rest", HTMLButtonElement);
const scrubber = byId("scrubber", HTMLInputElement);
const count = byId("count", HTMLOutputElement);
const buttons = { first: byId("first", HTMLButtonElement), previous: byId("previous", HTMLButtonElement), next: byId("next", HTMLButtonElement), last: byId("last", HTMLButtonElement) };
const play = byId("play", HTMLButtonElement);
const speed = byId("speed", HTMLSelectElement);
const announcer = byId("announcer", HTMLElement);
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** A transcript that has been played through the machine. */
export interface Run {
  /** Its name, when it belongs to the page: then its steps have addresses. */
  name: string | undefined;
  player: Player;
}

/** Plays a text through the machine, up to its end or its first difference. Throws `UnreadableTranscript`. */
export async function run(text: string, name?: string): Promise<Run> {
  const player = await Player.load(text);
  while (player.next()) continue;
  if (player.played.length === 0) throw new UnreadableTranscript(1, "nothing happens in it");
  return { name, player };
}

/** The address of a step. */
export function addressOf({ name }: Run, step: number): string {
  return name === undefined ? `#step=${step}` : `#transcript=${name}&step=${step}`;
}

/** Shows one run at a time. */
export class Stage {
  #run: Run | undefined;
  #states: string[] = [];
  #diagram: StateDiagram | undefined;
  #exchanges: Exchange[] = [];
  #at = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `moved` hears of every step that is shown. */
  constructor(private readonly moved: (run: Run, step: number) => void) {
    buttons.first.addEventListener("click", () => this.go(1));
    buttons.previous.addEventListener("click", () => this.back());
    buttons.next.addEventListener("click", () => this.forward());
    buttons.last.addEventListener("click", () => this.go(this.length));
    rest.addEventListener("click", () => this.go(this.length));
    play.addEventListener("click", () => this.toggle());
    scrubber.addEventListener("input", () => this.go(Number(scrubber.value)));
    speed.addEventListener("change", () => this.#timer !== undefined && this.#wait());
  }

  /** How many steps there are to see, the end among them. */
  get length(): number {
    return this.#run?.player.played.length ?? 0;
  }

  get run(): Run | undefined {
    return this.#run;
  }

  /** Shows another run, at a step counted from 1. */
  show(run: Run, step: number, scroll: boolean): void {
    this.pause();
    const { player } = run;
    this.#run = run;
    this.#states = statesOf(player.header.flow.name, player.played, player.steps);
    this.#diagram = new StateDiagram(DIAGRAMS[player.header.flow.name]);
    this.#exchanges = [];
    this.#at = 0;
    figure.replaceChildren(this.#diagram.element);
    dialogue.replaceChildren();
    scrubber.max = String(this.length);
    verdict.replaceChildren(...verdictOf(player));
    verdict.className = `verdict ${player.difference ? "bad" : "good"}`;
    if (scroll) place.scrollIntoView();
    this.#move(step, scroll);
  }

  /** Goes to a step, counted from 1, and stops playing. */
  go(step: number): void {
    this.pause();
    this.#move(step, true);
  }

  back(): void {
    this.go(this.#at - 1);
  }

  forward(): void {
    this.go(this.#at + 1);
  }

  toggle(): void {
    if (this.#timer !== undefined) return this.pause();
    this.#move(this.#at >= this.length ? 1 : this.#at + 1, true);
    this.#wait();
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#showPlaying();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#at >= this.length) return this.pause();
    this.#timer = setTimeout(() => {
      this.#move(this.#at + 1, true);
      this.#wait();
    }, STEP_TIME / Number(speed.value));
    this.#showPlaying();
  }

  #showPlaying(): void {
    const playing = this.#timer !== undefined;
    play.dataset["playing"] = String(playing);
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  #move(wanted: number, scroll: boolean): void {
    const run = this.#run;
    if (!run) return;
    const step = Math.min(Math.max(Math.trunc(wanted) || 1, 1), this.length);
    if (step === this.#at) return;
    this.#at = step;
    while (this.#exchanges.length < step) this.#append(run, this.#exchanges.length);
    this.#exchanges.forEach(({ element }, at) => {
      element.hidden = at >= step;
      element.classList.toggle("current", at === step - 1);
      if (at === step - 1) element.setAttribute("aria-current", "step");
      else element.removeAttribute("aria-current");
    });
    const path = this.#states.slice(0, step);
    this.#diagram?.light(path);
    caption.textContent = this.#diagram?.caption(path) ?? "";
    this.#showPlace(step);
    const current = this.#exchanges[step - 1];
    announcer.textContent = `Step ${step} of ${this.length}. ${current?.announcement ?? ""}`;
    if (scroll) current?.element.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
    this.moved(run, step);
  }

  #append(run: Run, at: number): void {
    const played = run.player.played[at];
    if (!played) return;
    const made = exchange(run.player, played, this.#states[at] ?? "", addressOf(run, at + 1));
    this.#exchanges.push(made);
    dialogue.append(made.element);
  }

  #showPlace(step: number): void {
    const last = step === this.length;
    const words = `Step ${step} of ${this.length}`;
    scrubber.value = String(step);
    scrubber.setAttribute("aria-valuetext", words);
    count.textContent = words;
    buttons.first.disabled = buttons.previous.disabled = step === 1;
    buttons.next.disabled = buttons.last.disabled = last;
    const left = this.length - step;
    rest.hidden = last;
    rest.textContent = left === 1 ? "One more step" : `${left} more steps`;
  }
}

function verdictOf(player: Player): (Node | string)[] {
  const { difference } = player;
  if (difference) return [h("strong", {}, `Differs in line ${difference.line}.`), ` ${differs(difference, player)}`];
  const lines = player.played.length;
  return [h("strong", {}, "Replayed exactly."), ` The machine just said all ${lines} of its lines again, byte for byte.`];
}

function differs({ line }: Difference, player: Player): string {
  const all = player.played.length === player.steps.length + 1;
  return all ? "Everything before was the same, byte for byte." : `What comes after line ${line} was not played.`;
}
