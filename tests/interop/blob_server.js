// The program blob_server in a folder of its own, and clients of the SDK that trust its CA.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { globalAgent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { AnonymousCredential } from '@azure/storage-blob';

const PROGRAM = join(process.env.REACHBACK_BIN ?? '../../build/debug/bin', 'blob_server');
const ANSWER_TIMEOUT_MS = 30_000;

export async function startBlobServer() {
  const folder = mkdtempSync(join(tmpdir(), 'reachback-interop-'));
  const child = spawn(PROGRAM, [folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line));
  exited.then((code) => waiting.forEach(({ reject }) => reject(new Error(`blob_server ended with ${code}`))));
  child.once('error', (error) => waiting.forEach(({ reject }) => reject(error)));
  // One line out for one line in, in order; the first comes by itself.
  const nextLine = () => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('blob_server does not answer')), ANSWER_TIMEOUT_MS);
    waiting.push({
      resolve: (line) => { clearTimeout(timer); resolve(line); },
      reject: (error) => { clearTimeout(timer); reject(error); },
    });
  });
  const ask = (line) => {
    child.stdin.write(`${line}\n`);
    return nextLine();
  };
  const [, publicUrl, agentUrl] = (await nextLine()).split(' ');
  const ca = readFileSync(join(folder, 'ca.pem'));
  // The SDK has no setting for a CA; told not to make agents of its own, it uses node's.
  globalAgent.options.ca = ca;
  return {
    publicUrl,
    agentUrl,
    readLink: (name, seconds = 60) => ask(`read ${name} ${seconds}`),
    writeLink: (name, seconds = 60) => ask(`write ${name} ${seconds}`),
    // For the constructors of the SDK's clients.
    credential: new AnonymousCredential(),
    options: { keepAliveOptions: { enable: false }, retryOptions: { maxTries: 1 } },
    // Without the SDK. Answers { status, headers, body }.
    fetch: (url, { method = 'GET', headers = {}, body } = {}) => new Promise((resolve, reject) => {
      const outgoing = request(url, { method, headers }, (answer) => {
        const pieces = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('end', () => resolve({
          status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces),
        }));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    }),
    stop: async () => {
      child.stdin.end();
      const code = await exited;
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}
