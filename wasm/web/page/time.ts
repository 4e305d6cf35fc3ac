// Instants and spans for people.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The end of what a `Date` can say, in milliseconds since 1970. */
const LAST = 8_640_000_000_000_000;

/** A span: `40 ms`, `20.12 s`, `10 min`. */
export function span(milliseconds: number): string {
  if (milliseconds < 0) return `−${span(-milliseconds)}`;
  if (milliseconds < SECOND) return `${milliseconds}\u00a0ms`;
  if (milliseconds < 2 * MINUTE) return `${rounded(milliseconds / SECOND)}\u00a0s`;
  if (milliseconds < 2 * HOUR) return `${rounded(milliseconds / MINUTE)}\u00a0min`;
  if (milliseconds < 2 * DAY) return `${rounded(milliseconds / HOUR)}\u00a0h`;
  return `${rounded(milliseconds / DAY)}\u00a0days`;
}

/** An instant as seen from another: `in 10 min`, `3 s ago`. */
export function seenFrom(now: number, instant: number): string {
  if (instant === now) return "now";
  return instant > now ? `in ${span(instant - now)}` : `${span(now - instant)} ago`;
}

/** An instant on the clock, in UTC. */
export function clock(instant: number): string {
  return instant >= 0 && instant <= LAST ? new Date(instant).toISOString().replace("T", " ").replace("Z", " UTC") : `${instant}\u00a0ms`;
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
