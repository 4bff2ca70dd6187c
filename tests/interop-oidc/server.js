// Our server in a folder of its own.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(process.env.REACHBACK_BIN ?? '../../build/debug/bin', 'reachback-server');
const START_TIMEOUT_MS = 30_000;

// Answers { init, get, stop }. init: what `init --json` printed.
export async function startServer(folder, config) {
  const data = join(folder, 'data');
  const init = JSON.parse(execFileSync(PROGRAM, ['init', '--data', data, '--json'], { encoding: 'utf8' }));
  const child = spawn(
    PROGRAM,
    ['serve', '--data', data, '--listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0', '--config', config],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (piece) => { log += piece; });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server is not ready: ${log}`)), START_TIMEOUT_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = /^ready (https:\S+)$/.exec(line);
      if (ready) {
        clearTimeout(timer);
        resolve(ready[1]);
      }
    });
    exited.then((code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}: ${log}`));
    });
  });
  const ca = readFileSync(init.caFile);
  return {
    init,
    url,
    // Answers { status, headers, body }.
    get: (path, token) => new Promise((resolve, reject) => {
      request(new URL(path, url), { ca, headers: { authorization: `Bearer ${token}` } }, (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece) => { body += piece; });
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: JSON.parse(body) }));
      }).on('error', reject).end();
    }),
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
