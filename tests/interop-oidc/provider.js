// The external issuer: oidc-provider on loopback, whose access tokens for our API are JWTs with `scp`.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

export const AUDIENCE = 'api://reachback';
export const CLIENT = 'console';
export const REDIRECT = 'https://console.example/callback';
// An application that signs in for itself.
export const SERVICE = { id: 'triage', secret: 'only for this test' };
const SCOPES = 'Machine.LiveResponse Machine.Read soc:run other';
// What the users' groups are, by who signs in.
const GROUPS = { ann: ['soc-2', 'everybody'], vic: ['soc-1'] };

function privateJwk(type, options, kid, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi'];
const publicJwk = (jwk) =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.includes(name)));

const makeKeys = (generation) => [
  privateJwk('rsa', { modulusLength: 2048 }, `rsa-${generation}`, 'RS256'),
  privateJwk('ec', { namedCurve: 'P-256' }, `ec-${generation}`, 'ES256'),
];

// What answers the requests to `issuer`. alg: of the access tokens.
function makeProvider(issuer, alg, keys) {
  return new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: CLIENT,
      redirect_uris: [REDIRECT],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
    }, {
      client_id: SERVICE.id,
      client_secret: SERVICE.secret,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    cookies: { keys: ['only for this test'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // What Entra calls `scp`, this provider calls `scope`.
    extraTokenClaims: (_ctx, token) => (token.kind === 'ClientCredentials' ? {
      roles: ['Machine.LiveResponse'],
      realm_access: { roles: ['responder', 'other'] },
    } : {
      scp: token.scope.split(' ').filter((s) => s !== 'other').join(' '),
      preferred_username: `${token.accountId}@example.org`,
      roles: ['Library.Manage'],
      realm_access: { roles: ['responder'] },
      groups: GROUPS[token.accountId] ?? [],
    }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenTTL: 3600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }),
      },
    },
  });
}

// alg: of the access tokens, RS256 or ES256. Answers { issuer, jwks, rotate, close }. rotate(): from then on it has new
// keys, and the old ones are gone.
export async function startProvider(alg) {
  const http = createServer();
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${http.address().port}`;
  let generation = 0;
  const rotate = () => {
    const keys = makeKeys(++generation);
    http.removeAllListeners('request');
    http.on('request', makeProvider(issuer, alg, keys).callback());
    return keys;
  };
  const keys = rotate();
  return {
    issuer,
    jwks: { keys: keys.map(publicJwk) },
    rotate,
    close: () => new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    }),
  };
}
