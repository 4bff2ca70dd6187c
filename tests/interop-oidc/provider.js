// The external issuer: oidc-provider on loopback, whose access tokens for our API are JWTs with `scp`.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

export const AUDIENCE = 'api://reachback';
export const CLIENT = 'console';
export const REDIRECT = 'https://console.example/callback';
const SCOPES = 'Machine.LiveResponse Machine.Read other';

function privateJwk(type, options, kid, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi'];
const publicJwk = (jwk) =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.includes(name)));

// alg: of the access tokens, RS256 or ES256. Answers { issuer, jwks, close }.
export async function startProvider(alg) {
  const http = createServer();
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${http.address().port}`;
  const keys = [
    privateJwk('rsa', { modulusLength: 2048 }, 'rsa-1', 'RS256'),
    privateJwk('ec', { namedCurve: 'P-256' }, 'ec-1', 'ES256'),
  ];
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: CLIENT,
      redirect_uris: [REDIRECT],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
    }],
    cookies: { keys: ['only for this test'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // What Entra calls `scp`, this provider calls `scope`.
    extraTokenClaims: (_ctx, token) => ({
      scp: token.scope.split(' ').filter((s) => s !== 'other').join(' '),
      preferred_username: `${token.accountId}@example.org`,
    }),
    features: {
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
  http.on('request', provider.callback());
  return {
    issuer,
    jwks: { keys: keys.map(publicJwk) },
    close: () => new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    }),
  };
}
