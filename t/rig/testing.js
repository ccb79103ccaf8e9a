// What rig.test.js needs to start rigs and to look at what they leave behind.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Chain, openRig } from './chain.js';
import { TEST_ACCOUNTS } from './facts.js';
import { postJson, request } from './http.js';
import { BODY, domainOf, signAuthorization } from './payload.js';

const START_MS = 30000;
export const script = (name) => fileURLToPath(new URL(name, import.meta.url));

export const randomAddress = () => `0x${randomBytes(20).toString('hex')}`;

export function alive(pid) {
  try {
    process.kill(pid, 0);
    // A zombie has ended; only its parent hasn't asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export async function until(condition, waitMs = 60000) {
  const deadline = Date.now() + waitMs;
  while (!await condition()) {
    if (Date.now() > deadline)
      return false;
    await sleep(20);
  }
  return true;
}

const directories = [];
process.on('exit', () => directories.forEach((d) => rmSync(d, { recursive: true, force: true })));

export function temporaryDirectory() {
  const dir = mkdtempSync(join(tmpdir(), 'worknet-rig-'));
  directories.push(dir);
  return dir;
}

// A started rig as the tests see it. `through` starts it as a child of another command.
export async function startRig(args = [], { through = [], stdin = 'ignore' } = {}) {
  const dir = temporaryDirectory();
  const command = [...through, process.execPath, script('rig.js'), '--dir', dir, ...args];
  const child = spawn(command[0], command.slice(1), { stdio: [stdin, 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => { output += data; });
  const exited = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
  let ended = false;
  exited.then(() => { ended = true; });
  await until(() => ended || output.includes('rig ready'), START_MS);
  const file = join(dir, 'rig.json');
  if (!existsSync(file))
    throw new Error(`no rig: ${output}`);
  const rig = openRig(file);
  return {
    rig, dir, file, child, exited, output: () => output, chain: new Chain(rig),
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

// One of the misbehaving servers by itself: { url, child, exited }.
export async function startCommand(name, args) {
  const child = spawn(process.execPath, [script(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => { child.once('exit', resolve); });
  const line = await new Promise((resolve) => { child.stdout.once('data', (d) => resolve(String(d))); });
  return { url: line.trim().split(' ').at(-1), child, exited };
}

// A signed body and its parts; `fields` go to the signature, payTo and amount only to the body.
export async function makeBody({ rig }, version, { payTo, amount, key, ...fields } = {}) {
  const domain = domainOf(rig);
  const signed = await signAuthorization({
    key: key ?? TEST_ACCOUNTS.treasury.key, domain, to: randomAddress(), value: 10000, ...fields,
  });
  const body = BODY[version]({ chainId: rig.chainId, domain, signed, payTo, amount });
  return { body, text: JSON.stringify(body), signed, ...signed.authorization };
}

export const settle = (url, made) => postJson(`${url}/settle`, made.text);
export const verify = (url, made) => postJson(`${url}/verify`, made.text);
export const order = (url, steps) => postJson(`${url}/control`, steps);
export const recorded = async (url) => (await request(`${url}/control`)).json;

// Local addresses on which a process listens, from /proc (Linux).
export function listeningAddresses(pid) {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1];
    } catch {
      return undefined; // closed in between
    }
  }));
  return ['tcp', 'tcp6'].flatMap((kind) => readFileSync(`/proc/${pid}/net/${kind}`, 'utf8')
    .split('\n').slice(1).map((line) => line.trim().split(/\s+/))
    .filter((f) => f[3] === '0A' && inodes.has(f[9])).map((f) => f[1].split(':')[0]));
}
