// The node that asserts what isn't so, and the one with limits, mode by mode.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { Chain, hex, word } from '../chain.js';
import { SELECTOR, TOPIC } from '../facts.js';
import { postJson } from '../http.js';
import { randomNonce } from '../payload.js';
import { makeBody, order, randomAddress, recorded, settle, until } from '../testing.js';
import { HASH, main, treasury } from './fixture.js';

const { chain, rig } = main;
const [, url, other] = rig.nodes;
const lying = new Chain(rig, url);
const second = new Chain(rig, other);
after(() => { lying.close(); second.close(); });

async function tell(step, at = url) {
  await order(at, { reset: true });
  const posted = await order(at, step);
  assert.equal(posted.status, 200, posted.text);
}

const paidIn = async (c, nonce) => (await c.payments()).find((p) => p.nonce === nonce);
const receipt = (c, tx) => c.rpc('eth_getTransactionReceipt', [tx]);
const pay = async () => {
  const made = await makeBody(main, 2);
  return { ...made, tx: (await settle(rig.facilitator, made)).json.transaction };
};

test('an invented use has state, log, Transfer, receipt and block, which fit each other', async () => {
  const [nonce, to] = [randomNonce(), randomAddress()];
  await tell({ mode: 'invent', uses: [{ nonce, from: treasury, to, value: 777 }] });
  const told = await paidIn(lying, nonce);
  assert.deepEqual([told.event, told.to, told.value], ['used', to, '777']);
  assert.equal(await lying.authorizationState(treasury, nonce), true);
  assert.equal(await lying.authorizationState(treasury, nonce, hex(told.block)), true);
  assert.equal(await lying.authorizationState(treasury, nonce, hex(told.block - 1)), false);
  assert.equal(await lying.authorizationState(treasury, nonce, { blockHash: told.blockHash }), true);
  assert.equal((await lying.block(told.block)).hash, told.blockHash);
  const proof = await receipt(lying, told.tx);
  assert.deepEqual([proof.status, proof.blockHash, proof.logs.length], ['0x1', told.blockHash, 2]);
  assert.deepEqual(proof.logs.map((log) => log.topics[0]), [TOPIC.AuthorizationUsed, TOPIC.Transfer]);
  assert.equal((await lying.transferLogs({ to })).length, 1);
  await chain.mine(3);
  assert.deepEqual(await paidIn(lying, nonce), told);
  assert.equal(await paidIn(chain, nonce), undefined);
  assert.equal(await chain.authorizationState(treasury, nonce), false);
});

test('logs by payer, payee, range and block hash show the invented ones where they belong', async () => {
  const [nonce, to] = [randomNonce(), randomAddress()];
  await tell({ mode: 'invent', uses: [{ nonce, from: treasury, to, value: 5, block: 'final' }] });
  const { block, blockHash } = await paidIn(lying, nonce);
  assert.equal(block, (await chain.block('finalized')).number);
  const of = (filter) => lying.rpc('eth_getLogs', [{ address: rig.token, ...filter }]);
  const mine = (logs) => logs.filter((log) => log.data === `0x${'5'.padStart(64, '0')}`).length;
  assert.equal(mine(await of({ blockHash })), 1);
  assert.equal(mine(await of({ fromBlock: hex(block), toBlock: hex(block) })), 1);
  assert.equal(mine(await of({ fromBlock: hex(block + 1), toBlock: 'latest' })), 0);
  assert.equal(mine(await of({ fromBlock: '0x0', toBlock: 'latest', topics: [TOPIC.AuthorizationCanceled] })), 0);
});

test('any: each authorization that it is asked about was used, and it stays with that', async () => {
  await tell({ mode: 'invent', uses: [{ nonce: 'any', value: 9 }] });
  const nonce = randomNonce();
  assert.equal(await lying.authorizationState(treasury, nonce), true);
  const told = await paidIn(lying, nonce);
  assert.equal(told.value, '9');
  await chain.mine(1);
  assert.deepEqual(await paidIn(lying, nonce), told);
});

test('asked: a transfer that it was asked to try was carried out as it asks, others are unused', async () => {
  await tell({ mode: 'invent', uses: [{ nonce: 'any', asked: true }] });
  const [nonce, to] = [randomNonce(), randomAddress()];
  assert.equal(await lying.authorizationState(treasury, nonce), false);
  const words = [treasury, to, 4321, 0, 1, nonce, 27, 1, 1].map(word).join('');
  await postJson(url, { jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ to: rig.token,
    data: SELECTOR.transferWithAuthorization + words }, 'latest'] });
  assert.equal(await lying.authorizationState(treasury, nonce), true);
  const told = await paidIn(lying, nonce);
  assert.deepEqual([told.value, told.to.toLowerCase()], ['4321', to.toLowerCase()]);
});

test('asked: what it tried unsigned was carried out under the next nonce that it hears of', async () => {
  await tell({ mode: 'invent', uses: [{ nonce: 'any', asked: true }] });
  const [nonce, to] = [randomNonce(), randomAddress()];
  await postJson(url, { jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ from: treasury,
    to: rig.token, data: SELECTOR.transfer + [to, 77].map(word).join('') }, 'latest'] });
  assert.equal(await lying.authorizationState(treasury, nonce), true);
  const told = await paidIn(lying, nonce);
  assert.deepEqual([told.value, told.to.toLowerCase()], ['77', to.toLowerCase()]);
  assert.equal(await lying.authorizationState(treasury, randomNonce()), false);
});

test('what was really paid is told with another amount, payee or transaction', async () => {
  for (const version of [1, 2]) {
    const made = await makeBody(main, version);
    const { transaction } = (await settle(rig.facilitator, made)).json;
    const to = randomAddress();
    await tell({ mode: 'invent', uses: [{ nonce: 'any', real: true, value: 1, to }] });
    const told = await paidIn(lying, made.nonce);
    assert.deepEqual([told.value, told.to, told.tx], ['1', to, transaction]);
    assert.equal((await receipt(lying, transaction)).logs.length, 2);
    assert.equal(await lying.authorizationState(treasury, randomNonce()), false);
    await tell({ mode: 'invent', uses: [{ nonce: made.nonce, tx: `0x${'7'.repeat(64)}` }] });
    assert.equal((await paidIn(lying, made.nonce)).tx, `0x${'7'.repeat(64)}`);
    assert.equal((await paidIn(lying, made.nonce)).value, '10000');
    assert.equal(await receipt(lying, transaction), null);
    assert.equal((await receipt(lying, `0x${'7'.repeat(64)}`)).logs.length, 2);
  }
});

test('a receipt may name another block than the one at its number', async () => {
  const made = await pay();
  const blockHash = `0x${'8'.repeat(64)}`;
  await tell({ mode: 'invent', uses: [{ nonce: made.nonce, blockHash }] });
  const told = await receipt(lying, made.tx);
  assert.equal(told.blockHash, blockHash);
  assert.notEqual((await lying.block(Number(told.blockNumber))).hash, blockHash);
});

test('deny: what was paid never was, in state, logs and receipt; the rest is true', async () => {
  const [made, kept] = [await pay(), await pay()];
  await tell({ mode: 'invent', deny: [made.nonce] });
  assert.equal(await lying.authorizationState(treasury, made.nonce), false);
  assert.equal(await paidIn(lying, made.nonce), undefined);
  assert.equal(await receipt(lying, made.tx), null);
  assert.deepEqual(await lying.transferLogs({ to: made.to }), []);
  assert.equal((await paidIn(lying, kept.nonce)).tx, kept.tx);
  await tell({ mode: 'invent', deny: 'all' });
  assert.equal(await lying.authorizationState(treasury, kept.nonce), false);
  assert.deepEqual(await lying.payments(), []);
});

test('canceled: what was used or wasn\'t, was canceled', async () => {
  const made = await pay();
  await tell({ mode: 'invent', uses: [{ nonce: made.nonce, canceled: true }] });
  assert.equal((await paidIn(lying, made.nonce)).event, 'canceled');
  assert.equal(await lying.authorizationState(treasury, made.nonce), true);
  assert.deepEqual(await lying.transferLogs({ to: made.to }), []);
});

test('parts of a story may be missing: log, Transfer, receipt, state', async () => {
  const nonce = randomNonce();
  const use = { nonce, from: treasury };
  await tell({ mode: 'invent', uses: [{ ...use, receipt: false, state: false }] });
  const { tx } = await paidIn(lying, nonce);
  assert.match(tx, HASH);
  assert.equal(await receipt(lying, tx), null);
  assert.equal(await lying.authorizationState(treasury, nonce), false);
  await tell({ mode: 'invent', uses: [{ ...use, log: false, transfer: false }] });
  assert.equal(await paidIn(lying, nonce), undefined);
  assert.equal((await receipt(lying, tx)).logs.length, 1);
});

test('head, final and time: blocks after the real ones, final at once, in another year', async () => {
  await tell({ mode: 'invent', head: 10, final: 'head' });
  const head = (await chain.block()).number;
  const invented = await lying.block();
  assert.equal(invented.number, head + 10);
  assert.deepEqual(await lying.block('finalized'), invented);
  assert.deepEqual(await lying.block(head + 10), invented);
  assert.equal((await lying.rpc('eth_getBlockByHash', [invented.hash, false])).number, hex(head + 10));
  assert.equal(await lying.balanceOf(treasury, hex(head + 9)), await chain.balanceOf(treasury));
  assert.equal(await lying.block(head + 11), null);
  assert.equal((await lying.block(head)).hash, (await chain.block()).hash);
  await tell({ mode: 'invent', final: 2 });
  assert.equal((await lying.block('finalized')).number, (await chain.block('finalized')).number + 2);
  await tell({ mode: 'invent', head: -3, time: '9223372036854775807' });
  const past = await lying.rpc('eth_getBlockByNumber', ['latest', false]);
  assert.deepEqual([Number(past.number), past.timestamp], [head - 3, '0x7fffffffffffffff']);
  await tell({ mode: 'invent', time: '+3600', timeFrom: head });
  assert.equal((await lying.block()).timestamp, (await chain.block()).timestamp + 3600);
  assert.equal((await lying.block(1)).timestamp, (await chain.block(1)).timestamp);
  await tell({ mode: 'invent', chainId: 1 });
  assert.equal(await lying.rpc('eth_chainId'), '0x1');
});

test('a use in an invented block that is final at once', async () => {
  const nonce = randomNonce();
  await tell({ mode: 'invent', head: 5, final: 'head', uses: [{ nonce, from: treasury, block: 'head' }] });
  const told = await paidIn(lying, nonce);
  assert.ok(told.block > (await chain.block()).number);
  assert.equal((await lying.block(told.block)).hash, told.blockHash);
  assert.equal(await lying.authorizationState(treasury, nonce, 'finalized'), true);
});

test('stand: what came after its first answer doesn\'t exist for it', async () => {
  await tell({ mode: 'stand' });
  const stands = await lying.block();
  const made = await pay();
  await chain.mine(5);
  assert.deepEqual(await lying.block(), stands);
  assert.equal(await lying.authorizationState(treasury, made.nonce), false);
  assert.equal(await receipt(lying, made.tx), null);
  assert.equal(await paidIn(lying, made.nonce), undefined);
});

test('other-id: the answer is to another call', async () => {
  await tell({ mode: 'other-id' });
  const reply = await postJson(url, { jsonrpc: '2.0', id: 5, method: 'eth_chainId', params: [] });
  assert.deepEqual(reply.json, { jsonrpc: '2.0', id: 6, result: hex(84532) });
});

test('limit: spans of blocks are refused in each provider\'s way, shorter ones answered', async () => {
  const codes = { alchemy: -32602, infura: -32005, quicknode: -32614, geth: -32000 };
  for (const [how, code] of Object.entries(codes)) {
    await tell({ mode: 'limit', span: 5, how });
    await assert.rejects(lying.payments(), (e) => e.rpc.code === code);
    assert.ok(Array.isArray(await lying.payments({ fromBlock: '0x1', toBlock: '0x5' })));
    assert.ok(await lying.block());
  }
  for (const how of ['http413', 'http503', 'http504', 'closed']) {
    await tell({ mode: 'limit', span: 5, how });
    await assert.rejects(lying.payments(), how === 'closed' ? /socket/ : /no JSON-RPC answer/);
    assert.ok(Array.isArray(await lying.payments({ fromBlock: '0x1', toBlock: '0x5' })));
  }
  assert.equal((await order(url, { mode: 'limit', how: 'nosuch' })).status, 400);
});

test('limit: calls that come too fast are refused in each provider\'s way', async () => {
  for (const [how, status, code] of [['http429', 429], ['infura-rate', 200, -32005],
    ['quicknode-rate', 200, -32007], ['ankr-rate', 200, -32029], ['base-rate', 429, -32016]]) {
    await tell({ mode: 'limit', how, times: 1 });
    const ask = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] };
    const reply = await postJson(url, ask);
    assert.deepEqual([reply.status, reply.json?.error?.code], [status, code]);
    assert.equal((await postJson(url, ask)).json.result, hex(84532));
  }
});

test('limit: an answer of many bytes is true all the same; silent is no answer', async () => {
  await tell({ mode: 'limit', how: 'large', methods: ['eth_chainId'] });
  const reply = await postJson(url, { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
  assert.ok(reply.text.length > 2 * 1024 * 1024);
  assert.equal(reply.json.result, hex(84532));
  await tell({ mode: 'limit', how: 'silent', times: 1 });
  let answered = false;
  lying.block().then(() => { answered = true; }, () => {});
  assert.ok(await until(async () => (await recorded(url)).count === 1));
  assert.ok(await lying.block());
  assert.equal(answered, false);
});

test('each node lies for itself', async () => {
  await tell({ mode: 'invent', chainId: 7 });
  await tell({ mode: 'pass' }, other);
  assert.equal(await lying.rpc('eth_chainId'), '0x7');
  assert.equal(await second.rpc('eth_chainId'), hex(84532));
  assert.ok(await second.call(SELECTOR.paused));
  await tell({ mode: 'pass' });
});
