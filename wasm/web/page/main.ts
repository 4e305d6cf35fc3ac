// The page: which transcript is shown, and how a person goes through it.

import { UnreadableTranscript } from "../pkg/transcript.js";
import { byId, h } from "./dom.js";
import type { DIAGRAMS } from "./flows.js";
import { addressOf, type Run, run, Stage } from "./stage.js";

/** The largest file that is read, in bytes: recordings are a few kilobytes. */
const MAX_FILE = 4 * 1024 * 1024;

/** How long a step is shown before the address names it, in milliseconds: browsers refuse to change it all the time. */
const ADDRESS_PAUSE = 150;

const FIRST = "login_state_forged";

const GROUPS: { [Flow in keyof typeof DIAGRAMS]: string } = { login: "Logging in", get_token: "Getting a token", logout: "Logging out" };

interface Bundled {
  name: string;
  flow: keyof typeof DIAGRAMS;
  title: string;
}

const picker = byId("picker", HTMLSelectElement);
const file = byId("file", HTMLInputElement);
const trouble = byId("trouble", HTMLElement);
const player = byId("player", HTMLElement);

const stage = new Stage((run, step) => {
  clearTimeout(addressing);
  addressing = setTimeout(() => history.replaceState(null, "", addressOf(run, step)), ADDRESS_PAUSE);
});

let addressing: ReturnType<typeof setTimeout> | undefined;

/** Counts what is opened, so that only the last one is shown. */
let opened = 0;

await start();

async function start(): Promise<void> {
  try {
    const bundled = (await (await found("transcripts/index.json")).json()) as Bundled[];
    for (const [flow, title] of Object.entries(GROUPS)) {
      const options = bundled.filter((one) => one.flow === flow).map(({ name, title }) => h("option", { value: name }, title));
      picker.append(h("optgroup", { label: title }, ...options));
    }
    listen();
    await follow(location.hash, false);
  } catch (error) {
    say(error);
  }
  player.setAttribute("aria-busy", "false");
}

function listen(): void {
  picker.addEventListener("change", () => void openBundled(picker.value, 1));
  // Not location.hash: the address of the step before may have been written meanwhile.
  addEventListener("hashchange", ({ newURL }) => void follow(new URL(newURL).hash, true));
  document.addEventListener("keydown", pressed);
  file.addEventListener("change", () => {
    void openFile(file.files?.[0]);
    file.value = "";
  });
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    void openFile(event.dataTransfer?.files[0]);
  });
}

/** Shows what an address names. */
async function follow(hash: string, scroll: boolean): Promise<void> {
  const wanted = new URLSearchParams(hash.slice(1));
  const step = Number(wanted.get("step") ?? 1);
  const name = wanted.get("transcript");
  if (stage.run && (name ?? undefined) === stage.run.name) return stage.go(step);
  await openBundled(name ?? FIRST, step, scroll || wanted.has("step"));
}

async function openBundled(name: string, step: number, scroll = false): Promise<void> {
  const known = [...picker.options].some(({ value }) => value === name);
  if (!known) {
    say(new Error(`there is no transcript "${name}" here`));
    return stage.run ? undefined : openBundled(FIRST, 1);
  }
  await open(async () => run(await (await found(`transcripts/${name}.jsonl`)).text(), name), step, scroll);
}

async function openFile(given: File | undefined): Promise<void> {
  if (!given) return;
  const shown = await open(async () => {
    if (given.size > MAX_FILE) throw new Error(`${given.name} is larger than ${MAX_FILE / 1024 / 1024} MiB`);
    return run(await given.text());
  }, 1, false);
  if (!shown) return;
  for (const option of picker.querySelectorAll("option[data-own]")) option.remove();
  const own = h("option", { "data-own": "", value: "", disabled: "" }, given.name);
  picker.prepend(own);
  own.selected = true;
}

async function open(load: () => Promise<Run>, step: number, scroll: boolean): Promise<boolean> {
  opened += 1;
  const turn = opened;
  try {
    const run = await load();
    if (turn !== opened) return false;
    trouble.hidden = true;
    if (run.name !== undefined) picker.value = run.name;
    stage.show(run, step, scroll);
    return true;
  } catch (error) {
    if (turn === opened) say(error);
    return false;
  }
}

function say(error: unknown): void {
  const words = error instanceof UnreadableTranscript
    ? [h("strong", {}, "This is not a transcript that can be read."), ` Line ${error.line}: ${error.reason}.`]
    : [h("strong", {}, "That did not work."), ` ${error instanceof Error ? error.message : String(error)}.`];
  trouble.replaceChildren(...words);
  trouble.hidden = false;
}

function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const on = (selector: string) => event.target instanceof Element && event.target.closest(selector) !== null;
  if (on("select, pre") || (on("input") && event.key !== " ")) return;
  switch (event.key) {
    case "ArrowLeft": stage.back(); break;
    case "ArrowRight": stage.forward(); break;
    case "End": stage.go(stage.length); break;
    case "Home": stage.go(1); break;
    case " ":
      if (on("a, button, label, summary, #file")) return;
      stage.toggle();
      break;
    default: return;
  }
  event.preventDefault();
}

async function found(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  return response;
}
