// Logins of a Node program: the browser of the person, and a redirect to a server on loopback.

import type { Reason } from "../machine.js";
import { memoryStore } from "../store/memory.js";
import type { Store } from "../store/store.js";
import type { LoginPlace, Waiting, World } from "../world.js";
import { openBrowser } from "./node_browser.js";
import { Receiver } from "./node_receiver.js";

export interface NodeOptions {
  /** `memoryStore()` if left out: the login ends with the process. */
  store?: Store;
  /** Is given the address of each login, whether or not a browser opens: some browsers are on another machine. On stderr
   * if left out. */
  show?: (url: string) => void;
  /** Opens the address; false if nothing came up. If left out: `$BROWSER`, or else what the system opens addresses with. */
  open?: (url: string) => boolean | Promise<boolean>;
}

/** The world of one client of a Node program; clients may share its store. */
export function nodeWorld({ store = memoryStore(), show = onStderr, open = openBrowser }: NodeOptions = {}): World {
  return { store, login: new NodeLogin(show, open) };
}

class NodeLogin implements LoginPlace {
  #receiver: Receiver | undefined;
  /** The address that was shown last. */
  #shown: string | undefined;

  constructor(readonly show: (url: string) => void, readonly browser: (url: string) => boolean | Promise<boolean>) {}

  async listen(candidates: string[]): Promise<string> {
    this.#receiver?.close();
    this.#receiver = await Receiver.bind(candidates);
    return this.#receiver.uri;
  }

  async open(url: string, waiting: Waiting): Promise<boolean> {
    this.#receiver?.tell(waiting);
    this.#show(url);
    return this.browser(url);
  }

  async expect({ url, redirect_uri: uri }: { url: string; redirect_uri: string }, waiting: Waiting): Promise<void> {
    // A login of a process before this one: its browser knows that address alone.
    this.#receiver ??= await Receiver.bind([uri]);
    this.#receiver.tell(waiting);
    if (this.#shown !== url) this.#show(url);
  }

  ignored(reason: Reason): void {
    this.#receiver?.ignored(reason);
  }

  async finished(end: { ok: boolean; sentence: string }): Promise<void> {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    await receiver?.finish(end);
  }

  #show(url: string): void {
    this.#shown = url;
    this.show(url);
  }
}

function onStderr(url: string): void {
  process.stderr.write(`Open this address in a browser to log in:\n\n  ${url}\n\n`);
}
