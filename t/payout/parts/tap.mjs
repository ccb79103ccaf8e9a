// TAP and the probe, for the cases beside this file.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROBE = process.env.PAY_PROBE ?? './t/tools/pay_probe';
const PROBE_MS = 60000;

let count = 0;
let failures = 0;

export function ok(condition, name, seen) {
  count++;
  if (!condition)
    failures++;
  process.stdout.write(`${condition ? '' : 'not '}ok ${count} - ${name}\n`);
  if (!condition && seen !== undefined)
    process.stdout.write(`# ${JSON.stringify(seen, (k, v) =>
      (typeof v === 'bigint' ? String(v) : v)).replaceAll('\n', ' ')}\n`);
  return condition;
}

export const is = (got, expected, name) => ok(got === expected, name, { got, expected });

export function done() {
  process.stdout.write(`1..${count}\n`);
  process.exitCode = failures === 0 ? 0 : 1;
}

export const dir = mkdtempSync(join(tmpdir(), 'worknet-pay-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

let files = 0;

// A file with this text; its path.
export function file(text, mode = 0o600) {
  const path = join(dir, `f${++files}`);
  writeFileSync(path, text, { mode });
  return path;
}

// { code, out, err, json }: json is the array of the lines that are JSON.
export function probe(...args) {
  return new Promise((resolve) => {
    execFile(PROBE, args.map(String), { timeout: PROBE_MS, maxBuffer: 1 << 24 },
      (error, out, err) => resolve({
        code: error ? error.code ?? error.signal : 0, out: out.trimEnd(), err: err.trimEnd(),
        json: out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
      }));
  });
}
