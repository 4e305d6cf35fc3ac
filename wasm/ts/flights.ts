// One renewal for all callers: who asks for the same joins the flight that is in the air.

/** A failure is shared for this long after it, in milliseconds, so that a hundred callers cost one try. */
const FAILURE_SHARED = 1_000;

interface Flight<T> {
  landing: Promise<T>;
  /** When it failed, by a clock that nobody sets; undefined while it is in the air. */
  failedAt?: number;
}

export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();
  /** The end of the last flight: one flies at a time. */
  #runway: Promise<unknown> = Promise.resolve();
  /** Those who wait, to be told when the flight in the air has what cannot be saved. */
  readonly #waiting = new Set<(unsaved: T) => void>();
  #unsaved: T | undefined;

  /**
   * Joins the flight for that wish, or starts one. `early` is called with what the owner alone may have before the
   * landing, while it cannot be saved: the owner gets it, and the others what `meanwhile` has for them, if anything.
   */
  board(wish: string, fly: (early: (result: T) => void) => Promise<T>, meanwhile: (unsaved: T) => Promise<T | undefined>): Promise<T> {
    const found = this.#flights.get(wish);
    if (found && (found.failedAt === undefined || performance.now() - found.failedAt < FAILURE_SHARED)) return this.#wait(found.landing, meanwhile);
    let early: (result: T) => void = () => undefined;
    const earlier = new Promise<T>((resolve) => {
      early = resolve;
    });
    const landing = this.#runway.then(() => fly((unsaved) => {
      early(unsaved);
      this.#unsaved = unsaved;
      for (const tell of this.#waiting) tell(unsaved);
    }));
    const flight: Flight<T> = { landing };
    this.#flights.set(wish, flight);
    this.#runway = landing.then(
      () => this.#forget(wish, flight),
      () => {
        flight.failedAt = performance.now();
      },
    ).then(() => {
      this.#unsaved = undefined;
    });
    return Promise.race([earlier, this.#wait(landing, meanwhile)]);
  }

  #wait(landing: Promise<T>, meanwhile: (unsaved: T) => Promise<T | undefined>): Promise<T> {
    return new Promise((resolve, reject) => {
      const tell = (unsaved: T) => {
        this.#waiting.delete(tell);
        void meanwhile(unsaved).then((result) => result && resolve(result), () => undefined);
      };
      this.#waiting.add(tell);
      if (this.#unsaved !== undefined) tell(this.#unsaved);
      landing.then(resolve, reject).finally(() => this.#waiting.delete(tell));
    });
  }

  /** The login has changed: flights of the old one say nothing about it. */
  overtake(): void {
    this.#flights.clear();
  }

  #forget(wish: string, flight: Flight<T>): void {
    if (this.#flights.get(wish) === flight) this.#flights.delete(wish);
  }
}
