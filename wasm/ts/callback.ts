// What the page at the redirect URI of a popup login calls: it hands the redirect to the page that waits, and closes.

/** What is sent. Anyone could send it: the receiver checks `state`. */
export interface RedirectMessage {
  tokenway: "redirect";
  url: string;
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
 * history nor another script of the page sees it later; then it tells the page that waits and closes the window. False: this
 * is not the end of a login.
 */
export function finishRedirect(): boolean {
  const url = location.href;
  if (!isRedirect(url)) return false;
  history.replaceState(null, "", location.pathname);
  const message: RedirectMessage = { tokenway: "redirect", url };
  // Both, always: a server with Cross-Origin-Opener-Policy takes the opener away, and storage partitions split channels.
  const channel = new BroadcastChannel(channelOf(url));
  channel.postMessage(message);
  const opener = window.opener as Window | null;
  opener?.postMessage(message, location.origin);
  setTimeout(() => {
    channel.close();
    window.close();
  }, CLOSE_AFTER);
  return true;
}

/** Whether an address carries the answer of an authorization server. */
export function isRedirect(url: string): boolean {
  const { searchParams } = new URL(url);
  return searchParams.has("state") && (searchParams.has("code") || searchParams.has("error"));
}

/** Milliseconds in which messages leave a window that closes. */
const CLOSE_AFTER = 50;
