// Our server in a folder of its own, and its admin commands.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(process.env.REACHBACK_BIN ?? '../../build/debug/bin', 'reachback-server');
const START_TIMEOUT_MS = 30_000;

function ready(child, log) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready: ${log()}`)), START_TIMEOUT_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ready ')) {
        clearTimeout(timer);
        resolve(line.slice('ready '.length));
      }
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code}: ${log()}`));
    });
  });
}

// Answers { init, url, admin, send, stop }. init: what `init --json` printed.
export async function startServer(folder, config = '') {
  const data = join(folder, 'data');
  const init = JSON.parse(execFileSync(PROGRAM, ['init', '--data', data, '--json'], { encoding: 'utf8' }));
  const file = join(folder, 'server.toml');
  writeFileSync(file, config);
  const child = spawn(PROGRAM, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0',
    '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (piece) => { log += piece; });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = await ready(child, () => log);
  const ca = readFileSync(init.caFile);
  return {
    init,
    url,
    // The words before the first option stand in front of --data.
    admin: (...words) => JSON.parse(execFileSync(PROGRAM, [...words, '--data', data, '--json'], { encoding: 'utf8' })),
    // Answers { status, headers, text }.
    send: (method, address, headers = {}, content = '') => new Promise((resolve, reject) => {
      request(new URL(address, url), { ca, method, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece) => { text += piece; });
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      }).on('error', reject).end(content);
    }),
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
