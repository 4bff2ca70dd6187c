// Source: clients.md: integrations sign in with MSAL, by secret or certificate; RFC 7523.
import assert from 'node:assert/strict';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { authorityOf, network, part } from './client.js';
import { startServer } from './server.js';

const SCOPE = 'https://api.securitycenter.microsoft.com/.default';
const OTHER_SCOPE = 'https://api.security.microsoft.com/.default';

function makeCertificate(folder, name) {
  const pem = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', '-subj', `/CN=${name}`, '-days', '30',
    '-keyout', key, '-out', pem], { stdio: 'ignore' });
  const certificate = readFileSync(pem, 'utf8');
  const read = new X509Certificate(certificate);
  const plain = (fingerprint) => fingerprint.replaceAll(':', '');
  return { pem, certificate, privateKey: readFileSync(key, 'utf8'), sha1: plain(read.fingerprint), sha256: plain(read.fingerprint256) };
}

function makeClient(server, clientId, credential, sent = []) {
  return new ConfidentialClientApplication({
    auth: { clientId, ...authorityOf(server), ...credential },
    system: { networkClient: network(server, sent) },
  });
}

const assertionOf = (sent) => new URLSearchParams(sent.filter((s) => s.method === 'POST').at(-1).body).get('client_assertion');

describe('msal-node', () => {
  let folder, server, certificate, stranger, clientId;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'reachback-msal-'));
    server = await startServer(folder);
    certificate = makeCertificate(folder, 'triage');
    stranger = makeCertificate(folder, 'stranger');
    ({ clientId } = server.admin('app', 'create', '--name', 'msal', '--role', 'Machine.Read.All', '--no-secret'));
    server.admin('app', 'certificate', 'add', clientId, '--file', certificate.pem);
  });

  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [name, alg, make] of [
    ['the SHA-1 thumbprint', 'RS256', (c) => ({ thumbprint: c.sha1 })],
    ['the SHA-256 thumbprint', 'PS256', (c) => ({ thumbprintSha256: c.sha256 })],
    ['the certificate in the header', 'PS256', (c) => ({ thumbprintSha256: c.sha256, x5c: c.certificate })],
  ]) {
    test(`signs in by certificate with ${name}`, async () => {
      const sent = [];
      const client = makeClient(server, clientId,
        { clientCertificate: { privateKey: certificate.privateKey, ...make(certificate) } }, sent);
      const token = await client.acquireTokenByClientCredential({ scopes: [SCOPE] });
      assert.equal(part(assertionOf(sent), 0).alg, alg);
      assert.equal(part(assertionOf(sent), 1).aud, `${server.url}/${server.init.tenantId}/oauth2/v2.0/token`);
      const answer = await server.send('GET', '/api/machines', { authorization: `Bearer ${token.accessToken}` });
      assert.equal(answer.status, 200, answer.text);
      // The next one comes from MSAL's cache.
      const posts = sent.length;
      assert.equal((await client.acquireTokenByClientCredential({ scopes: [SCOPE] })).accessToken, token.accessToken);
      assert.equal(sent.length, posts);
    });
  }

  test('with another certificate is refused, with the number that MSAL shows', async () => {
    const client = makeClient(server, clientId,
      { clientCertificate: { privateKey: stranger.privateKey, thumbprintSha256: stranger.sha256 } });
    await assert.rejects(client.acquireTokenByClientCredential({ scopes: [SCOPE] }),
      (error) => error.errorCode === 'invalid_client' && /AADSTS700027/.test(error.errorMessage));
  });

  test('with another key under the name of ours is refused', async () => {
    const client = makeClient(server, clientId,
      { clientCertificate: { privateKey: stranger.privateKey, thumbprintSha256: certificate.sha256 } });
    await assert.rejects(client.acquireTokenByClientCredential({ scopes: [SCOPE] }), /AADSTS700027/);
  });

  test('signs in by secret', async () => {
    const client = makeClient(server, server.init.clientId, { clientSecret: server.init.clientSecret });
    assert.ok((await client.acquireTokenByClientCredential({ scopes: [SCOPE] })).accessToken);
  });

  // It keeps an assertion for 10 minutes, and sends it once more for another scope.
  test('sends one assertion twice, which is refused; a second client object is not', async () => {
    const credential = { clientCertificate: { privateKey: certificate.privateKey, thumbprintSha256: certificate.sha256 } };
    const client = makeClient(server, clientId, credential);
    await client.acquireTokenByClientCredential({ scopes: [SCOPE] });
    await assert.rejects(client.acquireTokenByClientCredential({ scopes: [OTHER_SCOPE] }), /used before/);
    assert.ok((await makeClient(server, clientId, credential).acquireTokenByClientCredential({ scopes: [OTHER_SCOPE] })).accessToken);
  });
});

test('msal-node may send an assertion twice where assertion_reuse is set', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'reachback-msal-'));
  let server;
  try {
    server = await startServer(folder, '[sign_in]\nassertion_reuse = true\n');
    const certificate = makeCertificate(folder, 'triage');
    const { clientId } = server.admin('app', 'create', '--name', 'msal', '--role', 'Machine.Read.All', '--no-secret');
    server.admin('app', 'certificate', 'add', clientId, '--file', certificate.pem);
    const client = makeClient(server, clientId,
      { clientCertificate: { privateKey: certificate.privateKey, thumbprintSha256: certificate.sha256 } });
    for (const scope of [SCOPE, OTHER_SCOPE]) {
      assert.ok((await client.acquireTokenByClientCredential({ scopes: [scope] })).accessToken);
    }
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
