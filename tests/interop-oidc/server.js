// Our server in a folder of its own.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const FOLDER = process.env.REACHBACK_BIN ?? '../../build/debug/bin';
const PROGRAM = join(FOLDER, 'reachback-server');
const AGENT = join(FOLDER, 'reachback-agent');
const START_TIMEOUT_MS = 30_000;

// The rest of the first line of the child's output that begins with this word.
function lineOf(child, word, log) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${word}": ${log()}`)), START_TIMEOUT_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith(`${word} `)) {
        clearTimeout(timer);
        resolve(line.slice(word.length + 1));
      }
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code}: ${log()}`));
    });
  });
}

// Answers { init, get, send, startAgent, stop }. init: what `init --json` printed.
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
  const [agents, url] = await Promise.all([lineOf(child, 'agents', () => log), lineOf(child, 'ready', () => log)]);
  const ca = readFileSync(init.caFile);
  // Answers { status, headers, body, text }; body: the JSON, if it is JSON.
  const send = (method, path, headers = {}, content = '') => new Promise((resolve, reject) => {
    request(new URL(path, url), { ca, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => {
        const isJson = /json/.test(answer.headers['content-type'] ?? '');
        resolve({ status: answer.statusCode, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined });
      });
    }).on('error', reject).end(content);
  });
  return {
    init,
    url,
    get: (path, token) => send('GET', path, { authorization: `Bearer ${token}` }),
    send,
    // Enrols and connects an agent. Answers { machineId, stop }.
    startAgent: async () => {
      const state = join(folder, 'agent');
      const { machineId } = JSON.parse(execFileSync(AGENT, ['enroll', '--server', agents, '--ca', init.caFile,
        '--token', init.enrollmentToken, '--state', state, '--json'], { encoding: 'utf8' }));
      const agent = spawn(AGENT, ['run', '--state', state], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      agent.stderr.on('data', (piece) => { said += piece; });
      await lineOf(agent, 'connected', () => said);
      return {
        machineId,
        stop: () => new Promise((resolve) => {
          agent.once('exit', resolve);
          agent.kill('SIGTERM');
        }),
      };
    },
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
