// One plain issuer: public and confidential clients, PKCE for all, refresh tokens rotated with reuse detection.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { Store } from './store.mjs';

const AT_TTL = Number(process.env.AT_TTL ?? 60); // seconds that an access token lives

// RFC 8252 section 7.3: a native client may use any port of these.
const LOOPBACK = ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'];
const FIXED = ['http://localhost:1455/auth/callback', 'http://localhost:1457/auth/callback'];

// Of a browser extension: the redirects that the browsers make of its id (the two Firefox ones: of the tests' own extension
// and of the project's).
const EXTENSION = [
  'https://djpcpkcknmoajhnfejdffdokfemmmdgf.chromiumapp.org/',
  'https://582aa76d03f87b8701d140e49501bdb902cd95fc.extensions.allizom.org/',
  'https://70cc3c5da0b2baab800cb6660f2a1ccbf6b6ec04.extensions.allizom.org/',
];

const client = (client_id, extra = {}) => ({
  client_id,
  application_type: 'native',
  redirect_uris: LOOPBACK,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  ...extra,
});
const secret = (client_secret, method) => ({ client_secret, token_endpoint_auth_method: `client_secret_${method}` });

const clients = [
  client('native'),
  client('fixed-port', { application_type: 'web', redirect_uris: FIXED }),
  client('extension', { application_type: 'web', redirect_uris: EXTENSION }),
  client('no-refresh', { grant_types: ['authorization_code'] }),
  client('short'),
  client('no-rotate'),
  client('conf-basic', secret('conf-basic-secret-0123456789abcdef', 'basic')),
  client('conf-post', secret('conf-post-secret-0123456789abcdef', 'post')),
  // RFC 6749 section 2.3.1: works only if both are form-encoded before Basic.
  client('odd id:1/~', secret('p%ss w+rd:/?&=\'"!*()', 'basic')),
];

// By way of PEM: node 20 can deadlock when the garbage collector meets a key pair's job while its key is exported as JWK.
const privateKey = () => {
  const encodings = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } };
  const { privateKey: pem } = generateKeyPairSync('rsa', { modulusLength: 2048, ...encodings });
  return createPrivateKey(pem).export({ format: 'jwk' });
};

const account = (sub) => ({
  accountId: sub,
  claims: async () => ({ sub, name: `User ${sub}`, email: `${sub}@example.test`, email_verified: true }),
});

export const config = () => ({
  adapter: Store,
  clients,
  // Extensions and pages of this machine: the browser tells their origin, and reads the answer only if it is allowed.
  clientBasedCORS: (ctx, origin) => /^(chrome-extension|moz-extension|http):\/\/([a-p]{32}|[0-9a-f-]{36}|127\.0\.0\.1:\d+|localhost:\d+)$/.test(origin),
  clockTolerance: 0, // the default of 15 s would let access tokens outlive their expires_in
  cookies: { keys: ['only for tests'] },
  jwks: { keys: [privateKey()] },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'read', 'write'],
  conformIdTokenClaims: false, // ID tokens hold the claims of their scopes, as those of most servers do
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  findAccount: (ctx, sub) => account(sub),
  responseTypes: ['code'],
  pkce: { required: () => true },
  rotateRefreshToken: (ctx) => ctx.oidc.client.clientId !== 'no-rotate',
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async () => false,
  features: {
    devInteractions: { enabled: true }, // pages on which any name and any password log in
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  ttl: {
    AccessToken: (ctx, token, client) => (client?.clientId === 'short' ? 2 : AT_TTL),
    AuthorizationCode: 60,
    Grant: 86400,
    IdToken: 600,
    Interaction: 600,
    RefreshToken: 86400,
    Session: 86400,
  },
});
