// Starts and stops anvil: the binary itself, because the package's own `anvil` command is a node
// wrapper, and killing a wrapper leaves the chain running.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 15000;
const STOP_MS = 3000;
const ARCH = { x64: 'amd64', arm64: 'arm64' };

export function anvilBinary() {
  const require = createRequire(import.meta.url);
  const tried = [];
  const candidates = [
    () => process.env.ANVIL, // a name or path given by hand
    () => require.resolve(`@foundry-rs/anvil-${process.platform}-${ARCH[process.arch]}/bin/anvil`),
    // Where the package's install script puts it when npm skipped the platform package, as it does
    // on node 18 (that package asks for node 20, though the binary doesn't use node at all).
    () => join(dirname(require.resolve('@foundry-rs/anvil/package.json')), 'anvil'),
  ];
  for (const candidate of candidates) {
    try {
      const path = candidate();
      if (path && existsSync(path))
        return path;
      tried.push(path);
    } catch (e) {
      tried.push(e.message.split('\n')[0]);
    }
  }
  throw new Error(`anvil: not installed (run "npm ci" in t/): ${tried.filter(Boolean).join('; ')}`);
}

// With setpriv (util-linux) the kernel itself kills anvil when we die, even by SIGKILL; it execs,
// so the process id stays anvil's own.
function withDeathSignal(binary, args) {
  const probe = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' });
  return probe.status === 0
    ? ['setpriv', ['--pdeathsig', 'KILL', '--', binary, ...args]]
    : [binary, args];
}

// onSpawn gets stop() before the chain is ready: whoever is told to end meanwhile can end it too.
export async function startAnvil({ logFile, chainId, port = 0, slotsInEpoch = 2, onSpawn }) {
  const args = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId),
    '--slots-in-an-epoch', String(slotsInEpoch), '--color', 'never',
    // Hundreds of MB of old states: killed, it leaves them, else below ~/.foundry.
    '--cache-path', join(dirname(logFile), 'states')];
  const log = openSync(logFile, 'w', 0o600);
  const [command, commandArgs] = withDeathSignal(anvilBinary(), args);
  const child = spawn(command, commandArgs, { stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = new Promise((resolve) => {
    child.once('error', (e) => resolve(e.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  let gone = false;
  exited.then(() => { gone = true; });

  const stop = async () => {
    if (gone)
      return;
    child.kill('SIGTERM');
    if (await Promise.race([exited, sleep(STOP_MS, 'late', { ref: false })]) === 'late')
      child.kill('SIGKILL');
    await exited;
  };
  onSpawn?.(stop);
  const deadline = Date.now() + START_MS;
  for (;;) {
    const text = readFileSync(logFile, 'utf8');
    const found = text.match(/Listening on 127\.0\.0\.1:(\d+)/);
    if (found)
      return { url: `http://127.0.0.1:${found[1]}`, pid: child.pid, exited, stop };
    if (gone || Date.now() > deadline) {
      await stop();
      throw new Error(`anvil did not start: ${text.slice(-500)}`);
    }
    await sleep(10);
  }
}
