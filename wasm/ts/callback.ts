// What the page at the redirect URI of a popup login calls: it hands the redirect to the page that waits, and closes.

/** What is sent, again and again. Anyone could send it: the receiver checks `state`. */
export interface RedirectMessage {
  tokenway: "redirect";
  url: string;
  /** Tells it from another's. */
  id?: string;
}

/** What a page answers that has heard it. */
export interface HeardMessage {
  tokenway: "heard";
  id: string | undefined;
  /** Whether a login waits for it, and has kept it. */
  kept: boolean;
}

/** The channel on which the page that waits hears of redirects to that URI. */
export function channelOf(redirectUri: string): string {
  const { origin, pathname } = new URL(redirectUri);
  return `tokenway:redirect:${origin}${pathname}`;
}

/** Whether that is a message of `finishRedirect`. */
export function isRedirectMessage(data: unknown): data is RedirectMessage {
  const { tokenway, url } = (data ?? {}) as { tokenway?: unknown; url?: unknown };
  return tokenway === "redirect" && typeof url === "string" && URL.canParse(url);
}

/**
 * To be called at once by the page at the redirect URI. It takes the code out of the address first, so that neither the
 * history nor another script of the page sees it later; then it tells the page that waits, until that has kept it, and closes
 * the window. False: this is not the end of a login.
 */
export function finishRedirect(): boolean {
  const url = location.href;
  if (!isRedirect(url)) return false;
  history.replaceState(null, "", location.pathname);
  const message: RedirectMessage = { tokenway: "redirect", url, id: crypto.randomUUID() };
  const channel = new BroadcastChannel(channelOf(url));
  const opener = window.opener as Window | null;
  // Both, always: a server with Cross-Origin-Opener-Policy takes the opener away, and storage partitions split channels.
  const tell = () => {
    channel.postMessage(message);
    opener?.postMessage(message, location.origin);
  };
  // The page that waits may be loading just now, or be asleep until the person comes back to it.
  const telling = setInterval(tell, TELL_EVERY);
  const over = () => {
    clearInterval(telling);
    channel.close();
    window.close();
  };
  const answered = (data: unknown) => {
    if (isHeard(data, message)) setTimeout(over, data.kept ? 0 : REFUSED_WAIT);
  };
  channel.onmessage = ({ data }) => answered(data);
  addEventListener("message", ({ origin, data }) => {
    if (origin === location.origin) answered(data);
  });
  setTimeout(over, TELL_FOR);
  tell();
  return true;
}

function isHeard(data: unknown, { id }: RedirectMessage): data is HeardMessage {
  const heard = (data ?? {}) as Partial<HeardMessage>;
  return heard.tokenway === "heard" && heard.id === id;
}

/** Whether an address carries the answer of an authorization server. */
export function isRedirect(url: string): boolean {
  const { searchParams } = new URL(url);
  return searchParams.has("state") && (searchParams.has("code") || searchParams.has("error"));
}

/** Milliseconds between two messages. */
const TELL_EVERY = 500;

/** Milliseconds: as long as a login is waited for. */
const TELL_FOR = 600_000;

/** Milliseconds: one page waits for nothing, another may. */
const REFUSED_WAIT = 3_000;
