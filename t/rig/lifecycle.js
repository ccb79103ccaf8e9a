// A test's server must not outlive its test. Every command here ends when it is told to
// (SIGTERM, SIGINT, SIGHUP), when its parent is gone, or, with --stdin, when its standard input closes.
import { realpathSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PARENT_POLL_MS = 250;

// Calls stop(reason) once, then exits. stop must end everything that was started.
export function endWithParent(stop, { stdin = false, watchParent = true } = {}) {
  let stopping = false;
  const end = async (reason, code = 0) => {
    if (stopping)
      return;
    stopping = true;
    try {
      await stop(reason);
    } catch (e) {
      process.stderr.write(`stop: ${e.message}\n`);
      code = 1;
    }
    process.exit(code);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    process.on(signal, () => end(signal));
  // Nobody reads our output any more: not a reason to leave anvil behind.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => {});
  if (stdin) {
    process.stdin.on('end', () => end('stdin closed'));
    process.stdin.on('error', () => end('stdin closed'));
    process.stdin.resume();
  }
  if (watchParent) {
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && end('parent gone'), PARENT_POLL_MS).unref();
  }
  return end;
}

// A reader sees the whole file or none.
export function writeAtomically(path, text) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

export function isMain(moduleUrl) {
  return Boolean(process.argv[1]) && realpathSync(process.argv[1]) === fileURLToPath(moduleUrl);
}

export function integer(text, name, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}) {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < min || value > max)
    throw new Error(`${name}: got ${text}, expected an integer from ${min} to ${max}`);
  return value;
}
