// npm oidc-provider on loopback, with a control plane beside it. See ../README.md.
import * as http from 'node:http';
import { Provider } from 'oidc-provider';
import { config } from './config.mjs';
import { allowReuseFor } from './store.mjs';

const HOST = '127.0.0.1';
const COOP = process.env.COOP; // the policy that takes a popup from its opener, on each answer
const REUSED = 'refresh token already used';

const log = []; // what happened, oldest first
const faults = { errorOnce: [], dropAnswerOnce: [], delays: new Map() };

exitWithParent();
const server = http.createServer();
const issuer = `http://${HOST}:${await listen(server, Number(process.env.PORT ?? 0))}`;
const provider = new Provider(issuer, config());
server.on('request', withFaults(observed(provider).callback()));
const control = http.createServer(steer);
console.log(`READY ${issuer} http://${HOST}:${await listen(control, 0)}`);

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.on('error', reject).listen(port, HOST, () => resolve(server.address().port));
  });
}

function note(event, fields) {
  log.push({ at: Date.now(), event, ...fields });
}

/** Writes each end of a token request, and each revoked grant, into the log. */
function observed(provider) {
  const token = (ctx, error) => note('token', {
    grant: ctx.oidc?.params?.grant_type,
    client: ctx.oidc?.client?.clientId,
    ok: !error,
    error: error?.error,
    detail: error?.error_detail ?? error?.error_description,
    reuse: error?.error_detail === REUSED,
  });
  provider.on('grant.success', (ctx) => token(ctx));
  provider.on('grant.error', token);
  provider.on('grant.revoked', () => note('grant revoked'));
  provider.on('authorization.success', (ctx) => note('authorized', { client: ctx.oidc.client.clientId }));
  provider.on('server_error', (ctx, error) => note('server error', { detail: String(error) }));
  return provider;
}

/** Puts the faults that the control plane asked for between the socket and the provider. */
function withFaults(handler) {
  return async (request, response) => {
    const { pathname } = new URL(request.url, issuer);
    note('request', { method: request.method, path: pathname });
    if (COOP) response.setHeader('cross-origin-opener-policy', COOP);
    const delay = faults.delays.get(pathname) ?? faults.delays.get('*');
    if (delay) await new Promise((resolve) => setTimeout(resolve, delay));
    const canned = takeFirst(faults.errorOnce, pathname);
    if (canned) {
      const { status = 503, headers = { 'content-type': 'application/json' }, body = { error: 'temporarily_unavailable' } } = canned;
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
      return;
    }
    if (takeFirst(faults.dropAnswerOnce, pathname)) {
      response.write = () => true;
      response.end = () => {
        note('answer dropped', { path: pathname, status: response.statusCode });
        request.socket.destroy();
        return response;
      };
    }
    handler(request, response);
  };
}

function takeFirst(list, path) {
  const at = list.findIndex((fault) => fault.path === path);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}

/** The control plane: not OAuth, no authentication, loopback only. */
async function steer(request, response) {
  const answer = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  let given;
  try {
    given = JSON.parse((await text(request)) || '{}');
  } catch {
    return answer(400, { error: 'the body is not JSON' });
  }
  switch (`${request.method} ${request.url}`) {
    case 'GET /log': return answer(200, log);
    case 'GET /counts': return answer(200, counts());
    case 'POST /reset': reset(); return answer(200, {});
    case 'POST /error-once': faults.errorOnce.push({ path: '/token', ...given }); return answer(200, {});
    case 'POST /drop-answer-once': faults.dropAnswerOnce.push({ path: '/token', ...given }); return answer(200, {});
    case 'POST /delay': faults.delays.set(given.path ?? '*', given.ms ?? 0); return answer(200, {});
    case 'POST /grace': allowReuseFor(given.seconds ?? 0); return answer(200, {});
    case 'POST /issue': return answer(200, { refresh_token: await issue(given) });
    default: return answer(404, { error: 'no such control' });
  }
}

/** Logs somebody in without a browser: the first refresh token of a login of its own. */
async function issue({ client: id = 'native', sub = 'alice', scope = 'openid offline_access' }) {
  const grant = new provider.Grant({ accountId: sub, clientId: id });
  grant.addOIDCScope(scope);
  const token = { accountId: sub, client: await provider.Client.find(id), grantId: await grant.save(), gty: 'authorization_code', rotations: 0, scope };
  return new provider.RefreshToken(token).save();
}

async function text(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

function counts() {
  const count = (matches) => log.filter(matches).length;
  const tokens = (grant, ok) => count((e) => e.event === 'token' && e.grant === grant && e.ok === ok);
  const requests = (path) => count((e) => e.event === 'request' && e.path === path);
  return {
    token_requests: requests('/token'),
    exchanges: tokens('authorization_code', true),
    exchange_errors: tokens('authorization_code', false),
    refreshes: tokens('refresh_token', true),
    refresh_errors: tokens('refresh_token', false),
    reuses: count((e) => e.reuse),
    grants_revoked: count((e) => e.event === 'grant revoked'),
    revocations: requests('/token/revocation'),
    userinfo: requests('/me'),
    answers_dropped: count((e) => e.event === 'answer dropped'),
  };
}

function reset() {
  log.length = 0;
  faults.errorOnce.length = 0;
  faults.dropAnswerOnce.length = 0;
  faults.delays.clear();
  allowReuseFor(0);
}

/** No orphan stays: a parent that dies, however it dies, closes our stdin or makes us another's child. */
function exitWithParent() {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), 500).unref();
  process.on('SIGTERM', () => process.exit(0));
  process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
}
