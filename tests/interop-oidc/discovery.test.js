// An issuer found by discovery: its applications and users, its own names for what they may do, and its keys, which
// change while our server runs. Source: OpenID Connect Discovery 1.0; RFC 7517; RFC 6750 section 3; mde-spec.md §1.3.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AUDIENCE, SERVICE, startProvider } from './provider.js';
import { startServer } from './server.js';
import { signIn, signInService } from './sign_in.js';

const ACTIONS = '/api/machineactions';
const LIBRARY = '/api/libraryfiles';
const GIVE_UP_MS = 60_000;
const part = (token, i) => JSON.parse(Buffer.from(token.split('.')[i], 'base64url'));

// A running server that trusts the provider; `more` belongs to its [[issuers]].
async function trusting(provider, more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'reachback-discovery-'));
  const config = join(folder, 'server.toml');
  writeFileSync(config, ['[limits]', 'enabled = false', '[[issuers]]', `issuer = ${JSON.stringify(provider.issuer)}`,
    `audiences = [${JSON.stringify(AUDIENCE)}]`, more, ''].join('\n'));
  const server = await startServer(folder, config);
  return { ...server, end: async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  } };
}

// The first answer of another status than this one: keys are fetched beside the calls that need them.
async function answerOtherThan(status, server, token, path = ACTIONS) {
  const end = Date.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await server.get(path, token);
    if (answer.status !== status || Date.now() > end) {
      return answer;
    }
  }
}

for (const alg of ['RS256', 'ES256']) {
  describe(`an issuer found by discovery that signs ${alg}`, () => {
    let provider, server;
    before(async () => {
      provider = await startProvider(alg);
      server = await trusting(provider);
    });
    after(async () => {
      await server?.end();
      await provider?.close();
    });

    test('signs in applications', async () => {
      const token = await signInService(provider.issuer);
      assert.equal(part(token, 0).alg, alg);
      assert.equal(part(token, 1).sub, SERVICE.id);
      const answer = await answerOtherThan(401, server, token);
      assert.equal(answer.status, 200, answer.text);
      assert.equal((await server.get(LIBRARY, token)).status, 403);
    });

    test('signs in users, whose scopes count and whose roles do not', async () => {
      const token = await signIn(provider.issuer, 'ann', ['Machine.Read']);
      const answer = await answerOtherThan(401, server, token, '/api/machines');
      assert.equal(answer.status, 200, answer.text);
      assert.equal((await server.get(LIBRARY, token)).status, 403);
    });

    test('an application that has scopes beside its roles stays an application', async () => {
      const token = await signInService(provider.issuer, ['Machine.Read']);
      assert.equal(part(token, 1).scope, 'Machine.Read');
      assert.equal((await answerOtherThan(401, server, token)).status, 200);
    });

    test('a token for another audience is forbidden, whoever it is of', async () => {
      for (const token of [await signInService(provider.issuer, [], 'api://other'),
        await signIn(provider.issuer, 'ann', ['Machine.Read'], 'api://other')]) {
        const answer = await answerOtherThan(401, server, token);
        assert.equal(answer.status, 403);
        assert.equal(answer.body.error.code, 'Forbidden');
      }
    });

    test('a bad token is unauthorized, and is told how', async () => {
      const good = await signInService(provider.issuer);
      assert.equal((await answerOtherThan(401, server, good)).status, 200);
      const [header, payload, signature] = good.split('.');
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const input = `${header}.${payload}`;
      const foreign = sign('sha256', Buffer.from(input), privateKey).toString('base64url');
      const spoiled = signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'));
      const unsigned = Buffer.from(JSON.stringify({ ...part(good, 0), alg: 'none' })).toString('base64url');
      for (const bad of [`${input}.${foreign}`, `${input}.${spoiled}`, `${unsigned}.${payload}.`, 'eyJ', good.slice(0, -9)]) {
        const answer = await server.get(ACTIONS, bad);
        assert.equal(answer.status, 401, bad);
        assert.match(answer.headers['www-authenticate'], /^Bearer .*error="invalid_token"/);
        assert.equal(answer.body.error.code, 'Unauthorized');
      }
      assert.equal((await server.get(ACTIONS, good)).status, 200);
    });

    test('changes its keys while our server runs', async () => {
      const old = await signInService(provider.issuer);
      assert.equal((await answerOtherThan(401, server, old)).status, 200);
      provider.rotate();
      const fresh = await signInService(provider.issuer);
      assert.notEqual(part(fresh, 0).kid, part(old, 0).kid);
      const answer = await answerOtherThan(401, server, fresh);
      assert.equal(answer.status, 200, answer.text);
      assert.equal((await server.get(ACTIONS, old)).status, 401, 'its key is not the issuer\'s any more');
    });

    test('is trusted on while it does not answer', async () => {
      const token = await signInService(provider.issuer);
      assert.equal((await answerOtherThan(401, server, token)).status, 200);
      await provider.close();
      assert.equal((await server.get(ACTIONS, token)).status, 200);
      provider = undefined;
    });
  });
}

describe('an issuer with its own names', () => {
  let provider, server;
  before(async () => {
    provider = await startProvider('RS256');
    server = await trusting(provider, `
roles_claim = "realm_access.roles"
scopes_claim = "scope"
user_claim = "sub"
user_roles_claim = "groups"
[issuers.role_map]
responder = "Library.Manage"
[issuers.scope_map]
"soc:run" = ["Machine.LiveResponse", "Library.Manage"]
"Machine.Read" = "Machine.Read"
[issuers.user_roles]
soc-1 = "viewer"
soc-2 = ["live-response-advanced", "library"]
`);
  });
  after(async () => {
    await server?.end();
    await provider?.close();
  });

  test('gives an application what its roles stand for', async () => {
    const token = await signInService(provider.issuer);
    const answer = await answerOtherThan(401, server, token, LIBRARY);
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await server.get(ACTIONS, token)).status, 403, 'what stands in `roles` does not count');
  });

  test('gives a user what its scopes and its roles both allow', async () => {
    const asked = ['soc:run', 'Machine.Read'];
    const ann = await signIn(provider.issuer, 'ann', asked);
    assert.equal((await answerOtherThan(401, server, ann, LIBRARY)).status, 200);
    assert.equal((await server.get(ACTIONS, ann)).status, 200);
    const vic = await signIn(provider.issuer, 'vic', asked);
    assert.equal((await answerOtherThan(401, server, vic, '/api/machines')).status, 200);
    assert.equal((await server.get(LIBRARY, vic)).status, 403);
    const nobody = await signIn(provider.issuer, 'eve', asked);
    assert.equal((await answerOtherThan(401, server, nobody, '/api/machines')).status, 403);
    const few = await signIn(provider.issuer, 'ann', ['Machine.Read']);
    assert.equal((await server.get('/api/machines', few)).status, 200);
    assert.equal((await server.get(LIBRARY, few)).status, 403);
  });
});
