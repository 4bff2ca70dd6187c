// Source: mde-spec.md §1.3: user context by authorization code with PKCE and by device code.
import assert from 'node:assert/strict';
import { CryptoProvider, PublicClientApplication } from '@azure/msal-node';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formOf, oneTimeCode, sendForm } from './browser.js';
import { authorityOf, network, part } from './client.js';
import { startServer } from './server.js';

const API = 'https://api.securitycenter.microsoft.com';
const ALL = `${API}/.default`;
const REDIRECT = 'http://localhost:53217/back';

describe('a user', () => {
  let folder, server, clientId, advanced, viewer;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'reachback-msal-'));
    server = await startServer(folder);
    ({ clientId } = server.admin('app', 'create', '--name', 'console', '--no-secret', '--scope', 'Machine.Read',
      '--scope', 'Machine.LiveResponse', '--redirect-uri', 'http://localhost/back'));
    advanced = server.admin('user', 'create', 'ann@corp.example', '--role', 'live-response-advanced');
    viewer = server.admin('user', 'create', 'vic@corp.example', '--role', 'viewer', '--no-one-time-codes');
  });

  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const client = (sent = []) => new PublicClientApplication({
    auth: { clientId, ...authorityOf(server) }, system: { networkClient: network(server, sent) },
  });
  const answers = (user) => ({
    username: user.name, password: user.password, otp: user.oneTimeCodeKey ? oneTimeCode(user.oneTimeCodeKey) : '', answer: 'yes',
  });
  const api = (method, path, token) => server.send(method, path, { authorization: `Bearer ${token}` });

  // By the pages, to the code in the redirect.
  async function codeFor(user, address) {
    const page = await server.send('GET', address);
    assert.equal(page.status, 200, page.text);
    const done = await sendForm(server, formOf(page.text), answers(user));
    assert.equal(done.status, 303, done.text);
    assert.ok(done.headers.location.startsWith(REDIRECT), done.headers.location);
    return new URL(done.headers.location).searchParams;
  }

  async function byCode(msal, user, scopes = [ALL]) {
    const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
    const address = await msal.getAuthCodeUrl({
      scopes, redirectUri: REDIRECT, codeChallenge: challenge, codeChallengeMethod: 'S256', state: 'what I sent',
    });
    const answer = await codeFor(user, address);
    assert.equal(answer.get('state'), 'what I sent');
    return msal.acquireTokenByCode({ scopes, redirectUri: REDIRECT, code: answer.get('code'), codeVerifier: verifier });
  }

  test('signs in by device code, and may do what its role and the scopes say', async () => {
    const msal = client();
    const result = await msal.acquireTokenByDeviceCode({
      scopes: [ALL],
      deviceCodeCallback: async ({ userCode, verificationUri }) => {
        const page = await sendForm(server, { action: verificationUri, fields: {} }, { user_code: userCode });
        assert.match(page.text, /console/);
        const done = await sendForm(server, formOf(page.text), answers(advanced));
        assert.match(done.text, /You are signed in/);
      },
    });
    assert.equal(result.account.username, 'ann@corp.example');
    const claims = part(result.accessToken, 1);
    assert.equal(claims.scp, 'Machine.Read Machine.LiveResponse');
    assert.equal(claims.oid, advanced.userId);
    assert.equal(claims.tid, server.init.tenantId);
    assert.equal((await api('GET', '/api/machines', result.accessToken)).status, 200);
    // Not of a scope that was asked for.
    assert.equal((await api('GET', '/api/libraryfiles', result.accessToken)).status, 403);
  });

  test('signs in by code with PKCE, is refreshed silently, and loses what is taken away at once', async () => {
    const sent = [];
    const msal = client(sent);
    const result = await byCode(msal, viewer);
    assert.equal(result.account.homeAccountId, `${viewer.userId}.${server.init.tenantId}`);
    assert.equal((await api('GET', '/api/machines', result.accessToken)).status, 200);
    // The scope is there, the role does not allow it.
    const run = await server.send('POST', `/api/machines/${'0'.repeat(40)}/runliveresponse`,
      { authorization: `Bearer ${result.accessToken}` }, '{}');
    assert.equal(run.status, 403, run.text);
    // From the cache, then by the refresh token.
    const cached = await msal.acquireTokenSilent({ account: result.account, scopes: [ALL] });
    assert.equal(cached.accessToken, result.accessToken);
    const posts = sent.length;
    const fresh = await msal.acquireTokenSilent({ account: result.account, scopes: [ALL], forceRefresh: true });
    assert.notEqual(fresh.accessToken, result.accessToken);
    assert.ok(sent.slice(posts).some(({ body }) => /grant_type=refresh_token/.test(body ?? '')));
    assert.equal((await api('GET', '/api/machines', fresh.accessToken)).status, 200);
    server.admin('user', 'set', 'vic@corp.example', '--role', 'library');
    assert.equal((await api('GET', '/api/machines', fresh.accessToken)).status, 403);
    server.admin('user', 'set', 'vic@corp.example', '--role', 'viewer');
    assert.equal((await api('GET', '/api/machines', fresh.accessToken)).status, 200);
    server.admin('user', 'end-tokens', 'vic@corp.example');
    const refused = await api('GET', '/api/machines', fresh.accessToken);
    assert.equal(refused.status, 401);
    assert.match(refused.headers['www-authenticate'], /error="invalid_token"/);
    await assert.rejects(msal.acquireTokenSilent({ account: result.account, scopes: [ALL], forceRefresh: true }),
      (error) => error.errorCode === 'invalid_grant');
  });

  test('gets no token for a scope that the application may not ask for', async () => {
    const msal = client();
    const { challenge } = await new CryptoProvider().generatePkceCodes();
    const address = await msal.getAuthCodeUrl({
      scopes: [`${API}/Library.Manage`], redirectUri: REDIRECT, codeChallenge: challenge, codeChallengeMethod: 'S256',
    });
    const answer = await server.send('GET', address);
    assert.equal(answer.status, 303);
    assert.equal(new URL(answer.headers.location).searchParams.get('error'), 'invalid_scope');
  });

  test('an id token is no access token', async () => {
    const result = await byCode(client(), viewer);
    assert.equal(part(result.idToken, 1).aud, clientId);
    assert.equal((await api('GET', '/api/machines', result.idToken)).status, 401);
  });
});
