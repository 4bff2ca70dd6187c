// Microsoft's own SDK against our blob service: the same signatures, the same links, the same bytes.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import {
  BlobClient, BlobSASPermissions, BlockBlobClient, generateBlobSASQueryParameters, RestError, SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';

import { startBlobServer } from './blob_server.js';

// Also in blob_server.cc and in src/protocol/blob_sas_test.cc.
const ACCOUNT = 'reachback7f3a';
const KEY = Buffer.from(Array.from({ length: 64 }, (_, i) => i)).toString('base64');
const TENANT = '0c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11';
const CONTAINER = 'investigation-actions-data';
const blobName = (name) => `${TENANT}/CustomPlaybookCommandOutput/${name}`;
const newName = () => randomBytes(16).toString('hex');
const sharedKey = new StorageSharedKeyCredential(ACCOUNT, KEY);

let server;
before(async () => { server = await startBlobServer(); });
after(async () => { assert.equal(await server.stop(), 0); });

// What the SDK would sign.
const sdkSas = (name, fields) => generateBlobSASQueryParameters(
  { containerName: CONTAINER, blobName: blobName(name), version: '2019-07-07', ...fields }, sharedKey);
const inAMinute = () => new Date(Date.now() + 60_000);
const sdkUrl = (base, name, fields) =>
  `${base}/${ACCOUNT}/${CONTAINER}/${blobName(name)}?${sdkSas(name, { expiresOn: inAMinute(), ...fields })}`;
const read = { permissions: BlobSASPermissions.parse('r') };
const write = { permissions: BlobSASPermissions.parse('cw') };
const blobAt = (url) => new BlobClient(url, server.credential, server.options);
const blockBlobAt = (url) => new BlockBlobClient(url, server.credential, server.options);
const upload = async (name, bytes, options) =>
  blockBlobAt(await server.writeLink(name)).upload(bytes, bytes.length, options);

const refused = (status, code) => (error) => {
  assert.ok(error instanceof RestError, String(error));
  assert.equal(error.statusCode, status);
  // From the body; an answer to HEAD has none, so there from the header.
  assert.equal(error.code ?? error.details?.errorCode, code);
  return true;
};
const refusedLink = refused(403, 'AuthenticationFailed');

test('the SDK signs what our unit tests say it signs', () => {
  const name = '4ed5e7193ad040cbb1b5b8f3d7a7e8a2';
  const expiresOn = new Date('2021-02-04T16:13:50Z');
  assert.equal(sdkSas(name, { ...read, expiresOn }).signature, 'zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA+0+5V6TE=');
  assert.equal(sdkSas(name, { ...write, expiresOn }).signature, 'DE64BVgJiIn4GHh9S/aBDAyptQqJTF0NbZt2o/sMazs=');
  assert.equal(sdkSas(name, {
    permissions: BlobSASPermissions.parse('racwd'), expiresOn, startsOn: new Date('2021-02-04T15:00:00Z'),
    ipRange: { start: '10.1.2.3', end: '10.1.2.9' }, protocol: SASProtocol.Https, identifier: 'pol',
    cacheControl: 'no-cache', contentDisposition: 'attachment; filename="a b+c.txt"', contentEncoding: 'identity',
    contentLanguage: 'en', contentType: 'text/plain; charset=utf-8',
  }).signature, 'Ajv3NrtFXyr8d9FB9V5QipcR685hA3rNKeR85Yr/C/s=');
});

test('our links carry the signature that the SDK makes', async () => {
  for (const [link, permissions] of [[await server.readLink(newName()), read], [await server.writeLink(newName()), write]]) {
    const url = new URL(link);
    const fields = { ...permissions, expiresOn: new Date(url.searchParams.get('se')) };
    const name = url.pathname.slice(-32);
    assert.equal(url.pathname, `/${ACCOUNT}/${CONTAINER}/${blobName(name)}`);
    assert.deepEqual([...url.searchParams.keys()], ['se', 'sp', 'sv', 'sr', 'sig']);
    assert.equal(url.searchParams.get('sig'), sdkSas(name, fields).signature);
  }
});

test('a link that the SDK minted is accepted, with everything it can ask for', async () => {
  const name = newName();
  await upload(name, Buffer.from('bytes'));
  const plain = await blobAt(sdkUrl(server.publicUrl, name, read)).downloadToBuffer();
  assert.equal(plain.toString(), 'bytes');
  const full = await blobAt(sdkUrl(server.publicUrl, name, {
    ...read, startsOn: new Date(Date.now() - 60_000), protocol: SASProtocol.Https, ipRange: { start: '127.0.0.1' },
    contentDisposition: 'attachment; filename="a b+c.txt"', contentType: 'text/plain',
  })).getProperties();
  assert.equal(full.contentType, 'text/plain');
  assert.equal(full.contentDisposition, 'attachment; filename="a b+c.txt"');
});

test('a link that is not yet, no longer, not here or not so is refused', async () => {
  const name = newName();
  await upload(name, Buffer.from('bytes'));
  for (const fields of [
    { expiresOn: new Date(Date.now() - 1000) },
    { startsOn: new Date(Date.now() + 60_000) },
    { ipRange: { start: '10.0.0.1' } },
    { identifier: 'policy' },
    { version: '2020-12-06' },
    { permissions: BlobSASPermissions.parse('w') },
    { blobName: blobName(newName()) },
  ]) {
    await assert.rejects(blobAt(sdkUrl(server.publicUrl, name, { ...read, ...fields })).download(), refusedLink);
  }
  await assert.rejects(
    blockBlobAt(sdkUrl(server.agentUrl, newName(), read)).upload('x', 1), refusedLink);
  await assert.rejects(
    blockBlobAt(sdkUrl(server.publicUrl, newName(), write)).upload('x', 1), refusedLink);
});

test('the SDK reads our link whole, by range, and its properties', async () => {
  const name = newName();
  const bytes = randomBytes(3_000_000);
  await upload(name, bytes, {
    blobHTTPHeaders: { blobContentType: 'application/gzip', blobContentDisposition: 'attachment; filename="auth.log.gz"' },
  });
  const client = blobAt(await server.readLink(name));
  assert.deepEqual(await client.downloadToBuffer(), bytes);
  assert.deepEqual(await client.downloadToBuffer(1_000_000, 500_000), bytes.subarray(1_000_000, 1_500_000));
  assert.deepEqual(await client.downloadToBuffer(0, undefined, { blockSize: 700_000, concurrency: 4 }), bytes);
  const properties = await client.getProperties();
  assert.equal(properties.contentLength, bytes.length);
  assert.equal(properties.contentType, 'application/gzip');
  assert.equal(properties.contentDisposition, 'attachment; filename="auth.log.gz"');
  assert.equal(properties.blobType, 'BlockBlob');
  assert.equal(properties.etag, `"${createHash('sha256').update(bytes).digest('hex')}"`);
  assert.ok(Math.abs(properties.lastModified - Date.now()) < 60_000);
  assert.equal(await client.exists(), true);
  await assert.rejects(client.download(0, undefined, { conditions: { ifMatch: '"x"' } }), refused(412, 'ConditionNotMet'));
  await assert.rejects(client.download(bytes.length, 1), refused(416, 'InvalidRange'));
});

test('the SDK uploads by Put Blob and by blocks, and the bytes are the same', async () => {
  const small = newName();
  const bytes = randomBytes(10_000_000);
  const put = await upload(small, bytes.subarray(0, 100_000));
  assert.ok(put.etag && put.requestId && put.lastModified);
  assert.deepEqual(await blobAt(await server.readLink(small)).downloadToBuffer(), bytes.subarray(0, 100_000));

  const large = newName();
  const client = blockBlobAt(await server.writeLink(large));
  // One writer at a time: a blob's blocks come one after another.
  await client.uploadData(bytes, { blockSize: 1_000_000, maxSingleShotSize: 1_000_000, concurrency: 1 });
  assert.deepEqual(await blobAt(await server.readLink(large)).downloadToBuffer(), bytes);
});

test('an upload that was cut goes on from the blocks that are there', async () => {
  const name = newName();
  const id = (n) => Buffer.from(`block-${n}`).toString('base64');
  const client = blockBlobAt(await server.writeLink(name));
  await client.stageBlock(id(0), 'first ', 6);
  await client.stageBlock(id(1), 'second ', 7, { transactionalContentMD5: createHash('md5').update('second ').digest() });
  const staged = await client.getBlockList('uncommitted');
  assert.deepEqual(staged.uncommittedBlocks, [{ name: id(0), size: 6 }, { name: id(1), size: 7 }]);
  await assert.rejects(client.commitBlockList([id(0), id(1), id(2)]), refused(400, 'InvalidBlockList'));
  await client.stageBlock(id(2), 'third', 5);
  await client.commitBlockList([id(0), id(1), id(2)], { blobHTTPHeaders: { blobContentType: 'text/plain' } });
  await client.commitBlockList([id(0), id(1), id(2)]);  // the answer was lost
  const link = blobAt(await server.readLink(name));
  assert.equal((await link.downloadToBuffer()).toString(), 'first second third');
  assert.equal((await link.getProperties()).contentType, 'text/plain');
});

test('a blob never changes', async () => {
  const name = newName();
  await upload(name, Buffer.from('one'));
  await upload(name, Buffer.from('one'));
  await assert.rejects(upload(name, Buffer.from('two')), refused(409, 'BlobAlreadyExists'));
  const client = blockBlobAt(await server.writeLink(name));
  await assert.rejects(client.delete(), refusedLink);
  assert.equal((await blobAt(await server.readLink(name)).downloadToBuffer()).toString(), 'one');
});

test('a tampered or expired link of ours is refused with the code that the SDK knows', async () => {
  const name = newName();
  await upload(name, Buffer.from('bytes'));
  const link = await server.readLink(name);
  const changed = (from, to) => {
    assert.ok(link.includes(from), from);
    return link.replace(from, to);
  };
  for (const url of [
    changed('sp=r', 'sp=rw'), changed('sig=', 'sig=A'), changed('se=2', 'se=3'), changed(name, newName()),
    `${link}&x=1`, await server.readLink(name, 0), await server.readLink(name, -5), link.slice(0, link.indexOf('?')),
  ]) {
    await assert.rejects(blobAt(url).download(), refusedLink, url);
    await assert.rejects(blobAt(url).getProperties(), refusedLink, url);
  }
});

test('a link dies at its end', async () => {
  const name = newName();
  await upload(name, Buffer.from('bytes'));
  const link = await server.readLink(name, 2);
  const end = Date.parse(new URL(link).searchParams.get('se'));
  assert.equal((await server.fetch(link)).status, 200);
  await new Promise((resolve) => { setTimeout(resolve, end - Date.now() + 50); });
  assert.equal((await server.fetch(link)).status, 403);
});

test('a plain client gets the bytes with a bearer token too, and XML when refused', async () => {
  const name = newName();
  await upload(name, Buffer.from('{"script_output":"x"}'), { blobHTTPHeaders: { blobContentType: 'application/json' } });
  const link = await server.readLink(name);
  const good = await server.fetch(link, { headers: { authorization: 'Bearer abc' } });
  assert.equal(good.status, 200);
  assert.equal(JSON.parse(good.body).script_output, 'x');
  assert.equal(good.headers['cache-control'], 'no-store');
  const bad = await server.fetch(link.replace('sp=r', 'sp=d'));
  assert.equal(bad.status, 403);
  assert.equal(bad.headers['x-ms-error-code'], 'AuthenticationFailed');
  assert.match(String(bad.body), /^<\?xml version="1.0" encoding="utf-8"\?><Error><Code>AuthenticationFailed<\/Code><Message>/);
  const absent = await server.fetch(await server.readLink(newName()));
  assert.equal(absent.status, 404);
  assert.equal(absent.headers['x-ms-error-code'], 'BlobNotFound');
});
