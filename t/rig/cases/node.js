// The node that fails, mode by mode.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { Chain, hex } from '../chain.js';
import { SELECTOR } from '../facts.js';
import { randomNonce } from '../payload.js';
import { makeBody, order, recorded, settle, until } from '../testing.js';
import { balance, main, treasury } from './fixture.js';

const { rpcProxy, facilitatorRpc } = main.rig;
const proxied = new Chain(main.rig, rpcProxy);
after(() => proxied.close());

async function fail(steps) {
  await order(rpcProxy, { reset: true });
  const posted = await order(rpcProxy, steps);
  assert.equal(posted.status, 200, posted.text);
}

test('pass: the proxy answers as the node and remembers methods', async () => {
  await fail({ mode: 'pass' });
  assert.equal(await proxied.balanceOf(treasury), await main.chain.balanceOf(treasury));
  const { counts, requests } = await recorded(rpcProxy);
  assert.deepEqual(counts, { eth_call: 1 });
  assert.equal(requests[0].params[0].to, main.rig.token);
});

test('batches are answered call by call', async () => {
  await fail({ mode: 'empty', methods: ['eth_call'] });
  const call = (id, method, params = []) => ({ jsonrpc: '2.0', id, method, params });
  const { json } = await order(rpcProxy.concat('/?'), [call(1, 'eth_chainId'),
    call(2, 'eth_call', [{ to: main.rig.token, data: SELECTOR.paused }, 'latest'])]);
  assert.deepEqual(json.map((a) => [a.id, a.result]), [[1, hex(84532)], [2, '0x']]);
});

test('down and refuse: no answer, then no listener, then all as before', async () => {
  await fail([{ mode: 'down', times: 1 }, { mode: 'refuse', times: 1, delayMs: 400 }]);
  await assert.rejects(proxied.block(), /socket hang up/);
  await assert.rejects(proxied.block());
  await assert.rejects(proxied.block(), /ECONNREFUSED/);
  assert.ok(await until(() => proxied.block().then(() => true, () => false)));
});

test('error: a JSON-RPC error, limited to methods', async () => {
  await fail({ mode: 'error', methods: ['eth_getLogs'], code: -32005, message: 'limit exceeded' });
  await assert.rejects(proxied.transferLogs(), (e) => e.rpc.code === -32005);
  assert.ok(await proxied.block());
});

test('empty: "0x" from eth_call, no logs, no receipt', async () => {
  await fail({ mode: 'empty' });
  assert.equal(await proxied.call(SELECTOR.paused), '0x');
  await assert.rejects(proxied.authorizationState(treasury, randomNonce()), /got 0x$/);
  assert.deepEqual(await proxied.transferLogs(), []);
  assert.equal(await proxied.block(), null);
});

test('lag: the chain as it was n blocks ago, under every name of a block', async () => {
  const { chain, rig } = main;
  const made = await makeBody(main, 2);
  await chain.mine(8);
  const tx = (await settle(rig.facilitator, made)).json.transaction;
  const [latest, finalized] = [await chain.block(), await chain.block('finalized')];
  await fail({ mode: 'lag', blocks: 3 });
  const state = (tag) => proxied.authorizationState(made.from, made.nonce, tag);
  assert.equal(await proxied.rpc('eth_blockNumber'), hex(latest.number - 3));
  assert.equal((await proxied.block()).number, latest.number - 3);
  assert.equal((await proxied.block('finalized')).number, finalized.number - 3);
  assert.equal(await proxied.block(latest.number), null);
  assert.equal(await state('latest'), false);
  assert.equal(await state('pending'), false);
  await assert.rejects(state(hex(latest.number)), /header not found/);
  assert.equal(await proxied.rpc('eth_getTransactionReceipt', [tx]), null);
  assert.equal(await proxied.rpc('eth_getBlockByHash', [latest.hash, false]), null);
  assert.deepEqual(await proxied.transferLogs({ to: made.to }), []);
  await chain.mine(3);
  assert.equal(await state('latest'), true);
  assert.equal((await proxied.rpc('eth_getTransactionReceipt', [tx])).transactionHash, tx);
  assert.equal((await proxied.transferLogs({ to: made.to })).length, 1);
});

test('lie-unused and lie-used: authorizationState says what isn\'t so, the rest is true', async () => {
  const made = await makeBody(main, 2);
  await settle(main.rig.facilitator, made);
  await fail({ mode: 'lie-unused' });
  assert.equal(await proxied.authorizationState(made.from, made.nonce), false);
  assert.equal(await balance(proxied, made.to), 10000);
  await fail({ mode: 'lie-used' });
  assert.equal(await proxied.authorizationState(made.from, randomNonce()), true);
});

test('slow: the answer comes after delayMs', async () => {
  await fail({ mode: 'slow', delayMs: 300, times: 1 });
  const since = Date.now();
  await proxied.block();
  assert.ok(Date.now() - since >= 300);
});

test('garbage and http: not JSON; another HTTP status', async () => {
  await fail([{ mode: 'garbage', times: 1 }, { mode: 'http', status: 503, times: 1 }]);
  await assert.rejects(proxied.block(), /HTTP 200, no JSON-RPC answer/);
  await assert.rejects(proxied.block(), /HTTP 503, no JSON-RPC answer/);
});

test('answer and selector: one call gets the test\'s own result', async () => {
  await fail({ mode: 'answer', selector: SELECTOR.paused, result: `0x${'1'.padStart(64, '0')}` });
  assert.equal(BigInt(await proxied.call(SELECTOR.paused)), 1n);
  assert.equal(await proxied.balanceOf(treasury), await main.chain.balanceOf(treasury));
  await fail({ mode: 'pass' });
});

test('lose-send: the facilitator reports a failure without a hash, and the money moved', async () => {
  const { chain, rig } = main;
  await order(facilitatorRpc, { mode: 'lose-send', times: 1 });
  const made = await makeBody(main, 2);
  const { status, json } = await settle(rig.facilitator, made);
  assert.equal(status, 200);
  assert.equal(json.errorReason, 'invalid_exact_evm_transaction_failed');
  assert.deepEqual([json.success, json.transaction], [false, '']);
  assert.ok(await until(async () => await balance(chain, made.to) === 10000));
  assert.equal((await settle(rig.facilitator, await makeBody(main, 2))).json.success, true);
});
