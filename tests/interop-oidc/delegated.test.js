// Source: the page "Get live response results": Machine.LiveResponse as a delegated permission; mde-spec.md §1.3; decisions.md 15.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AUDIENCE, startProvider } from './provider.js';
import { startServer } from './server.js';
import { signIn } from './sign_in.js';

const ACTIONS = '/api/machineactions';
const part = (token, i) => JSON.parse(Buffer.from(token.split('.')[i], 'base64url'));

// The token's own header and claims (with changes), signed by this key.
function resign(token, privateKey, changes = {}) {
  const encode = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
  const input = `${encode(part(token, 0))}.${encode({ ...part(token, 1), ...changes })}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

for (const alg of ['RS256', 'ES256']) {
  describe(`tokens of oidc-provider signed with ${alg}`, () => {
    let folder, provider, stranger, server, token;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'reachback-oidc-'));
      provider = await startProvider(alg);
      stranger = await startProvider(alg);
      const jwks = join(folder, 'jwks.json');
      writeFileSync(jwks, JSON.stringify(provider.jwks));
      const config = join(folder, 'server.toml');
      writeFileSync(config, [
        '[[issuers]]',
        `issuer = ${JSON.stringify(provider.issuer)}`,
        `audiences = [${JSON.stringify(AUDIENCE)}]`,
        `jwks_file = ${JSON.stringify(jwks)}`,
        '',
      ].join('\n'));
      server = await startServer(folder, config);
      token = await signIn(provider.issuer, 'ann', ['Machine.LiveResponse']);
    });

    after(async () => {
      await server?.stop();
      await provider?.close();
      await stranger?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('are what the provider is known to make', () => {
      assert.equal(part(token, 0).alg, alg);
      assert.equal(part(token, 0).typ, 'at+jwt');
      assert.equal(part(token, 1).iss, provider.issuer);
      assert.equal(part(token, 1).aud, AUDIENCE);
      assert.equal(part(token, 1).scp, 'Machine.LiveResponse');
    });

    test('with Machine.LiveResponse in scp may read actions', async () => {
      const answer = await server.get(ACTIONS, token);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.deepEqual(answer.body.value, []);
    });

    test('with the delegated Machine.Read may read machines', async () => {
      const reader = await signIn(provider.issuer, 'bob', ['Machine.Read', 'Machine.LiveResponse']);
      assert.equal((await server.get('/api/machines', reader)).status, 200);
    });

    test('with Machine.LiveResponse in scp run a script, mint its link and fetch its result', async () => {
      const { tenantId, clientId, clientSecret } = server.init;
      const signedIn = await server.send('POST', `/${tenantId}/oauth2/v2.0/token`,
        { 'content-type': 'application/x-www-form-urlencoded' },
        new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret,
          scope: `${server.url}/.default` }).toString());
      const edge = 'edge-of-a-part';
      const form = ['--' + edge, 'Content-Disposition: form-data; name="file"; filename="who.sh"', '',
        '#!/bin/bash\necho "for $1"\n', `--${edge}--`, ''].join('\r\n');
      const uploaded = await server.send('POST', '/api/libraryfiles', {
        authorization: `Bearer ${signedIn.body.access_token}`, 'content-type': `multipart/form-data; boundary=${edge}`,
      }, form);
      assert.equal(uploaded.status, 200, uploaded.text);
      const agent = await server.startAgent();
      try {
        // From here on by the delegated token only.
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const accepted = await server.send('POST', `/api/machines/${agent.machineId}/runliveresponse`, headers,
          JSON.stringify({
            Commands: [{ type: 'RunScript', params: [{ key: 'ScriptName', value: 'who.sh' }, { key: 'Args', value: 'ann' }] }],
            Comment: 'delegated',
          }));
        assert.equal(accepted.status, 201, accepted.text);
        assert.match(accepted.body.requestor, /ann/);
        const ended = await server.get(`${ACTIONS}/${accepted.body.id}?waitFor=final&timeout=30s`, token);
        assert.equal(ended.body.status, 'Succeeded', ended.text);
        const link = await server.get(`${ACTIONS}/${accepted.body.id}/GetLiveResponseResultDownloadLink(index=0)`, token);
        assert.equal(link.status, 200, link.text);
        const result = await server.send('GET', link.body.value);
        assert.equal(result.status, 200);
        assert.equal(JSON.parse(result.text).script_output, 'for ann\n');
      } finally {
        await agent.stop();
      }
    });

    test('without a permission of ours are forbidden', async () => {
      const poor = await signIn(provider.issuer, 'bob', ['other']);
      assert.equal(part(poor, 1).scp, '');
      const answer = await server.get(ACTIONS, poor);
      assert.equal(answer.status, 403);
      assert.equal(answer.body.error.code, 'Forbidden');
    });

    test('with a permission for something else are forbidden', async () => {
      assert.equal((await server.get('/api/libraryfiles', token)).status, 403);
    });

    test('for another audience are forbidden', async () => {
      const elsewhere = await signIn(provider.issuer, 'ann', ['Machine.LiveResponse'], 'api://other');
      assert.equal((await server.get(ACTIONS, elsewhere)).status, 403);
    });

    test('signed by another key are refused', async () => {
      const { privateKey } = alg === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const answer = await server.get(ACTIONS, resign(token, privateKey));
      assert.equal(answer.status, 401);
      assert.match(answer.headers['www-authenticate'], /^Bearer/);
      const more = resign(token, privateKey, { scp: 'Machine.LiveResponse Library.Manage' });
      assert.equal((await server.get('/api/libraryfiles', more)).status, 401);
    });

    test('of a provider that is not trusted are refused', async () => {
      const foreign = await signIn(stranger.issuer, 'ann', ['Machine.LiveResponse']);
      assert.equal((await server.get(ACTIONS, foreign)).status, 401);
    });

    test('are refused when they claim to be ours', async () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const tenant = server.init.tenantId;
      const ours = resign(token, privateKey, { iss: `${server.url}/${tenant}/v2.0`, tid: tenant, aud: server.url });
      assert.equal((await server.get(ACTIONS, ours)).status, 401);
    });
  });
}
