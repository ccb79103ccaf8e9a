// A node that is some blocks behind: every way to name a block is rewritten, and what is newer
// than its head doesn't exist for it.
import { hex } from './chain.js';

// Where a method has its block parameter (execution-apis, JSON-RPC of Ethereum).
const BLOCK_PARAMETER = {
  eth_call: 1, eth_estimateGas: 1, eth_getBalance: 1, eth_getCode: 1, eth_getTransactionCount: 1,
  eth_getStorageAt: 2, eth_getBlockByNumber: 0,
};

const answer = (call, result) => ({ jsonrpc: '2.0', id: call.id, result });
const unknownBlock = (call) =>
  ({ jsonrpc: '2.0', id: call.id, error: { code: -32000, message: 'header not found' } });

export class Lagging {
  constructor(node, blocks) {
    this.node = node;
    this.blocks = blocks;
  }

  async behind(tag) {
    const { number } = await this.node.read('eth_getBlockByNumber', [tag, false]);
    return Math.max(0, Number(number) - this.blocks);
  }

  // A block parameter as a number of the real chain.
  async resolve(block) {
    if (block === undefined || block === null || block === 'latest' || block === 'pending')
      return this.head;
    if (block === 'safe' || block === 'finalized')
      return this.behind(block);
    if (block === 'earliest')
      return 0;
    if (block.blockHash)
      return Number((await this.node.read('eth_getBlockByHash', [block.blockHash, false]))?.number
        ?? Infinity);
    return Number(block.blockNumber ?? block);
  }

  async ask(call) {
    this.head = await this.behind('latest');
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
    const params = [...(call.params ?? [])];
    params[index] = hex(number);
    return this.node.ask({ ...call, params });
  }

  async askLogs(call) {
    const filter = call.params?.[0] ?? {};
    if (filter.blockHash)
      return await this.resolve(filter) > this.head ? unknownBlock(call) : this.node.ask(call);
    const from = await this.resolve(filter.fromBlock);
    const to = Math.min(await this.resolve(filter.toBlock), this.head);
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
