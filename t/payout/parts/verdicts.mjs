// evm/nodes.c, evm/judge.c: what an honest node shows.
import { encodeFunctionData, parseAbi } from 'viem';
import { MULTICALL3, SELECTOR, TEST_ACCOUNTS } from '../../rig/facts.js';
import { is, ok, probe } from './tap.mjs';
import { randomHash } from './rig.mjs';

const ZERO_HASH = `0x${'0'.repeat(64)}`;

async function testPaid(r) {
  const made = await r.sign();
  is((await r.judge(made)).verdict, 'unused', `${r.name}: before the payment: unused`);
  const { hash } = await r.settle(made);
  const paid = await r.judge(made, { hint: hash });
  const block = await r.chain.block();
  ok(paid.verdict === 'paid' && paid.asAsked && paid.tx === hash && paid.to === made.to
    && paid.value === 10000 && paid.block === block.number && paid.blockHash === block.hash
    && paid.time === block.timestamp, `${r.name}: paid, to whom, how much, where`, paid);
  is(paid.final, false, `${r.name}: but not final yet`);
  is((await r.judge(made, { finality: 'latest' })).final, true,
    `${r.name}: unless the operator calls the latest block final`);
  const unhinted = await r.judge(made);
  ok(unhinted.verdict === 'paid' && unhinted.tx === hash, `${r.name}: found without a hint, too`,
    unhinted);
  const misled = await r.judge(made, { hint: randomHash() });
  ok(misled.verdict === 'paid' && misled.tx === hash, `${r.name}: and in spite of a wrong one`, misled);
  await r.finalize();
  const final = await r.judge(made, { hint: hash });
  ok(final.final && !final.contradicted && final.tx === hash, `${r.name}: some blocks later it is final`,
    final);
  ok((await r.judge(made, { from: block.number })).verdict === 'paid',
    `${r.name}: its block is the first one searched`);
  ok((await r.judge(made, { from: block.number + 1 })).verdict === 'paid',
    `${r.name}: used before the blocks where it should be: found there`);
}

async function testOthers(r) {
  const asked = await r.sign();
  const strange = await r.sign();
  await r.chain.submit(strange.json);
  is((await r.judge(strange)).verdict, 'paid', `${r.name}: settled by a stranger is paid`);
  is((await r.judge(asked, { hint: (await r.judge(strange)).tx })).verdict, 'unused',
    `${r.name}: somebody else's transaction proves nothing`);

  // The same nonce, another amount: as after a restored backup.
  const ours = await r.sign({ value: 10000 });
  const theirs = await r.sign({ to: ours.to, value: 7000, nonce: ours.nonce });
  const { hash } = await r.settle(theirs);
  const other = await r.judge(ours, { hint: hash });
  ok(other.verdict === 'paid' && !other.asAsked && other.value === 7000 && other.to === ours.to,
    `${r.name}: another amount under our nonce: what was really paid`, other);

  const reverted = await r.judge(await r.sign(), { hint: (await r.judge(strange)).tx });
  is(reverted.verdict, 'unused', `${r.name}: a receipt of another payment is no hint`);
}

// Several authorizations in one transaction: only the log index tells them apart.
async function testBatch(r) {
  const bodies = [await r.sign({ value: 10001 }), await r.sign({ value: 10002 }),
    await r.sign({ value: 10003 })];
  const calls = bodies.map(({ json }) => {
    const { signature: s, authorization: a } = json.paymentPayload.payload;
    const word = (v) => BigInt(v).toString(16).padStart(64, '0');
    return { target: r.rig.token, allowFailure: false, callData: SELECTOR.transferWithAuthorization
      + [a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, `0x${s.slice(130)}`,
        s.slice(0, 66), `0x${s.slice(66, 130)}`].map(word).join('') };
  });
  const data = encodeFunctionData({ abi: parseAbi(['struct Call3 {address target; bool allowFailure; bytes callData;}',
    'function aggregate3(Call3[] calls) payable returns ((bool success, bytes returnData)[])']),
  args: [calls] });
  const tx = await r.chain.send({ to: MULTICALL3, data }, TEST_ACCOUNTS.stranger.address);
  const verdicts = await r.judge(bodies);
  ok(verdicts.every((v, i) => v.verdict === 'paid' && v.tx === tx && v.asAsked
    && v.value === 10001 + i), `${r.name}: three payments in one transaction keep apart`, verdicts);
}

async function testExpired(r) {
  const made = await r.sign({ validBefore: await r.now() + 60 });
  const paid = await r.sign({ validBefore: await r.now() + 60 });
  const { hash } = await r.settle(paid);
  await r.finalize();
  is((await r.judge(made)).verdict, 'unused', `${r.name}: before its end it is only unused so far`);
  await r.chain.increaseTime(80);
  is((await r.judge(made)).verdict, 'unused', `${r.name}: past its end, too, while no final block is`);
  is((await r.judge(made, { finality: 'latest' })).verdict, 'expired unused',
    `${r.name}: unless the operator calls the latest block final`);
  await r.finalize();
  const proof = await r.judge(made);
  const block = await r.chain.block(proof.block);
  ok(proof.verdict === 'expired unused' && proof.time >= made.validBefore
    && block.hash === proof.blockHash && block.timestamp === proof.time
    && proof.block <= (await r.chain.block('finalized')).number && proof.tx === ZERO_HASH,
  `${r.name}: expired and unused, with the final block that proves it`, proof);
  const still = await r.judge(paid, { hint: hash });
  ok(still.verdict === 'paid' && still.final, `${r.name}: what was paid stays paid past its end`, still);
}

async function testCanceled(r) {
  const made = await r.sign({ validBefore: await r.now() + 60 });
  await r.chain.cancel(r.rig.treasuryKey, made.nonce);
  await r.finalize();
  const alive = await r.judge(made);
  ok(alive.verdict === 'canceled' && !alive.final,
    `${r.name}: canceled in a final block, but its end isn't in one: not final`, alive);
  await r.chain.increaseTime(80);
  await r.finalize();
  const canceled = await r.judge(made);
  ok(canceled.verdict === 'canceled' && canceled.final && canceled.tx !== ZERO_HASH,
    `${r.name}: past that it is`, canceled);
}

async function testForecasts(r) {
  const { rpc, treasury } = r.rig;
  const look = (await probe('inspect', rpc, r.name, treasury)).json[0];
  ok(look && !look.hasCode && !look.blacklisted && !look.paused && look.name === r.rig.tokenName
    && BigInt(look.balance) === await r.chain.balanceOf(treasury) && look.warning === '',
  `${r.name}: the outlook is fair`, look);

  const [good, bad, poor] = [await r.sign(), await r.sign(), await r.sign({ value: 10n ** 15n })];
  await r.chain.blacklist(bad.to);
  const dry = (await probe('dry', rpc, r.name, good.path, bad.path, poor.path)).json;
  ok(dry[0].opinion === 'yes', `${r.name}: a dry run of a good payment: yes`, dry[0]);
  ok(dry[1].opinion === 'no' && dry[1].reason === 'Blacklistable: account is blacklisted',
    `${r.name}: of one to a blacklisted worker: no, and why`, dry[1]);
  ok(dry[2].opinion === 'no' && dry[2].reason === 'ERC20: transfer amount exceeds balance',
    `${r.name}: of one that is too large: no, and why`, dry[2]);
  const payees = (await probe('payees', rpc, r.name, treasury, good.to, bad.to)).json;
  ok(payees[0].opinion === 'yes' && payees[1].opinion === 'no' && payees[1].reason !== '',
    `${r.name}: the blacklisted worker is known before anything is signed`, payees);
  is((await r.settle(bad)).class, 'ambiguous', `${r.name}: the facilitator doesn't say so`);
  await r.chain.pause();
  is((await probe('inspect', rpc, r.name, treasury)).json[0].paused, true, `${r.name}: a pause shows`);
  is((await probe('dry', rpc, r.name, good.path)).json[0].reason, 'Pausable: paused',
    `${r.name}: in a dry run, too`);
  await r.chain.unpause();

  await r.chain.setCode(treasury, `0xef0100${'11'.repeat(20)}`); // EIP-7702
  is((await probe('inspect', rpc, r.name, treasury)).json[0].hasCode, true,
    `${r.name}: code at the treasury's address shows`);
  await r.chain.setCode(treasury, '0x');
}

async function testReorganised(r) {
  const made = await r.sign();
  const snapshot = await r.chain.snapshot();
  const first = (await r.settle(made)).hash;
  is((await r.judge(made, { hint: first })).verdict, 'paid', `${r.name}: paid`);
  await r.chain.revert(snapshot);
  is((await r.judge(made, { hint: first })).verdict, 'unused',
    `${r.name}: after a reorganisation it is unused again`);
  await r.chain.mine(1);
  const second = await r.settle(made, { again: 'again' });
  const paid = await r.judge(made, { hint: first });
  ok(paid.verdict === 'paid' && paid.tx === second.hash,
    `${r.name}: the same bytes pay again, and the new block counts`, { second, paid });
}

export async function testVerdicts(r) {
  await testPaid(r);
  await testOthers(r);
  await testBatch(r);
  await testForecasts(r);
  await testCanceled(r);
  await testReorganised(r);
  await testExpired(r);
}
