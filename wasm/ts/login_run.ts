// One login in one context: the machine's login actions, performed by the place.

import { IoTrouble } from "./errors.js";
import type { Logins, Pending } from "./logins.js";
import type { Callback, LoginAction, Outcome, Reason } from "./machine.js";
import type { LoginPlace, Waiting } from "./world.js";

/** The longest that a wait sleeps, in milliseconds: clocks jump. */
const LONGEST_SLEEP = 10_000;

export class LoginRun implements Waiting {
  #login: string | undefined;
  #fresh: boolean;
  /** Another context spends the code. */
  #lostClaim = false;
  /** Another login was started. */
  #replaced = false;
  /** This context does: there is nothing more to keep. */
  #begun = false;
  /** The redirect that the machine looks at. */
  #looked: Callback | undefined;
  /** Ends what keeps this context awake from the claim of the code on. */
  #asleep: (() => void) | undefined;
  #window: unknown;
  #url: string | undefined;
  /** The address is wanted once more, and was not known yet. */
  #reopen = false;
  #trouble: IoTrouble | undefined;
  #wake = (): void => undefined;

  constructor(
    readonly place: LoginPlace,
    readonly logins: Logins,
    resumed: { login: string } | undefined,
    readonly awake: (() => () => void) | undefined,
  ) {
    this.#login = resumed?.login;
    this.#fresh = resumed === undefined;
  }

  async perform(action: LoginAction): Promise<Outcome> {
    switch (action.action) {
      case "listen": {
        const redirectUri = await this.place.listen(action.candidates);
        await this.logins.keepReceiver(this.#login ?? "", redirectUri);
        if ((await this.logins.pending())?.redirectUri !== redirectUri) {
          throw new IoTrouble("unable", `the login under way cannot be kept in ${this.logins.store.describe()}`);
        }
        return { outcome: "listening", with: { redirect_uri: redirectUri } };
      }
      case "open_url":
        this.#url = action.url;
        return { outcome: "opened", with: { browser: await this.place.open(action.url, this) } };
      case "await_callback":
        return this.#awaitCallback(action);
      case "begin": {
        this.#begun = await this.logins.begin(action.login, action.stub);
        this.#lostClaim = !this.#begun;
        if (this.#begun) this.#asleep = this.awake?.();
        return { outcome: this.#begun ? "begun" : "already_begun" };
      }
    }
  }

  /** Keeps a snapshot; without one: the login has ended. */
  async checkpoint(snapshot?: string): Promise<void> {
    if (snapshot === undefined) return this.#end();
    // From the answer to the save nothing is waited for.
    if (this.#begun) return;
    this.#login ??= (JSON.parse(snapshot) as { login: string }).login;
    await this.logins.keep(snapshot, this.#fresh);
    this.#fresh = false;
  }

  async ignored(reason: Reason): Promise<void> {
    if (this.#login !== undefined && this.#looked) await this.logins.dropRedirect(this.#login, this.#looked);
    this.place.ignored?.(reason);
  }

  /** The login has ended, and so has everything that it opened. */
  async finished(end: { ok: boolean; sentence: string }): Promise<void> {
    this.#asleep?.();
    // A storage or a window that is gone cannot take the end back.
    await this.#end().catch(() => undefined);
    await this.place.finished?.(end, this.#window).catch(() => undefined);
  }

  /** Looks again: a redirect was kept, or what is pending was changed. */
  wake(): void {
    this.#wake();
  }

  /** Shows the address once more: its window was lost. Not to whoever has come back from there already. */
  async reopen(): Promise<void> {
    this.#reopen = this.#url === undefined;
    if (this.#url && (await this.#isAwaited())) await this.place.open(this.#url, this);
  }

  /** Ends the wait. From the claim of the code on the login is not cancelled. */
  cancel(): void {
    this.failed(new IoTrouble("cancelled", "the login was cancelled"));
  }

  redirected(callback: Callback): void {
    void this.logins.keepRedirect(callback, this.#login).then(() => this.#wake(), (error: unknown) => this.notKept(error));
  }

  /** A redirect arrived, and nobody will bring it again. */
  notKept(error: unknown): void {
    this.failed(new IoTrouble("unable", `the answer of the browser could not be kept: ${String(error)}`));
  }

  failed(trouble: IoTrouble): void {
    this.#trouble = trouble;
    this.#wake();
  }

  /** A storage that is cleared does not close it. */
  keepWindow(window: unknown): Promise<void> {
    this.#window = window;
    return this.logins.keepWindow(this.#login ?? "", window);
  }

  async window(): Promise<unknown> {
    return (await this.#pending())?.window;
  }

  get login(): string {
    return this.#login ?? "";
  }

  /** Whether another context goes on: what became of this login is told there. */
  get isOvertaken(): boolean {
    return this.#lostClaim || this.#replaced;
  }

  async #isAwaited(): Promise<boolean> {
    const pending = await this.#pending();
    return pending !== undefined && !pending.begun && pending.redirects.length === 0;
  }

  async #pending(): Promise<Pending | undefined> {
    const pending = await this.logins.pending();
    return pending?.login === this.#login ? pending : undefined;
  }

  async #end(): Promise<void> {
    if (this.#login === undefined || this.#lostClaim) return;
    this.#window = (await this.window()) ?? this.#window;
    await this.logins.end(this.#login);
  }

  async #awaitCallback(wait: { url: string; redirect_uri: string; deadline: number }): Promise<Outcome> {
    this.#url = wait.url;
    await this.place.expect?.(wait, this);
    if (this.#reopen) await this.reopen();
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const pending = await this.logins.pending();
      if (pending?.login !== this.#login) {
        this.#replaced = pending !== undefined;
        const why = pending ? "another login was started" : "the login under way was removed from the storage";
        throw new IoTrouble("cancelled", why);
      }
      const [redirect] = pending?.redirects ?? [];
      if (redirect) {
        this.#looked = redirect;
        return { outcome: "callback", with: redirect };
      }
      if (this.#trouble) throw this.#trouble;
      const left = wait.deadline - Date.now();
      if (left <= 0) return { outcome: "timed_out" };
      await orSleep(woken, Math.min(left, LONGEST_SLEEP));
    }
  }
}

async function orSleep(woken: Promise<void>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([woken, slept]);
  clearTimeout(timer);
}
