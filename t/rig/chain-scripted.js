// A facilitator and its chain in one light process, for benchmarks: what /settle is told to pay is
// paid at once, answered after a fixed time, and seen by everybody who asks over JSON-RPC.
// Signatures aren't verified; a nonce is used once, and what the treasury hasn't isn't paid.
//
//   node chain-scripted.js --treasury ADDRESS [--chain-id 84532|8453] [--fund MICROS]
//        [--settle-ms 100] [--port N] [--stdin] [--no-parent-watch]
//
// POST /settle and GET /supported are the facilitator, GET /payments lists what was paid, any other
// POST is the chain.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CHAINS, SELECTOR, TOPIC } from './facts.js';
import { parseJson, readBody, sendJson, serve } from './http.js';
import { endWithParent, integer, isMain } from './lifecycle.js';

const BLOCK_S = 2;
const FIRST_BLOCK = 1000; // how many there are at the start
const FINAL_DEPTH = 64; // blocks behind the latest
const NAME_SELECTOR = '0x06fdde03';
const NO_NODE_HAS_IT = { code: -32601, message: 'this chain does not know that' };

const hash = (text) => `0x${createHash('sha256').update(text).digest('hex')}`;
const quantity = (n) => `0x${n.toString(16)}`;
const word = (n) => quantity(n).slice(2).padStart(64, '0');
const wordOf = (address) => address.slice(2).toLowerCase().padStart(64, '0');
const addressIn = (data, i) => `0x${data.slice(10 + 64 * i + 24, 10 + 64 * (i + 1))}`;

const abiString = (text) => {
  const hex = Buffer.from(text).toString('hex');
  return `0x${word(32)}${word(text.length)}${hex.padEnd(Math.ceil(hex.length / 64) * 64, '0')}`;
};

class ScriptedChain {
  constructor({ chainId, treasury, fund }) {
    this.chain = CHAINS[chainId];
    this.chainId = chainId;
    this.token = this.chain.token.toLowerCase();
    this.balances = new Map([[treasury.toLowerCase(), BigInt(fund)]]);
    this.payments = [];
    this.byNonce = new Map();
    this.byTx = new Map();
    // As if blocks had come until now.
    this.startS = Math.floor(Date.now() / 1000) - BLOCK_S * FIRST_BLOCK;
  }

  get latest() {
    return Math.floor((Date.now() / 1000 - this.startS) / BLOCK_S);
  }

  number(tag) {
    const named = { latest: this.latest, pending: this.latest, earliest: 0,
      safe: this.latest - FINAL_DEPTH, finalized: this.latest - FINAL_DEPTH };
    return named[tag] ?? Number(tag);
  }

  block(number) {
    return number < 0 || number > this.latest ? null : {
      number: quantity(number),
      hash: hash(`block ${number}`),
      parentHash: hash(`block ${number - 1}`),
      timestamp: quantity(this.startS + BLOCK_S * number),
    };
  }

  // Pays what an authorization says; why not, or the payment.
  settle({ from, to, value, nonce }) {
    const amount = BigInt(value);
    const balance = this.balances.get(from.toLowerCase()) ?? 0n;
    if (this.byNonce.has(nonce.toLowerCase()))
      return { reason: 'invalid_exact_evm_nonce_already_used' };
    if (balance < amount)
      return { reason: 'insufficient_funds' };
    const payment = { from: from.toLowerCase(), to: to.toLowerCase(), value,
      nonce: nonce.toLowerCase(), block: this.latest, index: this.payments.length,
      tx: hash(`transaction of ${nonce}`) };
    this.balances.set(payment.from, balance - amount);
    this.balances.set(payment.to, (this.balances.get(payment.to) ?? 0n) + amount);
    this.payments.push(payment);
    this.byNonce.set(payment.nonce, payment);
    this.byTx.set(payment.tx, payment);
    return payment;
  }

  // AuthorizationUsed, and Transfer directly behind it.
  logs({ from, to, value, nonce, block, index, tx }) {
    const log = (i, topics, data) => ({ address: this.token, topics, data, removed: false,
      transactionHash: tx, transactionIndex: quantity(index), logIndex: quantity(2 * index + i),
      blockNumber: quantity(block), blockHash: hash(`block ${block}`) });
    return [
      log(0, [TOPIC.AuthorizationUsed, `0x${wordOf(from)}`, nonce], '0x'),
      log(1, [TOPIC.Transfer, `0x${wordOf(from)}`, `0x${wordOf(to)}`],
        `0x${word(BigInt(value))}`),
    ];
  }

  receipt(tx) {
    const payment = this.byTx.get(tx);
    return payment === undefined ? null : { transactionHash: tx, status: '0x1', to: this.token,
      blockNumber: quantity(payment.block), blockHash: hash(`block ${payment.block}`),
      logs: this.logs(payment) };
  }

  find({ fromBlock, toBlock, blockHash, topics }) {
    const fits = (log) => topics.every((wanted, i) => wanted === null
      || [wanted].flat().includes(log.topics[i]));
    return this.payments
      .filter(({ block }) => (blockHash === undefined
        ? block >= this.number(fromBlock) && block <= this.number(toBlock)
        : hash(`block ${block}`) === blockHash))
      .flatMap((payment) => this.logs(payment))
      .filter(fits);
  }

  call({ to, data }, tag) {
    const selector = data.slice(0, 10);
    if (to.toLowerCase() !== this.token)
      return '0x';
    switch (selector) {
      case SELECTOR.DOMAIN_SEPARATOR: return this.chain.domainSeparator;
      case NAME_SELECTOR: return abiString(this.chain.tokenName);
      case SELECTOR.paused: return `0x${word(0)}`;
      case SELECTOR.isBlacklisted: return `0x${word(0)}`;
      case SELECTOR.balanceOf:
        return `0x${word(this.balances.get(addressIn(data, 0)) ?? 0n)}`;
      case SELECTOR.authorizationState: {
        const payment = this.byNonce.get(`0x${data.slice(10 + 64)}`);
        return `0x${word(payment?.block <= this.number(tag) ? 1 : 0)}`;
      }
      case SELECTOR.transfer: return `0x${word(1)}`;
      case SELECTOR.transferWithAuthorization: return '0x';
      default: throw NO_NODE_HAS_IT;
    }
  }

  answer(method, params) {
    switch (method) {
      case 'eth_chainId': return quantity(this.chainId);
      case 'eth_getBlockByNumber': return this.block(this.number(params[0]));
      case 'eth_call': return this.call(...params);
      case 'eth_getCode': return '0x';
      case 'eth_getLogs': return this.find(params[0]);
      case 'eth_getTransactionReceipt': return this.receipt(params[0]);
      default: throw NO_NODE_HAS_IT;
    }
  }
}

function rpc(chain, { id, method, params }) {
  try {
    return { jsonrpc: '2.0', id, result: chain.answer(method, params) };
  } catch (e) {
    return { jsonrpc: '2.0', id, error: { code: e.code ?? -32603, message: e.message } };
  }
}

async function settle(chain, body, settleMs, res) {
  const { paymentPayload: { payload }, paymentRequirements: { network } } = body;
  const { tx, reason } = chain.settle(payload.authorization);
  await sleep(settleMs);
  sendJson(res, 200, { success: tx !== undefined, transaction: tx ?? '', network,
    payer: payload.authorization.from, ...(reason && { errorReason: reason }) });
}

async function startChain({ settleMs, port, ...options }) {
  const chain = new ScriptedChain(options);
  return serve(async (req, res) => {
    if (req.method === 'GET' && req.url === '/payments')
      return sendJson(res, 200, chain.payments);
    if (req.method === 'GET')
      return sendJson(res, 200, { extensions: [], signers: {}, kinds: [
        { x402Version: 2, scheme: 'exact', network: chain.chain.network }] });
    const body = parseJson((await readBody(req)).toString());
    if (req.url === '/settle')
      return settle(chain, body, settleMs, res);
    sendJson(res, 200, rpc(chain, body));
  }, port);
}

async function main() {
  const { values } = parseArgs({ options: {
    treasury: { type: 'string' }, 'chain-id': { type: 'string', default: '84532' },
    fund: { type: 'string', default: '1000000000000' },
    'settle-ms': { type: 'string', default: '100' }, port: { type: 'string', default: '0' },
    stdin: { type: 'boolean' }, 'no-parent-watch': { type: 'boolean' },
  } });
  if (!/^0x[0-9a-fA-F]{40}$/.test(values.treasury ?? ''))
    throw new Error('--treasury ADDRESS is missing');
  const number = (name) => integer(values[name], `--${name}`);
  const server = await startChain({
    treasury: values.treasury, chainId: number('chain-id'), fund: number('fund'),
    settleMs: number('settle-ms'), port: number('port'),
  });
  endWithParent(server.close,
    { stdin: values.stdin, watchParent: !values['no-parent-watch'] });
  process.stdout.write(`chain ready ${server.url}\n`);
}

if (isMain(import.meta.url))
  main().catch((e) => {
    process.stderr.write(`chain-scripted: ${e.message}\n`);
    process.exitCode = 1;
  });
