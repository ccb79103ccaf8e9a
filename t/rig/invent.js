// A node that asserts what isn't so. Its lies fit each other and stay the same: an authorization
// that it says was used has a state, a log, a Transfer beside it, a receipt and a block, and the
// block has a hash, by which it can be asked for. What it doesn't lie about is the real chain.
//
// What it may be told to say, in any combination:
//   chainId N
//   head N           its newest block is N after the real one (below 0: before); it invents those
//   final N|"head"   its final block is N after the real final one, or its newest
//   time T           every block from timeFrom on (a number, default all) has this time: Unix seconds,
//                    as a text when above 2^53; "+N": N more than it really has
//   mined true     whatever transaction it is asked about is in its block 1, and gas costs nothing
//   count N        every account has sent N transactions, in final blocks, too
//   deny [NONCE...]  these authorizations were never used; "all": none was
//   uses [USE...]    these were used, or weren't as they really were:
//     nonce          0x..., or "any": whichever it is asked about
//     from           the payer; may be left out with "any", and for what really was used
//     to, value      payee and micros (what really was, else a made-up address and 1)
//     block          "head", "final", "real" (the newest real one), a number; fixed when it is first
//                    told; default: where it really was, else "head"
//     tx             the transaction's hash (where it really was, else a made-up one)
//     blockHash      in log and receipt; the block itself keeps its own
//     canceled true  not used, but canceled
//     real true      only when it really was used: then it only tells otherwise how
//     asked true     with "any", only what it was asked to try before: as that asks for. What was
//                    tried unsigned it takes for the nonces that come next, in that order
//     state, log, transfer, receipt false    leaves that part of the story out
import { createHash } from 'node:crypto';
import { hex, word } from './chain.js';
import { SELECTOR, TOPIC } from './facts.js';
import { answer, View } from './view.js';

export const LIES = ['chainId', 'head', 'final', 'time', 'timeFrom', 'mined', 'count', 'deny', 'uses'];

const SOMEBODY = `0x${'5'.repeat(40)}`;
const INDEX = 1000; // of an invented log: above those that a real block here has

const madeUp = (...what) => `0x${createHash('sha256').update(what.join(' ')).digest('hex')}`;
const topicOf = (address) => `0x${word(address)}`;
const lower = (text) => text.toLowerCase();

// Whether a log is what a filter asks for: execution-apis, eth_getLogs.
function fits(log, filter) {
  const one = (wanted, got) => wanted === null || wanted === undefined
    || [wanted].flat().some((w) => lower(w) === lower(got ?? ''));
  return one(filter.address, log.address)
    && (filter.topics ?? []).every((wanted, i) => one(wanted, log.topics[i]));
}

export class Inventor extends View {
  constructor(node, lies, token) {
    super(node);
    this.lies = lies;
    this.token = token;
    this.stories = new Map(); // by nonce: a use in all its parts, or null
    this.blocks = new Map(); // by hash: invented ones
    this.tried = new Map(); // by nonce: transfers that it was asked to try, { to, value }
    this.unsigned = []; // the same without a nonce, and what isn't taken yet
  }

  async look() {
    await super.look();
    const { head = 0, final = 0 } = this.lies;
    this.head = Math.max(0, this.realHead + head);
    this.final = final === 'head'
      ? this.head : Math.max(0, Math.min(this.head, this.realFinal + final));
    for (let n = this.realHead + 1; n <= this.head; n++)
      this.blocks.set(madeUp('block', n), n);
  }

  async ask(call) {
    if (call.method === 'eth_chainId' && this.lies.chainId !== undefined)
      return answer(call, hex(this.lies.chainId));
    if (call.method === 'eth_maxPriorityFeePerGas' && this.lies.mined)
      return answer(call, '0x0');
    if (call.method === 'eth_getTransactionCount' && this.lies.count !== undefined)
      return answer(call, hex(this.lies.count));
    await this.look();
    await this.listen(call);
    if (call.method === 'eth_getTransactionReceipt')
      return this.askReceipt(call);
    if (call.method === 'eth_getBlockByHash')
      return answer(call, await this.block(await this.numberOf(call.params[0])));
    return super.ask(call);
  }

  // ---- blocks ---------------------------------------------------------------

  async numberOf(hash) {
    return this.blocks.get(lower(hash)) ?? super.numberOf(hash);
  }

  async block(number) {
    if (number > this.head)
      return null;
    const real = await this.node.read('eth_getBlockByNumber',
      [hex(Math.min(number, this.realHead)), false]);
    const invented = number > this.realHead && { number: hex(number),
      hash: madeUp('block', number), parentHash: madeUp('block', number - 1), transactions: [],
      timestamp: hex(Number(real.timestamp) + number - this.realHead) };
    const block = { ...real, ...invented };
    if (this.lies.mined)
      block.baseFeePerGas = '0x0';
    const { time, timeFrom = 0 } = this.lies;
    if (time !== undefined && number >= timeFrom)
      block.timestamp = hex(String(time).startsWith('+')
        ? BigInt(block.timestamp) + BigInt(time.slice(1)) : BigInt(time));
    return block;
  }

  async askAtNumber(call, index, number) {
    if (call.method === 'eth_getBlockByNumber')
      return answer(call, await this.block(number));
    const data = call.params?.[0]?.data ?? call.params?.[0]?.input ?? '';
    if (call.method === 'eth_call' && data.startsWith(SELECTOR.authorizationState)) {
      const nonce = `0x${data.slice(74, 138)}`;
      const story = this.stories.get(nonce);
      if (story && story.use.state !== false)
        return answer(call, `0x${word(number >= story.block ? 1 : 0)}`);
      if (this.denies(nonce))
        return answer(call, `0x${word(0)}`);
    }
    return super.askAtNumber(call, index, number);
  }

  // ---- stories --------------------------------------------------------------

  denies(nonce) {
    return this.lies.deny === 'all' || (this.lies.deny ?? []).map(lower).includes(nonce);
  }

  // Makes up its mind about the nonces that it was told of or is asked about now.
  async listen(call) {
    const uses = this.lies.uses ?? [];
    for (const use of uses.filter(({ nonce }) => nonce !== 'any'))
      await this.tell(use, lower(use.nonce), use.from);
    const any = uses.find(({ nonce }) => nonce === 'any');
    if (!any)
      return;
    const data = call.params?.[0]?.data ?? call.params?.[0]?.input ?? '';
    const wordOf = (i) => data.slice(10 + 64 * i, 74 + 64 * i);
    if (call.method === 'eth_call' && data.startsWith(SELECTOR.transferWithAuthorization))
      this.tried.set(`0x${wordOf(5)}`, { to: `0x${wordOf(1).slice(24)}`,
        value: BigInt(`0x${wordOf(2)}`) });
    if (call.method === 'eth_call' && data.startsWith(SELECTOR.transfer))
      this.unsigned.push({ to: `0x${wordOf(0).slice(24)}`, value: BigInt(`0x${wordOf(1)}`) });
    if (call.method === 'eth_call' && data.startsWith(SELECTOR.authorizationState))
      return this.tell(any, `0x${wordOf(1)}`, `0x${wordOf(0).slice(24)}`);
    if (call.method !== 'eth_getLogs')
      return;
    const topics = call.params?.[0]?.topics ?? [];
    if (typeof topics[1] === 'string' && typeof topics[2] === 'string'
      && [topics[0]].flat().includes(TOPIC.AuthorizationUsed))
      return this.tell(any, lower(topics[2]), `0x${topics[1].slice(26)}`);
    const { result } = await super.askLogs({ ...call, method: 'eth_getLogs' });
    for (const log of result ?? [])
      if (log.topics[0] === TOPIC.AuthorizationUsed)
        await this.tell(any, log.topics[2], `0x${log.topics[1].slice(26)}`);
  }

  // What really became of an authorization: its log, and the Transfer beside it.
  async really(nonce) {
    const logs = await this.node.read('eth_getLogs', [{ address: this.token, fromBlock: '0x0',
      toBlock: 'latest', topics: [[TOPIC.AuthorizationUsed, TOPIC.AuthorizationCanceled], null,
        nonce] }]);
    if (logs.length === 0)
      return null;
    const all = (await this.node.read('eth_getTransactionReceipt', [logs[0].transactionHash])).logs;
    const transfer = all.find((log) => Number(log.logIndex) === Number(logs[0].logIndex) + 1);
    return { used: logs[0], transfer };
  }

  async tell(use, nonce, from) {
    if (this.stories.get(nonce))
      return;
    if (use.asked && !this.tried.has(nonce) && this.unsigned.length > 0)
      this.tried.set(nonce, this.unsigned.shift());
    const real = await this.really(nonce);
    if ((use.real && !real) || (use.asked && !this.tried.has(nonce)))
      return;
    const tried = use.asked ? this.tried.get(nonce) : {};
    const { used, transfer } = real ?? {};
    const place = { head: this.head, final: this.final, real: this.realHead };
    const block = use.block === undefined && used ? Number(used.blockNumber)
      : place[use.block ?? 'head'] ?? use.block;
    const story = {
      use, real, block,
      tx: use.tx ?? used?.transactionHash ?? madeUp('transaction', nonce),
      from: topicOf(from ?? `0x${used.topics[1].slice(26)}`),
      to: use.to ? topicOf(use.to) : transfer?.topics[2] ?? topicOf(tried.to ?? SOMEBODY),
      value: use.value ?? BigInt(transfer?.data ?? tried.value ?? 1),
      index: used && use.block === undefined ? Number(used.logIndex)
        : INDEX + 2 * this.stories.size,
    };
    story.blockHash = use.blockHash ?? (await this.block(block)).hash;
    story.logs = this.logsOf(story, nonce);
    this.stories.set(nonce, story);
  }

  logsOf({ use, block, blockHash, tx, index, from, to, value }, nonce) {
    const log = (n, topics, data) => ({ address: lower(this.token), topics, data,
      blockNumber: hex(block), blockHash, transactionHash: tx, transactionIndex: '0x0',
      logIndex: hex(index + n), removed: false });
    if (use.canceled)
      return [log(0, [TOPIC.AuthorizationCanceled, from, nonce], '0x')];
    const used = log(0, [TOPIC.AuthorizationUsed, from, nonce], '0x');
    const transfer = log(1, [TOPIC.Transfer, from, to], `0x${word(value)}`);
    return use.transfer === false ? [used] : [used, transfer];
  }

  // What it hides of the real chain: "transaction index" of logs.
  async hidden() {
    const nonces = [...this.stories].filter(([, s]) => s.real).map(([nonce]) => nonce);
    if (Array.isArray(this.lies.deny))
      nonces.push(...this.lies.deny.map(lower));
    const hidden = new Set();
    for (const nonce of nonces) {
      const real = this.stories.get(nonce)?.real ?? await this.really(nonce);
      for (const log of [real?.used, real?.transfer].filter(Boolean))
        hidden.add(`${log.transactionHash} ${Number(log.logIndex)}`);
    }
    return hidden;
  }

  async shown(logs) {
    if (this.lies.deny === 'all')
      return [];
    const hidden = await this.hidden();
    return logs.filter((log) => !hidden.has(`${log.transactionHash} ${Number(log.logIndex)}`));
  }

  async askLogs(call) {
    const filter = call.params?.[0] ?? {};
    const isInvented = filter.blockHash && this.blocks.has(lower(filter.blockHash));
    const reply = isInvented ? answer(call, []) : await super.askLogs(call);
    if (!reply.result)
      return reply;
    const from = await this.resolve(filter.blockHash ? filter : filter.fromBlock);
    const to = await this.resolve(filter.blockHash ? filter : filter.toBlock);
    const told = [...this.stories.values()].filter(({ use, block }) => use.log !== false
      && block >= from && block <= to).flatMap(({ logs }) => logs);
    return answer(call, [...await this.shown(reply.result),
      ...told.filter((log) => fits(log, filter))]);
  }

  async askReceipt(call) {
    const tx = lower(call.params[0]);
    const told = [...this.stories.values()].filter((s) => s.tx === tx && s.use.receipt !== false);
    const reply = this.hideNewer(await this.node.ask(call));
    const left = reply.result ? await this.shown(reply.result.logs) : [];
    if (told.length === 0 && this.lies.mined && !reply.result)
      return answer(call, { transactionHash: tx, blockNumber: '0x1',
        blockHash: (await this.block(1)).hash, gasUsed: '0x5208',
        effectiveGasPrice: '0x1', status: '0x1', logs: [] });
    if (told.length === 0)
      return reply.result && left.length < reply.result.logs.length
        ? answer(call, null) : reply;
    const { block, blockHash } = told[0];
    return answer(call, { ...reply.result, transactionHash: tx, transactionIndex: '0x0',
      blockNumber: hex(block), blockHash, status: '0x1', type: '0x2', contractAddress: null,
      from: SOMEBODY, to: lower(this.token), gasUsed: '0x14fb4', cumulativeGasUsed: '0x14fb4',
      effectiveGasPrice: '0x1', logsBloom: `0x${'0'.repeat(512)}`,
      logs: [...left, ...told.flatMap(({ logs }) => logs)] });
  }
}
