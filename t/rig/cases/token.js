// The token: what FiatTokenV2_2 would do.
import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeFunctionData, parseAbi, toEventSelector } from 'viem';
import { CHAINS, MULTICALL3, SELECTOR, TEST_ACCOUNTS, TOPIC } from '../facts.js';
import { domainOf, nowS, randomNonce, signAuthorization } from '../payload.js';
import { makeBody, settle } from '../testing.js';
import { compileToken } from '../token.js';
import { balance, CHAIN_IDS, main, rigs, treasury } from './fixture.js';

// Deterministic (RFC 6979), low s (EIP-2): any signer must come to these bytes.
const VECTOR = {
  key: '0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318', // TEST KEY, public
  to: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
  value: 10000,
  validBefore: 1740672154,
  nonce: '0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480',
};
export const VECTOR_SIGNATURE = {
  8453: '0x8b3ea38020fe55009b5d97891357fdd009735dba3b7c70cc0e8b91e9e5a2132d'
    + '0ace012b5e77e20a57659c2ba284bb68834ff314330971ea749b079ff651a2fb1b',
  84532: '0xff0183b601b73bccc3177825c627793d9a11f241eb8f040f558a15b9474e44bb'
    + '4376fc4e9485a1531d93487386a5da98219bfc94e987c5cb1907c7502bb849521b',
};

for (const id of CHAIN_IDS) {
  test(`the token on chain ${id} has production's address, name and DOMAIN_SEPARATOR`, async () => {
    const { rig, chain } = rigs[id];
    assert.equal(rig.token, CHAINS[id].token);
    assert.equal(rig.tokenName, CHAINS[id].tokenName);
    assert.equal(await chain.call(SELECTOR.DOMAIN_SEPARATOR), CHAINS[id].domainSeparator);
    assert.equal(rig.domainSeparator, CHAINS[id].domainSeparator);
    assert.equal(await chain.call(SELECTOR.DOMAIN_SEPARATOR, [], 'finalized'), rig.domainSeparator);
  });

  test(`a payout for chain ${id} is signed as in the test vector`, async () => {
    const { signature } = await signAuthorization({ ...VECTOR, domain: domainOf({ chainId: id }) });
    assert.equal(signature, VECTOR_SIGNATURE[id]);
  });
}

test('selectors and topics written in facts.js are those of the compiled token', () => {
  const { selectors } = compileToken();
  const known = new Set(Object.values(selectors));
  for (const [name, selector] of Object.entries(SELECTOR)) {
    assert.ok(known.has(selector.slice(2)), name);
    assert.ok(Object.entries(selectors).some(([signature, value]) =>
      value === selector.slice(2) && signature.startsWith(`${name}(`)), name);
  }
  const events = {
    Transfer: 'Transfer(address,address,uint256)',
    AuthorizationUsed: 'AuthorizationUsed(address,bytes32)',
    AuthorizationCanceled: 'AuthorizationCanceled(address,bytes32)',
  };
  for (const [name, signature] of Object.entries(events))
    assert.equal(toEventSelector(signature), TOPIC[name]);
});

test('the token gets its name once', async () => {
  const { abi } = compileToken();
  const data = encodeFunctionData({ abi, functionName: 'initialize', args: ['Another'] });
  await assert.rejects(main.chain.rpc('eth_call', [{ to: main.rig.token, data }]),
    /TestUSDC: already initialized/);
});

// The calldata of transferWithAuthorization: v, r, s or, with `bytes`, the other overload.
function calldata({ signature, authorization: a }, { bytes = false } = {}) {
  const head = [a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce];
  const types = 'address,address,uint256,uint256,uint256,bytes32';
  const args = bytes ? [...head, signature] : [...head, Number(`0x${signature.slice(130)}`),
    signature.slice(0, 66), `0x${signature.slice(66, 130)}`];
  return encodeFunctionData({
    abi: parseAbi([`function transferWithAuthorization(${types},${bytes ? 'bytes'
      : 'uint8,bytes32,bytes32'})`]),
    args,
  });
}

const dryRun = (signed, options) =>
  main.chain.rpc('eth_call', [{ to: main.rig.token, data: calldata(signed, options) }]);

const changed = (signed, signature) => ({ ...signed, signature });

test('the token checks in FiatTokenV2_2\'s order and answers with its strings', async () => {
  const { chain } = main;
  const poor = TEST_ACCOUNTS.poor;
  // Everything that can be wrong is wrong; then one cause after the other is taken away.
  const bad = { key: poor.key, validAfter: nowS() + 1000, validBefore: 1, value: 5 };
  const make = (fields) => makeBody(main, 2, { ...bad, ...fields });
  const refuses = async (made, text, options) => {
    await assert.rejects(dryRun(made.signed ?? made, options), (e) => {
      assert.equal(e.message, `eth_call: execution reverted: ${text}`);
      assert.equal(e.rpc.code, 3);
      return true;
    });
  };
  const first = await make({});
  await chain.blacklist(poor.address);
  await chain.pause();
  await refuses(first, 'Pausable: paused');
  await chain.unpause();
  await refuses(first, 'Blacklistable: account is blacklisted');
  await chain.unBlacklist(poor.address);
  await refuses(first, 'FiatTokenV2: authorization is not yet valid');
  await refuses(await make({ validAfter: 0 }), 'FiatTokenV2: authorization is expired');

  const nonce = randomNonce();
  await chain.cancel(poor.key, nonce);
  const live = { validAfter: 0, validBefore: nowS() + 300 };
  const garbage = `0x${'11'.repeat(32)}${'ff'.repeat(32)}05`;
  const used = await make({ ...live, nonce });
  await refuses(changed(used.signed, garbage), 'FiatTokenV2: authorization is used or canceled');
  const { signed } = await make(live);
  await refuses(changed(signed, garbage.slice(0, -2)), 'ECRecover: invalid signature length',
    { bytes: true });
  await refuses(changed(signed, garbage), "ECRecover: invalid signature 's' value");
  const lowS = `0x${'11'.repeat(64)}`;
  await refuses(changed(signed, `${lowS}01`), "ECRecover: invalid signature 'v' value");
  await refuses(changed(signed, `0x${'00'.repeat(64)}1b`), 'ECRecover: invalid signature');
  const other = await makeBody(main, 2, live); // the treasury's signature
  await refuses(changed(signed, other.signed.signature), 'FiatTokenV2: invalid signature');
  const nowhere = `0x${'00'.repeat(20)}`;
  await refuses(await make({ ...live, to: nowhere }), 'ERC20: transfer to the zero address');
  await refuses(signed, 'ERC20: transfer amount exceeds balance');
  await chain.mint(poor.address, 5);
  assert.equal(await dryRun(signed), '0x');
  assert.equal(await dryRun(signed, { bytes: true }), '0x');
  await chain.rpc('anvil_setNonce', [poor.address, '0x0']);
  // Back to nothing, for the tests that need an empty purse.
  await chain.send({ to: main.rig.token, data: encodeFunctionData({
    abi: parseAbi(['function transfer(address,uint256)']), args: [treasury, 5n],
  }) }, poor.address);
});

test('an account with code is asked by EIP-1271 and its ECDSA signature counts for nothing', async () => {
  const { chain } = main;
  const { signed } = await makeBody(main, 2);
  const id = await chain.snapshot();
  const returns = (word) => `0x7f${word.padEnd(64, '0')}60005260206000f3`;
  await chain.setCode(treasury, returns('ffffffff'));
  await assert.rejects(dryRun(signed), /FiatTokenV2: invalid signature/);
  await chain.setCode(treasury, returns('1626ba7e'));
  assert.equal(await dryRun(changed(signed, '0x1234'), { bytes: true }), '0x');
  await chain.revert(id);
  assert.equal(await dryRun(signed), '0x');
});

test('a canceled authorization counts as used and shows as canceled', async () => {
  const { chain, rig } = main;
  const nonce = randomNonce();
  assert.equal(await chain.authorizationState(treasury, nonce), false);
  const tx = await chain.cancel(TEST_ACCOUNTS.treasury.key, nonce);
  assert.equal(await chain.authorizationState(treasury, nonce), true);
  const made = await makeBody(main, 2, { nonce });
  const { json } = await settle(rig.facilitator, made);
  assert.equal(json.errorReason, 'invalid_exact_evm_nonce_already_used');
  const entry = (await chain.payments()).find((p) => p.nonce === nonce);
  assert.equal(entry.event, 'canceled');
  assert.equal(entry.tx, tx);
  assert.equal(entry.to, undefined);
});

test('two authorizations in one transaction are told apart by their log indexes', async () => {
  const { chain, rig } = main;
  const made = [await makeBody(main, 2, { value: 11 }), await makeBody(main, 2, { value: 22 })];
  const calls = made.map((m) => ({ target: rig.token, allowFailure: false,
    callData: calldata(m.signed) }));
  const tx = await chain.send({ to: MULTICALL3, data: encodeFunctionData({
    abi: parseAbi(['struct Call { address target; bool allowFailure; bytes callData; }',
      'function aggregate3(Call[] calls)']),
    args: [calls],
  }) });
  const pairs = (await chain.payments()).filter((p) => p.tx === tx);
  assert.deepEqual(pairs.map((p) => [p.nonce, p.to, p.value]),
    made.map((m) => [m.nonce, m.to, m.value]));
});

test('a stranger can carry out a signed payout without any facilitator', async () => {
  const made = await makeBody(main, 2);
  await main.chain.submit(made.body);
  assert.equal(await balance(main.chain, made.to), 10000);
});
