// An API call with the token: what the server's userinfo endpoint says (OpenID Connect Core section 5.3).

/** Milliseconds. */
const DEADLINE = 20_000;

/** Characters: whoever sends more sends no userinfo. */
const MAX_SHOWN = 8_000;

export async function userinfo(client) {
  const { provider } = await client.status();
  const token = await client.token();
  const url = await endpoint(provider.issuer);
  let answer = await ask(url, token);
  if (answer.status === 401) answer = await ask(url, await client.token({ rejected: token.accessToken }));
  return { url, status: answer.status, body: pretty((await answer.text()).slice(0, MAX_SHOWN)), at: Date.now() };
}

async function endpoint(issuer) {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  for (const url of [`${origin}${path}/.well-known/openid-configuration`, `${origin}/.well-known/oauth-authorization-server${path}`]) {
    const answer = await reach(url, {});
    if (!answer.ok) continue;
    const { issuer: named, userinfo_endpoint: found } = await answer.json();
    // RFC 8414 section 3.3. The token goes there, so it is never sent in the clear.
    if (named === issuer && typeof found === 'string' && (found.startsWith('https:') || new URL(found).origin === origin)) return found;
  }
  throw new Error(`${new URL(issuer).host} names no userinfo endpoint in its metadata, so there is nothing to call`);
}

function ask(url, token) {
  return reach(url, { headers: { authorization: token.authorization, accept: 'application/json' } });
}

async function reach(url, init) {
  try {
    return await fetch(url, { ...init, redirect: 'error', cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(DEADLINE) });
  } catch (error) {
    throw new Error(`${new URL(url).host} could not be asked: ${error.message}`);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
