// The names of the machine, in words.

const FLOWS = { get_token: 'token', login: 'login', logout: 'logout' };

const ACTIONS = {
  'await callback': 'Wait for the browser to come back',
  begin: 'Claim the code, so that nobody spends it twice',
  delete: 'Delete the login from the storage',
  fetch: 'Ask the server',
  listen: 'Choose where the browser comes back to',
  load: 'Load the login from the storage',
  lock: 'Take the lock, so that others wait',
  note: 'Write down what is about to be sent',
  'open URL': 'Open the login page',
  'post form': 'Send a form to the server',
  save: 'Save the login',
  unlock: 'Give the lock back',
  wait: 'Wait',
};

export const flowWords = (flow) => FLOWS[flow] ?? flow;
export const actionWords = (action) => ACTIONS[action] ?? action;

/** What stands beside the action. */
export function outcomeWords({ outcome, ignored }) {
  if (outcome === null) return 'under way';
  return ignored ? `${outcome}, ignored` : outcome;
}

/** The step that failed, what was seen there, and what to do: a message holds all three. */
export function explained({ message, advice = '', step }) {
  const text = advice && message.endsWith(advice) ? message.slice(0, -advice.length).trim() : message;
  const end = step ? text.indexOf(': ') : -1;
  const title = end < 0 ? 'That did not work' : capital(text.slice(0, end));
  return { title, seen: sentence(text.slice(end < 0 ? 0 : end + 2)), advice };
}

export function sentence(text) {
  const start = capital(text.trim());
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Who is logged in: a name, and what stands below it. */
export function person(claims) {
  const [name, ...rest] = [claims.name, claims.email, claims.sub, claims.account_id].filter(Boolean);
  return { name: name ?? 'Somebody', detail: rest.find((other) => other !== name) ?? '' };
}

/** One or two letters for a picture. */
export function initials(name) {
  const words = name.split('@')[0].split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0].toUpperCase()).join('') || '?';
}

/** What a token's life means for a person. */
export function lifeWords({ standing, renewable, expiresAt }) {
  switch (standing) {
    case 'newer': return 'Written by a newer version of this extension.';
    case 'dead': return renewable ? 'The access token has run out; the next call renews it.' : 'The access token has run out.';
    case 'due': return renewable ? 'The next call renews the access token.' : `The access token ends at ${clock(expiresAt)}.`;
    default: {
      if (expiresAt === undefined) return 'The server did not say how long the access token lives.';
      return `Access token until ${clock(expiresAt)}, ${renewable ? 'then renewed' : 'then you log in again'}.`;
    }
  }
}

export function clock(at) {
  const day = new Date(at).toDateString() === new Date().toDateString() ? {} : { day: 'numeric', month: 'short' };
  return new Date(at).toLocaleString([], { ...day, hour: '2-digit', minute: '2-digit' });
}
