// The chain as a node shows it whose head and final block are others than the real ones: every way
// to name a block is rewritten, and what is newer than its head doesn't exist for it.
import { hex } from './chain.js';

// Where a method has its block parameter (execution-apis, JSON-RPC of Ethereum).
const BLOCK_PARAMETER = {
  eth_call: 1, eth_estimateGas: 1, eth_getBalance: 1, eth_getCode: 1, eth_getTransactionCount: 1,
  eth_getStorageAt: 2, eth_getBlockByNumber: 0,
};

export const answer = (call, result) => ({ jsonrpc: '2.0', id: call.id, result });
const unknownBlock = (call) =>
  ({ jsonrpc: '2.0', id: call.id, error: { code: -32000, message: 'header not found' } });

export class View {
  constructor(node) {
    this.node = node;
  }

  async real(tag) {
    return Number((await this.node.read('eth_getBlockByNumber', [tag, false])).number);
  }

  // Sets this.realHead, and what a subclass makes of it: this.head and this.final.
  async look() {
    [this.realHead, this.realFinal] = await Promise.all([this.real('latest'),
      this.real('finalized')]);
    this.head = this.realHead;
    this.final = this.realFinal;
  }

  // A block parameter as a number.
  async resolve(block) {
    if (block === undefined || block === null || block === 'latest' || block === 'pending')
      return this.head;
    if (block === 'safe' || block === 'finalized')
      return this.final;
    if (block === 'earliest')
      return 0;
    if (block.blockHash)
      return this.numberOf(block.blockHash);
    return Number(block.blockNumber ?? block);
  }

  async numberOf(hash) {
    const block = await this.node.read('eth_getBlockByHash', [hash, false]);
    return Number(block?.number ?? Infinity);
  }

  async ask(call) {
    await this.look();
    if (call.method === 'eth_blockNumber')
      return answer(call, hex(this.head));
    if (call.method === 'eth_getLogs')
      return this.askLogs(call);
    if (call.method in BLOCK_PARAMETER)
      return this.askAtBlock(call, BLOCK_PARAMETER[call.method]);
    return this.hideNewer(await this.node.ask(call));
  }

  async askAtBlock(call, index) {
    const number = await this.resolve(call.params?.[index]);
    if (number > this.head)
      return call.method === 'eth_getBlockByNumber' ? answer(call, null) : unknownBlock(call);
    return this.askAtNumber(call, index, number);
  }

  askAtNumber(call, index, number) {
    const params = [...(call.params ?? [])];
    params[index] = hex(Math.min(number, this.realHead));
    return this.node.ask({ ...call, params });
  }

  async askLogs(call) {
    const filter = call.params?.[0] ?? {};
    if (filter.blockHash)
      return await this.resolve(filter) > this.head ? unknownBlock(call) : this.node.ask(call);
    const from = await this.resolve(filter.fromBlock);
    const to = Math.min(await this.resolve(filter.toBlock), this.head, this.realHead);
    if (from > to)
      return answer(call, []);
    return this.node.ask({ ...call, params: [{ ...filter, fromBlock: hex(from), toBlock: hex(to) }] });
  }

  // Receipts, transactions and blocks by hash: unknown when they are in a newer block.
  hideNewer(reply) {
    const number = reply.result?.blockNumber ?? (reply.result?.parentHash && reply.result.number);
    return number && Number(number) > this.head ? { ...reply, result: null } : reply;
  }
}

// A node that is always the same number of blocks behind.
export class Lagging extends View {
  constructor(node, blocks) {
    super(node);
    this.blocks = blocks;
  }

  async look() {
    await super.look();
    this.head = Math.max(0, this.head - this.blocks);
    this.final = Math.max(0, this.final - this.blocks);
  }
}

// A node that stands still: what came after its first answer doesn't exist for it.
export class Standing extends View {
  async look() {
    await super.look();
    this.stands ??= { head: this.head, final: this.final };
    this.head = Math.min(this.head, this.stands.head);
    this.final = Math.min(this.final, this.stands.final);
  }
}
