// The commands, and that nothing stays behind.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Chain } from '../chain.js';
import { sha256 } from '../control.js';
import { TEST_ACCOUNTS } from '../facts.js';
import { request } from '../http.js';
import { randomNonce } from '../payload.js';
import {
  alive, listeningAddresses, makeBody, randomAddress, script, settle, startCommand, startRig,
  temporaryDirectory, until, verify,
} from '../testing.js';
import { balance, main, pids, stopRigs, treasury } from './fixture.js';

const run = promisify(execFile);
const cli = async (...args) => (await run(process.execPath,
  [script('chain.js'), '--rig', main.file, ...args])).stdout.trim();

test('chain.js does the same from a shell', async () => {
  const to = randomAddress();
  const text = await cli('sign', '2', to, '777');
  const { nonce } = JSON.parse(text).paymentPayload.payload.authorization;
  assert.equal(await cli('state', treasury, nonce), 'unused');
  const file = join(temporaryDirectory(), 'body');
  writeFileSync(file, text);
  const tx = await cli('submit', file);
  assert.equal(await cli('state', treasury, nonce), 'used');
  assert.equal(await cli('balance', to), '777');
  assert.match(await cli('transfers', '-', to), new RegExp(`^\\d+ ${tx} .* 777$`));
  const paid = JSON.parse(await cli('payments')).at(-1);
  assert.deepEqual([paid.event, paid.nonce, paid.to, paid.value], ['used', nonce, to, '777']);
  const id = await cli('snapshot');
  await cli('mint', to, '3');
  await cli('blacklist', to);
  assert.equal(await cli('blacklisted', to), 'yes');
  await cli('mine', '2');
  assert.equal(await cli('balance', to), '780');
  await cli('revert', id);
  assert.equal(await cli('balance', to), '777');
  assert.equal(await cli('get', 'chainId'), '84532');
  assert.equal(JSON.parse(await cli('control', 'scripted', '{"mode":"pass"}')).mode, 'pass');
  await assert.rejects(cli('nosuch'), (e) => e.code === 2);
  await assert.rejects(cli('revert', '0x99'), (e) => e.code === 1);
});

test('both misbehaving servers also start alone, and end when stdin closes', async () => {
  const fake = await startCommand('facilitator-scripted.js', ['--mode', 'sleep', '--delay', '10',
    '--stdin']);
  const made = await makeBody(main, 1);
  assert.equal((await settle(fake.url, made)).json.transaction, `0x${sha256(made.text)}`);
  assert.equal((await request(`${fake.url}/supported`)).json.kinds.length, 5);
  const proxy = await startCommand('rpc-proxy.js', ['--upstream', main.rig.rpc, '--mode', 'lie-used',
    '--stdin']);
  const chain = new Chain(main.rig, proxy.url);
  assert.equal(await chain.authorizationState(treasury, randomNonce()), true);
  chain.close();
  for (const { child, exited } of [fake, proxy]) {
    child.stdin.end();
    assert.equal(await exited, 0);
  }
});

test('everything listens on 127.0.0.1 only', () => {
  for (const pid of pids) {
    const addresses = listeningAddresses(pid);
    assert.ok(addresses.length > 0);
    assert.deepEqual(addresses.filter((a) => a !== '0100007F'), []);
  }
});

test('options: chain 31337, own treasury and fund, block time, wrong name, verify first', async () => {
  const own = TEST_ACCOUNTS.poor;
  const r = await startRig(['--chain-id', '31337', '--treasury', own.address, '--fund', '12345',
    '--block-time', '1', '--token-name', 'Wrong', '--verify-first', '--stdin'], { stdin: 'pipe' });
  try {
    assert.equal(await balance(r.chain, own.address), 12345);
    assert.equal(r.rig.networkV1, null);
    assert.equal(r.rig.treasuryKey, undefined);
    const made = await makeBody(r, 2, { key: own.key });
    const early = (await settle(r.rig.facilitator, made)).json;
    assert.deepEqual(early, { success: false, network: 'unknown',
      errorReason: 'Payment must be verified before settlement' });
    assert.equal((await verify(r.rig.facilitator, made)).json.isValid, true);
    assert.equal((await settle(r.rig.facilitator, made)).json.success, true);
    const { number } = await r.chain.block();
    assert.ok(await until(async () => (await r.chain.block()).number > number));
    r.child.stdin.end();
    assert.equal(await r.exited, 0);
    assert.ok(!alive(r.rig.anvilPid));
  } finally {
    r.chain.close();
    await r.stop();
  }
});

test('a rig that is told to end while it starts leaves nothing', async () => {
  const dir = temporaryDirectory();
  for (const ms of [300, 500, 700, 900]) {
    const child = spawn(process.execPath, [script('rig.js'), '--dir', dir]);
    await sleep(ms);
    child.kill('SIGTERM');
    await new Promise((resolve) => { child.once('exit', resolve); });
    assert.throws(() => readFileSync(join(dir, 'rig.json')), /ENOENT/);
  }
  const commands = readdirSync('/proc').filter((f) => /^\d+$/.test(f) && alive(f)).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readlinkSync(`/proc/${pid}/fd/1`);
    } catch {
      return '';
    }
  });
  assert.deepEqual(commands.filter((c) => c.includes(dir)), []);
});

test('a rig ends completely: by SIGINT, when its parent dies, by SIGKILL, when anvil dies', async () => {
  const gone = ({ rig }) => until(() => !alive(rig.pid) && !alive(rig.anvilPid));
  const rest = await Promise.all([
    startRig(), startRig([], { through: ['sh', '-c', '"$@"; exit', 'sh'] }), startRig(), startRig(),
  ]);
  const [interrupted, orphaned, killed, chainless] = rest;
  assert.notEqual(orphaned.rig.pid, orphaned.child.pid);
  process.kill(interrupted.rig.pid, 'SIGINT');
  process.kill(orphaned.child.pid, 'SIGKILL');
  process.kill(killed.rig.pid, 'SIGKILL');
  process.kill(chainless.rig.anvilPid, 'SIGKILL');
  const results = await Promise.all(rest.map(gone));
  rest.forEach((r) => r.chain.close());
  assert.deepEqual(results, [true, true, true, true]);
  assert.equal(await interrupted.exited, 0);
  assert.equal(await chainless.exited, 1);
  assert.throws(() => readFileSync(interrupted.file), /ENOENT/);
});

test('at the end no process is left', async () => {
  await stopRigs();
  assert.ok(await until(() => !pids.some(alive)), pids.filter(alive).join());
});
