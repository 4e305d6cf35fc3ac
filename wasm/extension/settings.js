// Which server, which client: the settings as the person gave them, and the configuration that they make.

export const SETTINGS = 'settings';

export const DEFAULTS = {
  server: 'issuer',
  issuer: 'http://127.0.0.1:9400',
  clientId: 'tokenway-demo',
  scopes: 'profile',
  redirectUri: 'http://127.0.0.1:49400/callback',
};

export async function readSettings() {
  const { [SETTINGS]: kept } = await chrome.storage.local.get(SETTINGS);
  return { ...DEFAULTS, ...kept };
}

export async function writeSettings(settings) {
  await chrome.storage.local.set({ [SETTINGS]: settings });
}

/** What the form gave, and nothing else. */
export function cleanSettings(given) {
  const text = (name) => (typeof given?.[name] === 'string' ? given[name].trim() : DEFAULTS[name]);
  const names = ['issuer', 'clientId', 'scopes', 'redirectUri'];
  return { server: given?.server === 'codex' ? 'codex' : 'issuer', ...Object.fromEntries(names.map((name) => [name, text(name)])) };
}

/** The configuration of a `Client`. */
export function configOf({ server, issuer, clientId, scopes, redirectUri }) {
  if (server === 'codex') return { provider: 'codex' };
  const config = { issuer, client_id: clientId };
  if (scopes) config.scopes = scopes.split(/\s+/);
  if (redirectUri) config.redirect_uri = redirectUri;
  return config;
}

/** The server's name for people. */
export function serverName({ server, issuer }) {
  if (server === 'codex') return 'ChatGPT (Codex)';
  return URL.canParse(issuer) ? new URL(issuer).host : issuer;
}
