// One renewal for all callers: who asks for the same joins the flight that is in the air.

/** A failure is shared for this long after it, in milliseconds, so that a hundred callers cost one try. */
const FAILURE_SHARED = 1_000;

interface Flight<T> {
  landing: Promise<T>;
  /** When it failed; undefined while it is in the air. */
  failedAt?: number;
}

export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();
  /** The end of the last flight: one flies at a time. */
  #runway: Promise<unknown> = Promise.resolve();

  /**
   * Joins the flight for that wish, or starts one. `early` is called with what the owner alone may have before the
   * landing; what it returns is what the owner gets.
   */
  board(wish: string, fly: (early: (result: T) => void) => Promise<T>): Promise<T> {
    const found = this.#flights.get(wish);
    if (found && (found.failedAt === undefined || Date.now() - found.failedAt < FAILURE_SHARED)) return found.landing;
    let early: (result: T) => void = () => undefined;
    const earlier = new Promise<T>((resolve) => {
      early = resolve;
    });
    const landing = this.#runway.then(() => fly(early));
    const flight: Flight<T> = { landing };
    this.#flights.set(wish, flight);
    this.#runway = landing.then(
      () => this.#forget(wish, flight),
      () => {
        flight.failedAt = Date.now();
      },
    );
    return Promise.race([earlier, landing]);
  }

  /** The login has changed: failures of the old one say nothing about it. */
  overtake(): void {
    for (const [wish, flight] of this.#flights) if (flight.failedAt !== undefined) this.#flights.delete(wish);
  }

  #forget(wish: string, flight: Flight<T>): void {
    if (this.#flights.get(wish) === flight) this.#flights.delete(wish);
  }
}
