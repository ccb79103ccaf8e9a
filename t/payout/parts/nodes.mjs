// evm/nodes.c, evm/judge.c: nodes that fail, lag and lie, alone and next to others.
import { postJson, readBody, sendJson, serve } from '../../rig/http.js';
import { order, recorded, startCommand } from '../../rig/testing.js';
import { NAMES, withRig } from './rig.mjs';
import { is, ok, probe } from './tap.mjs';

// Two nodes that misbehave on command, and a payment of each fate, all long final.
class Nodes {
  async start(r) {
    this.r = r;
    this.a = await startCommand('rpc-proxy.js', ['--upstream', r.rig.rpc, '--stdin']);
    this.b = await startCommand('rpc-proxy.js', ['--upstream', r.rig.rpc, '--stdin']);
    this.both = `${this.a.url} ${this.b.url}`;
    this.paid = await r.sign({ validBefore: await r.now() + 60 });
    this.hash = (await r.settle(this.paid)).hash;
    this.expired = await r.sign({ validBefore: await r.now() + 60 });
    this.live = await r.sign();
    await r.chain.increaseTime(80);
    await r.chain.mine(20);
  }

  // Judges a payment with A in one mode and B in another.
  async judge(which, a, b, rpcs = this.both) {
    await order(this.a.url, a);
    await order(this.b.url, b);
    return this.r.judge(this[which], { rpcs });
  }

  async stop() {
    for (const node of [this.a, this.b]) {
      node.child.stdin.end();
      await node.exited;
    }
  }
}

const PASS = { mode: 'pass' };

// which, mode of A, mode of B (undefined: A alone), expected, what it means.
const CASES = [
  ['paid', PASS, PASS, 'paid', 'both say paid'],
  ['expired', PASS, PASS, 'expired unused', 'both prove the expiry'],
  ['live', PASS, PASS, 'unused', 'both say unused'],

  ['paid', { mode: 'down' }, undefined, 'unknown', 'a node that is down knows nothing'],
  ['expired', { mode: 'down' }, undefined, 'unknown', 'not even of the expired'],
  ['paid', { mode: 'down' }, PASS, 'paid', 'one that is up is enough for a payment'],
  ['expired', { mode: 'down' }, PASS, 'unused', 'but not to give one up'],
  ['expired', PASS, { mode: 'down' }, 'unused', 'whichever it is'],
  ['live', { mode: 'down' }, PASS, 'unused', 'and enough to go on trying'],

  ['paid', { mode: 'empty' }, undefined, 'unknown', '0x is not "unused"'],
  ['expired', { mode: 'empty' }, undefined, 'unknown', 'nor proof of it'],
  ['expired', { mode: 'empty', methods: ['eth_call'] }, undefined, 'unknown', 'nor where only calls are empty'],
  ['live', { mode: 'empty', methods: ['eth_call'] }, undefined, 'unknown', 'nor of a live one'],
  ['expired', { mode: 'empty', methods: ['eth_call'] }, PASS, 'unused', 'one 0x and one proof: not enough'],
  ['expired', { mode: 'error' }, PASS, 'unused', 'one error and one proof: not enough'],
  ['expired', { mode: 'garbage' }, PASS, 'unused', 'one HTML page and one proof: not enough'],
  ['expired', { mode: 'http', status: 500 }, PASS, 'unused', 'one HTTP 500 and one proof: not enough'],
  ['expired', { mode: 'answer', result: '0x1' }, PASS, 'unused', 'a wrong chain id and one proof: not enough'],
  ['expired', { mode: 'answer', methods: ['eth_call'], result: `0x${'0'.repeat(62)}` }, PASS, 'unused',
    'a word that is too short is none'],
  ['expired', { mode: 'answer', methods: ['eth_call'], result: `0x${'0'.repeat(63)}2` }, PASS, 'unused',
    'a bool of 2 is none'],
  ['expired', { mode: 'answer', methods: ['eth_call'], result: 0 }, PASS, 'unused', 'a number is no data'],

  ['paid', { mode: 'lag', blocks: 1000 }, undefined, 'unused', 'a node that is far behind says "unused so far"'],
  ['expired', { mode: 'lag', blocks: 21 }, PASS, 'unused', 'a node that is behind the expiry proves nothing'],

  ['paid', { mode: 'lie-unused' }, PASS, 'paid', 'a lie "unused" next to a receipt: paid'],
  ['paid', PASS, { mode: 'lie-unused' }, 'paid', 'whoever lies'],
  ['paid', { mode: 'lie-unused' }, { mode: 'error', methods: ['eth_getLogs'] }, 'unknown',
    'a lie "unused" next to "used" without receipt: unknown'],
  ['paid', { mode: 'lie-unused' }, { mode: 'empty', methods: ['eth_getLogs'] }, 'unknown',
    'also when the other finds no event'],
  ['paid', { mode: 'lie-unused' }, { mode: 'empty', methods: ['eth_getTransactionReceipt'] }, 'paid',
    'but without a receipt its events are enough'],
  ['paid', { mode: 'lie-unused' }, { mode: 'down' }, 'unused', 'next to a dead one: no proof for anything'],
  ['expired', { mode: 'lie-used' }, undefined, 'unknown', 'a lie "used" has no event'],
  ['expired', { mode: 'lie-used' }, PASS, 'unknown', 'next to a proof: they disagree'],
  ['live', { mode: 'lie-used' }, PASS, 'unknown', 'so they do about a live one'],
];

async function testCases(n) {
  for (const [which, a, b, expected, name] of CASES) {
    const j = await n.judge(which, a, b ?? PASS, b ? n.both : n.a.url);
    ok(j.verdict === expected, `${which}: ${name}`, j);
  }
}

async function testContradiction(n) {
  const final = await n.judge('paid', PASS, PASS);
  ok(final.final && !final.contradicted, 'when all agree a payment is final', final);
  const denied = await n.judge('paid', { mode: 'lie-unused' }, PASS);
  ok(!denied.final && denied.contradicted && denied.reason.includes(new URL(n.a.url).host),
    'when one denies it in a final block it is not, and that is reported', denied);
  const dead = await n.judge('paid', { mode: 'down' }, PASS);
  ok(!dead.final && !dead.contradicted, 'a dead node denies nothing, but nothing is final without it', dead);
  const fresh = await n.r.sign();
  await n.r.settle(fresh);
  await order(n.a.url, { mode: 'lag', blocks: 3 });
  await order(n.b.url, PASS);
  const behind = await n.r.judge(fresh, { rpcs: n.both });
  ok(behind.verdict === 'paid' && !behind.contradicted, 'nor does one that is only behind', behind);
  is((await n.r.judge(fresh, { rpcs: n.a.url })).verdict, 'unused', 'alone it says "unused so far"');
}

async function testLimits(n) {
  // A provider that refuses large ranges, twice.
  await order(n.a.url, [PASS, { mode: 'error', methods: ['eth_getLogs'], times: 2,
    message: 'query exceeds max block range' }]);
  const found = await n.r.judge(n.paid, { rpcs: n.a.url });
  ok(found.verdict === 'paid' && found.tx === n.hash, 'a node that refuses a large range is asked for smaller ones',
    found);
  const { requests } = await recorded(n.a.url);
  ok(requests.filter((q) => q.method === 'eth_getLogs').length >= 3, 'so it is asked several times');
  await order(n.a.url, PASS);
  const before = (await recorded(n.a.url)).counts.eth_getLogs;
  await n.r.judge(n.paid, { rpcs: n.a.url, hint: n.hash });
  is((await recorded(n.a.url)).counts.eth_getLogs, before, 'with a good hint no logs are needed');

  await order(n.a.url, [PASS, { mode: 'http', status: 429, times: 1 }]);
  is((await n.r.judge(n.live, { rpcs: n.a.url })).verdict, 'unused', 'a node that was busy is asked again');
  await order(n.a.url, { mode: 'http', status: 429 });
  const busy = await n.r.judge(n.live, { rpcs: n.a.url });
  ok(busy.verdict === 'unknown' && busy.reason.includes('429'), 'one that stays busy is not', busy);
  await order(n.a.url, PASS);

  const many = [...Array(20)].map((_, i) => [n.paid, n.expired, n.live][i % 3]);
  const verdicts = await n.r.judge(many, { rpcs: n.both });
  ok(verdicts.every((v, i) => v.verdict === ['paid', 'expired unused', 'unused'][i % 3]),
    'twenty cases at once have each their own verdict', verdicts.map((v) => v.verdict));
}

// A node that knows no EIP-1898, as there may be some.
async function withoutHashes(upstream, run) {
  const asked = [];
  const { url, close } = await serve(async (req, res) => {
    const call = JSON.parse((await readBody(req)).toString());
    if (call.method === 'eth_call')
      asked.push(call.params[1]);
    if (call.params?.[1]?.blockHash)
      return sendJson(res, 200, { jsonrpc: '2.0', id: call.id,
        error: { code: -32602, message: 'invalid argument 1' } });
    return sendJson(res, 200, (await postJson(upstream, call)).json);
  });
  await run(url, asked);
  await close();
}

async function testProofs(n) {
  await withoutHashes(n.r.rig.rpc, async (url, asked) => {
    const j = await n.r.judge(n.expired, { rpcs: url });
    ok(j.verdict === 'expired unused' && asked[0] === 'latest' && asked[1].blockHash === j.blockHash
      && Number(asked[2]) === j.block && asked.length === 3,
    'the proof is asked for by the block\'s hash, and by its number where that is refused', { j, asked });
  });
  await order(n.a.url, PASS);
  await n.r.judge(n.expired, { rpcs: n.a.url });
  const calls = (await recorded(n.a.url)).requests.filter((q) => q.method === 'eth_call');
  ok(calls.at(-1).params[1].blockHash !== undefined, 'only by its hash where it isn\'t',
    calls.at(-1).params[1]);
}

async function testInspect(n) {
  const { name, rig } = n.r;
  const inspect = (rpcs, network = name) => probe('inspect', rpcs, network, rig.treasury);
  await order(n.a.url, { mode: 'down' });
  const half = (await inspect(n.both)).json[0];
  ok(half?.name === rig.tokenName && half.warning.includes(new URL(n.a.url).host),
    'with one node down the outlook comes from the other, and says so', half);
  const none = await inspect(n.a.url);
  ok(none.code === 1 && none.err.includes('no node answers'), 'with none there is none', none);
  await order(n.a.url, { mode: 'empty', methods: ['eth_call'] });
  is((await inspect(n.a.url)).code, 1, 'a token that says 0x is not there');
  await order(n.a.url, PASS);
  const other = await inspect(rig.rpc, Object.values(NAMES).find((x) => x !== name));
  ok(other.code === 1 && other.err.includes('chain id is 84532'), 'a node of another chain is refused', other);
  const head = (await probe('head', n.both, name, 'finalized')).json[0];
  const latest = await n.r.chain.block();
  ok(head.block === latest.number && head.blockHash === latest.hash
    && head.final === (await n.r.chain.block('finalized')).number, 'the head', head);
  await order(n.a.url, { mode: 'lag', blocks: 3 });
  is((await probe('head', n.both, name, 'finalized')).json[0].block, latest.number - 3,
    'of two nodes the one that is behind counts');
  for (const urls of ['', ' , ', 'ftp://x', `${rig.rpc} ${rig.rpc}`,
    [...Array(9)].map((_, i) => `http://h${i}/`).join(' ')])
    is((await inspect(urls)).code, 1, `"${urls.slice(0, 30)}" are no nodes`);
  ok(!(await inspect('https://127.0.0.1:1/v3/SECRET')).err.includes('SECRET'),
    'no message has more of a node\'s URL than its host');
}

export async function testNodes(r) {
  const n = new Nodes();
  await n.start(r);
  await testCases(n);
  await testContradiction(n);
  await testLimits(n);
  await testProofs(n);
  await testInspect(n);
  await n.stop();
  await withRig(8453, async (wrong) => {
    const { code, err } = await probe('inspect', wrong.rig.rpc, 'base', wrong.rig.treasury);
    ok(code === 1 && err.includes('DOMAIN_SEPARATOR') && err.includes('its name() is "USDC"'),
      'a token of another domain name is refused before anything is signed', { code, err });
  }, ['--token-name', 'USDC']);
}
