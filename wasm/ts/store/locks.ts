// Locks across all contexts of one origin: Web Locks, which end with their context.

/** Mutual exclusion by name. */
export interface Locks {
  /** Runs `work` while nobody else holds that name. */
  exclusive<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Takes the name, waiting at most `wait` milliseconds; undefined if another held it all the time. */
  hold(name: string, wait: number): Promise<(() => void) | undefined>;
}

let said = false;

/** Web Locks where they exist; else locks that hold in this context alone. Whom they do not reach is said aloud, once. */
export function bestLocks(): Locks {
  const hasWebLocks = globalThis.navigator?.locks !== undefined;
  if (globalThis.process?.versions?.node) say("locks of Node hold in this process alone, so that other processes");
  else if (!hasWebLocks) say("there are no Web Locks here, so that other contexts");
  return hasWebLocks ? new WebLocks() : OF_THIS_CONTEXT;
}

function say(who: string): void {
  if (!said) console.warn(`tokenway: ${who} may renew the same token meanwhile`);
  said = true;
}

class WebLocks implements Locks {
  exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    return navigator.locks.request(name, work) as Promise<T>;
  }

  /** A lock that is free is taken however long the browser takes to say so: the wait counts from then on. */
  async hold(name: string, wait: number): Promise<(() => void) | undefined> {
    const free = await request(name, { ifAvailable: true });
    if (free || wait <= 0) return free;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), wait);
    return request(name, { signal: limit.signal }).catch((error: unknown) => {
      if (limit.signal.aborted) return undefined;
      throw error;
    }).finally(() => clearTimeout(timer));
  }
}

function request(name: string, options: LockOptions): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const held = (lock: Lock | null) => lock ? new Promise<void>((release) => resolve(() => release())) : resolve(undefined);
    navigator.locks.request(name, options, held).catch(reject);
  });
}

/** Locks within this context. */
export class ContextLocks implements Locks {
  /** The end of the queue for each name that is held. */
  readonly #queues = new Map<string, Promise<void>>();

  async exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    const release = await this.#take(name);
    try {
      return await work();
    } finally {
      release();
    }
  }

  async hold(name: string, wait: number): Promise<(() => void) | undefined> {
    const limit = Date.now() + wait;
    for (let queue = this.#queues.get(name); queue; queue = this.#queues.get(name)) {
      const left = limit - Date.now();
      if (left <= 0) return undefined;
      await orPassed(queue, left);
    }
    return this.#take(name);
  }

  /** Without an await before the queue is joined: whoever asks first is first. */
  #take(name: string): Promise<() => void> {
    const before = this.#queues.get(name) ?? Promise.resolve();
    let release = (): void => undefined;
    const over = before.then(() => new Promise<void>((resolve) => {
      release = resolve;
    }));
    this.#queues.set(name, over);
    return before.then(() => () => {
      // At once: whoever asks next need not wait for a turn of the loop.
      if (this.#queues.get(name) === over) this.#queues.delete(name);
      release();
    });
  }
}

/** One for all stores: their places are in the names. */
const OF_THIS_CONTEXT = new ContextLocks();

/** Leaves no timer behind: Node would wait for it. */
async function orPassed(promise: Promise<void>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, passed]);
  clearTimeout(timer);
}
