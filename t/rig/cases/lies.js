// The facilitator that lies, mode by mode.
import assert from 'node:assert/strict';
import test from 'node:test';
import { sha256 } from '../control.js';
import { request } from '../http.js';
import { makeBody, order, recorded, settle, until } from '../testing.js';
import { balance, HASH, main } from './fixture.js';

const { scripted } = main.rig;

// One scripted settlement: what came back, and what the chain says of it.
async function lie(steps, version = 2) {
  const { chain } = main;
  await order(scripted, { reset: true });
  const posted = await order(scripted, steps);
  assert.equal(posted.status, 200, posted.text);
  const made = await makeBody(main, version);
  const answer = await settle(scripted, made).catch((error) => ({ error }));
  const moved = await balance(chain, made.to);
  return { made, answer, json: answer.json, moved, chain };
}

test('pass: the scripted facilitator answers as the real one and keeps bytes, hash and headers', async () => {
  const { json, moved, made } = await lie({ mode: 'pass' });
  assert.equal(json.success, true);
  assert.equal(moved, 10000);
  const { count, counts, requests } = await recorded(scripted);
  assert.equal(count, 1);
  assert.deepEqual(counts, { '/settle': 1 });
  assert.equal(requests[0].body, made.text);
  assert.equal(requests[0].sha256, sha256(made.text));
  assert.equal(requests[0].headers['content-type'], 'application/json');
  assert.match(requests[0].connection, /^\d+$/);
  assert.equal((await request(`${scripted}/supported`)).json.kinds.length, 2);
});

test('times: a mode ends after n requests, the next scripted one follows, then the standing one', async () => {
  await order(scripted, { reset: true });
  await order(scripted, { mode: 'insufficient' });
  await order(scripted, [{ mode: 'http429', times: 2 }, { mode: 'nonsense', times: 1 }]);
  const made = await makeBody(main, 2);
  const statuses = [];
  for (let i = 0; i < 4; i++)
    statuses.push((await settle(scripted, made)).status);
  assert.deepEqual(statuses, [429, 429, 200, 200]);
  const { requests } = await recorded(scripted);
  assert.deepEqual(requests.map((r) => r.mode), ['http429', 'http429', 'nonsense', 'insufficient']);
});

test('an unknown mode or parameter is refused and changes nothing', async () => {
  await order(scripted, { reset: true });
  for (const bad of [{ mode: 'nosuch' }, { mode: 'pass', time: 1 }, { mode: 'pass', times: 0 }, 'x',
    [{ mode: 'nonsense', times: 1 }, { mode: 'nosuch' }]])
    assert.equal((await order(scripted, bad)).status, 400);
  const { mode, script: steps } = await recorded(scripted);
  assert.deepEqual([mode, steps], ['pass', []]);
});

test('success-without-transfer: a hash that the chain doesn\'t know, nothing moved', async () => {
  const { json, moved, chain } = await lie({ mode: 'success-without-transfer' });
  assert.equal(json.success, true);
  assert.match(json.transaction, HASH);
  assert.equal(await chain.rpc('eth_getTransactionByHash', [json.transaction]), null);
  assert.equal(moved, 0);
});

test('success-without-hash: success:true and an empty hash', async () => {
  const { json, moved } = await lie({ mode: 'success-without-hash' });
  assert.deepEqual([json.success, json.transaction, moved], [true, '', 0]);
});

test('failure-with-transfer: success:false without a hash, and the money moved', async () => {
  for (const version of [2, 1]) {
    const { answer, json, moved } = await lie({ mode: 'failure-with-transfer' }, version);
    assert.equal(answer.status, 200);
    assert.equal(json.errorReason, 'invalid_exact_evm_transaction_failed');
    assert.deepEqual([json.success, json.transaction, moved], [false, '', 10000]);
  }
});

test('http500-with-hash: HTTP 500 with the hash of the true transfer', async () => {
  const { answer, json, moved, chain, made } = await lie({ mode: 'http500-with-hash' });
  assert.equal(answer.status, 500);
  assert.equal(json.errorReason, 'settlement_pending');
  const entry = (await chain.payments()).find((p) => p.nonce === made.nonce);
  assert.deepEqual([json.transaction, moved], [entry.tx, 10000]);
});

test('stranger-hash: the mined hash of an unrelated transaction', async () => {
  const { json, moved, chain } = await lie({ mode: 'stranger-hash' });
  const receipt = await chain.rpc('eth_getTransactionReceipt', [json.transaction]);
  assert.deepEqual([json.success, receipt.status, receipt.logs.length, moved], [true, '0x1', 0, 0]);
  const hash = `0x${'ab'.repeat(32)}`;
  assert.equal((await lie({ mode: 'stranger-hash', hash })).json.transaction, hash);
});

test('wrong-network: all true but for the network, in the spelling of the version', async () => {
  const v2 = await lie({ mode: 'wrong-network' });
  assert.deepEqual([v2.json.success, v2.json.network, v2.moved], [true, 'eip155:8453', 10000]);
  const v1 = await lie({ mode: 'wrong-network', transfer: false }, 1);
  assert.deepEqual([v1.json.success, v1.json.network, v1.moved], [true, 'base', 0]);
});

test('no-answer: the connection closes after the request; "transfer" moves the money all the same', async () => {
  const without = await lie({ mode: 'no-answer' });
  assert.match(without.answer.error.message, /socket hang up/);
  assert.equal(without.moved, 0);
  const { requests } = await recorded(scripted);
  assert.equal(requests[0].body, without.made.text);
  const moving = await lie({ mode: 'no-answer', transfer: true });
  assert.ok(moving.answer.error);
  assert.equal(moving.moved, 10000);
});

test('hang: the money moves at once, the answer comes after delayMs', async () => {
  const since = Date.now();
  const { json, moved } = await lie({ mode: 'hang', delayMs: 700 });
  assert.ok(Date.now() - since >= 700);
  assert.deepEqual([json.success, moved], [true, 10000]);
});

test('half-answer: fewer bytes than announced', async () => {
  const { answer, moved } = await lie({ mode: 'half-answer' });
  assert.match(answer.error.message, /aborted|broke off/);
  assert.equal(moved, 10000);
});

test('huge: 50 MB of JSON', async () => {
  const { answer, json, moved } = await lie({ mode: 'huge' });
  assert.equal(answer.text.length, 50e6);
  assert.deepEqual([json.success, moved], [true, 10000]);
});

test('nonsense: HTML with HTTP 200', async () => {
  const { answer, json, moved } = await lie({ mode: 'nonsense' });
  assert.deepEqual([answer.status, json, moved], [200, undefined, 0]);
});

test('redirect: 307 to another host, where who follows is counted', async () => {
  const { answer, made, moved } = await lie({ mode: 'redirect' });
  assert.equal(answer.status, 307);
  const { location } = answer.headers;
  assert.match(location, /^http:\/\/localhost:\d+\/settle$/);
  assert.equal((await recorded(scripted)).trapped, 0);
  await settle(location.replace('localhost', '127.0.0.1').replace('/settle', ''), made);
  assert.equal((await recorded(scripted)).trapped, 1);
  assert.equal(moved, 0);
});

test('redirect-same: 308 to the very same address', async () => {
  const { answer, moved } = await lie({ mode: 'redirect-same' });
  assert.deepEqual([answer.status, answer.headers.location, moved], [308, `${scripted}/settle`, 0]);
});

test('http429: Retry-After in seconds', async () => {
  const { answer, moved } = await lie({ mode: 'http429', retryAfter: 7 });
  assert.deepEqual([answer.status, answer.headers['retry-after'], moved], [429, '7', 0]);
});

test('deliver-twice: the same bytes twice at once pay once', async () => {
  const { moved } = await lie({ mode: 'deliver-twice' });
  assert.equal(moved, 10000);
  assert.ok(await until(async () => (await recorded(scripted)).requests[0].upstreamBoth));
  const { upstreamBoth } = (await recorded(scripted)).requests[0];
  const successes = upstreamBoth.filter((text) => JSON.parse(text).success);
  assert.equal(successes.length, 1, upstreamBoth.join('\n'));
});

test('pending: settlement_pending with the hash of the transfer', async () => {
  const { answer, json, moved, chain } = await lie({ mode: 'pending' });
  assert.equal(answer.status, 200);
  assert.deepEqual([json.success, json.errorReason, moved], [false, 'settlement_pending', 10000]);
  const receipt = await chain.rpc('eth_getTransactionReceipt', [json.transaction]);
  assert.equal(receipt.status, '0x1');
});

test('drop-before: the connection is reset and the body never read', async () => {
  const { answer, moved } = await lie({ mode: 'drop-before' });
  assert.ok(['ECONNRESET', 'EPIPE'].includes(answer.error.code), String(answer.error));
  assert.equal(moved, 0);
  assert.equal((await recorded(scripted)).requests[0].body, null);
});

test('bad-request-v1: 400 "Invalid request", and the money moved', async () => {
  const { answer, json, moved } = await lie({ mode: 'bad-request-v1' }, 1);
  assert.deepEqual([answer.status, json, moved], [400, { error: 'Invalid request' }, 10000]);
});

test('insufficient: insufficient_funds, nothing moved', async () => {
  const { json, moved } = await lie({ mode: 'insufficient' });
  assert.deepEqual([json.success, json.errorReason, moved], [false, 'insufficient_funds', 0]);
});

test('sleep: success after the delay, the same hash for the same bytes', async () => {
  const since = Date.now();
  const { json, made, moved } = await lie({ mode: 'sleep', delayMs: 150 });
  assert.ok(Date.now() - since >= 150);
  assert.deepEqual([json.success, json.transaction, moved], [true, `0x${sha256(made.text)}`, 0]);
});

test('answer: any status and body, also with the transfer made', async () => {
  const { answer, json, moved } = await lie({ mode: 'answer', status: 412, transfer: true,
    body: { success: false, errorReason: 'permit2_allowance_required' } });
  assert.equal(answer.status, 412);
  assert.deepEqual([json.errorReason, moved], ['permit2_allowance_required', 10000]);
});

test('paths: other requests than /settle can be scripted, under any base path', async () => {
  await order(scripted, { reset: true });
  await order(scripted, { mode: 'nonsense', paths: ['/supported'] });
  assert.equal((await request(`${scripted}/platform/v2/x402/supported`)).json, undefined);
  const made = await makeBody(main, 2);
  assert.equal((await settle(`${scripted}/platform/v2/x402`, made)).json.success, true);
  await order(scripted, { reset: true });
});
