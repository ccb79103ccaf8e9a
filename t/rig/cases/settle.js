// The real facilitator on the real chain.
import assert from 'node:assert/strict';
import test from 'node:test';
import { hex } from '../chain.js';
import { CHAINS, SELECTOR, TEST_ACCOUNTS } from '../facts.js';
import { request } from '../http.js';
import { nowS } from '../payload.js';
import { makeBody, randomAddress, settle, until, verify } from '../testing.js';
import { balance, CHAIN_IDS, HASH, main, rigs, treasury } from './fixture.js';
import { VECTOR_SIGNATURE } from './token.js';

// v2 answers with codes; v1 bodies get codes from the checks, free text from the chain.
const REASON = {
  2: {
    again: /^invalid_exact_evm_nonce_already_used$/,
    insufficient: /^invalid_exact_evm_insufficient_balance$/,
    value: /^invalid_exact_evm_payload_authorization_value_mismatch$/,
    blacklisted: /^invalid_exact_evm_transaction_failed$/,
    paused: /^invalid_exact_evm_transaction_failed$/,
  },
  1: {
    again: /FiatTokenV2: authorization is used or canceled/,
    insufficient: /ERC20: transfer amount exceeds balance/,
    value: /^invalid_exact_evm_authorization_value$/,
    blacklisted: /Blacklistable: account is blacklisted/,
    paused: /Pausable: paused/,
  },
};

// name, what is signed and sent, the reason, what is done to the token around it
const REFUSALS = [
  ['an expired authorization', () => ({ validBefore: nowS() - 1 }),
    () => /^invalid_exact_evm_payload_authorization_valid_before$/],
  ['one that expires within 6 seconds', () => ({ validBefore: nowS() + 3 }),
    () => /^invalid_exact_evm_payload_authorization_valid_before$/],
  ['one that isn\'t valid yet', () => ({ validAfter: nowS() + 60 }),
    () => /^invalid_exact_evm_payload_authorization_valid_after$/],
  ['more than the treasury has', () => ({ key: TEST_ACCOUNTS.poor.key }),
    (v) => REASON[v].insufficient],
  ['somebody else\'s signature', () => ({}), () => /^invalid_exact_evm_signature$/,
    { spoil: (m) => { m.signed.signature = VECTOR_SIGNATURE[8453]; } }],
  ['a requirement with another recipient', () => ({ payTo: randomAddress() }),
    () => /^invalid_exact_evm_recipient_mismatch$/],
  ['a requirement of more than is signed', () => ({ amount: 10001 }), (v) => REASON[v].value],
  ['a requirement of less than is signed', () => ({ amount: 9999 }), (v) => REASON[v].value],
  ['a blacklisted payee', () => ({}), (v) => REASON[v].blacklisted,
    { before: (chain, m) => chain.blacklist(m.to) }],
  ['a paused token', () => ({}), (v) => REASON[v].paused,
    { before: (chain) => chain.pause(), then: (chain) => chain.unpause() }],
];

for (const id of CHAIN_IDS) {
  const { rig, chain } = rigs[id];
  for (const version of [2, 1]) {
    const where = `(v${version}, chain ${id})`;
    const network = version === 2 ? CHAINS[id].network : CHAINS[id].networkV1;

    test(`the facilitator settles a payout, and refuses to settle it again ${where}`, async () => {
      const made = await makeBody(rigs[id], version);
      const { status, json } = await settle(rig.facilitator, made);
      assert.equal(status, 200);
      assert.match(json.transaction, HASH);
      assert.deepEqual(json, { success: true, transaction: json.transaction, network,
        payer: treasury });
      assert.equal(await balance(chain, made.to), 10000);
      const entry = (await chain.payments()).find((p) => p.nonce === made.nonce);
      assert.deepEqual([entry.tx, entry.to, entry.value], [json.transaction, made.to, '10000']);

      const again = await settle(rig.facilitator, made);
      assert.equal(again.status, 200);
      assert.equal(again.json.success, false);
      assert.equal(again.json.transaction, '');
      assert.match(again.json.errorReason, REASON[version].again);
      assert.equal(await balance(chain, made.to), 10000);
    });

    for (const [what, fields, reason, { spoil, before, then } = {}] of REFUSALS) {
      test(`the facilitator refuses ${what} and moves nothing ${where}`, async () => {
        const made = await makeBody(rigs[id], version, fields());
        spoil?.(made);
        made.text = JSON.stringify(made.body);
        await before?.(chain, made);
        const { status, json } = await settle(rig.facilitator, made);
        await then?.(chain, made);
        assert.equal(status, 200);
        assert.equal(json.success, false);
        assert.equal(json.transaction, '');
        assert.equal(json.network, network);
        assert.match(json.errorReason, reason(version));
        assert.equal(await chain.authorizationState(made.from, made.nonce), false);
        assert.equal(await balance(chain, made.to), 0);
      });
    }
  }

  test(`one that is refused holds up none that comes with it (chain ${id})`, async () => {
    const used = await makeBody(rigs[id], 2);
    assert.equal((await settle(rig.facilitator, used)).json.success, true);
    const others = await Promise.all([1, 2, 3].map(() => makeBody(rigs[id], 2)));
    const answers = await Promise.all([used, ...others].map((m) => settle(rig.facilitator, m)));
    assert.deepEqual(answers.map((a) => a.json.success), [false, true, true, true]);
  });

  test(`an authorization with 8 seconds left is settled (chain ${id})`, async () => {
    const made = await makeBody(rigs[id], 2, { validBefore: nowS() + 8 });
    assert.equal((await settle(rig.facilitator, made)).json.success, true);
  });

  test(`/verify tells why, with Multicall3 in its place (chain ${id})`, async () => {
    const good = await verify(rig.facilitator, await makeBody(rigs[id], 2));
    assert.deepEqual(good.json, { isValid: true, payer: treasury });
    const poor = await makeBody(rigs[id], 2, { key: TEST_ACCOUNTS.poor.key });
    const bad = await verify(rig.facilitator, poor);
    assert.equal(bad.json.invalidReason, 'invalid_exact_evm_insufficient_balance');
  });
}

test('/supported names both versions; a body without its parts is a 400; another chain is a 500', async () => {
  const { facilitator } = main.rig;
  const { kinds } = (await request(`${facilitator}/supported`)).json;
  assert.deepEqual(kinds.map((k) => `${k.x402Version} ${k.network}`),
    ['2 eip155:84532', '1 base-sepolia']);
  assert.equal((await settle(facilitator, { text: '{}' })).status, 400);
  assert.equal((await settle(facilitator, { text: 'nonsense' })).status, 400);
  const foreign = await makeBody(rigs[8453], 2);
  const answer = await settle(facilitator, foreign);
  assert.equal(answer.status, 500);
  assert.match(answer.json.error, /^No facilitator registered for scheme: exact and network/);
});

test('twenty payouts at once are all settled: viem\'s nonceManager is in place', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => makeBody(main, 2)));
  const answers = await Promise.all(all.map((made) => settle(main.rig.facilitator, made)));
  assert.deepEqual(answers.map((a) => a.json.success), all.map(() => true));
});

test('a receipt that doesn\'t come is settlement_pending; the same bytes later succeed with the same hash', async () => {
  const { chain, rig } = main;
  const made = await makeBody(main, 2);
  await chain.setAutomine(false);
  const first = (await settle(rig.facilitator, made)).json;
  await chain.mine(1);
  await chain.setAutomine(true);
  assert.equal(first.success, false);
  assert.equal(first.errorReason, 'settlement_pending');
  assert.match(first.transaction, HASH);
  const second = (await settle(rig.facilitator, made)).json;
  assert.equal(second.success, true);
  assert.equal(second.transaction, first.transaction);
  assert.equal(await balance(chain, made.to), 10000);
});

test('after a reorganisation the nonce is unused again and the same bytes settle once more', async () => {
  const { chain, rig } = main;
  const made = await makeBody(main, 2);
  const id = await chain.snapshot();
  const before = (await settle(rig.facilitator, made)).json;
  assert.equal(before.success, true);
  await chain.revert(id);
  assert.equal(await chain.authorizationState(made.from, made.nonce), false);
  assert.equal(await chain.rpc('eth_getTransactionReceipt', [before.transaction]), null);
  const later = (await settle(rig.facilitator, made)).json;
  assert.equal(later.success, true);
  assert.equal(await balance(chain, made.to), 10000);
});

test('a transaction that reverts on the chain leaves the authorization to be settled later', async () => {
  const { chain, rig } = main;
  const made = await makeBody(main, 2);
  await chain.setAutomine(false);
  const pending = settle(rig.facilitator, made);
  await until(async () => (await chain.rpc('txpool_status')).pending !== '0x0');
  // Before it in the block, because it pays more: the payee is blacklisted.
  const gasPrice = hex(100n * BigInt(await chain.rpc('eth_gasPrice')));
  await chain.rpc('eth_sendTransaction', [{ from: TEST_ACCOUNTS.admin.address, gasPrice,
    to: rig.token, data: SELECTOR.blacklist + made.to.slice(2).padStart(64, '0') }]);
  await chain.mine(1);
  await chain.setAutomine(true);
  const { json } = await pending;
  assert.equal(json.errorReason, 'invalid_exact_evm_transaction_failed');
  assert.match(json.transaction, HASH);
  assert.equal(await chain.authorizationState(made.from, made.nonce), false);
  await chain.unBlacklist(made.to);
  assert.equal((await settle(rig.facilitator, made)).json.success, true);
});

test('safe is 2 and finalized 4 blocks behind latest; time travels', async () => {
  const { chain } = rigs[8453];
  await chain.mine(5);
  const [latest, safe, finalized] = await Promise.all(['latest', 'safe', 'finalized']
    .map((tag) => chain.block(tag)));
  assert.equal(latest.number - safe.number, 2);
  assert.equal(latest.number - finalized.number, 4);
  const id = await chain.snapshot();
  await chain.increaseTime(1000);
  assert.ok((await chain.block()).timestamp >= latest.timestamp + 1000);
  await chain.revert(id);
});
