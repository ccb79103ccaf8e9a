// What a test does to the chain and asks of it: a library, and a command for shell tests
// (chain.js --help). Plain JSON-RPC and no package, so that the command starts in no time.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { SELECTOR, TEST_ACCOUNTS, TOPIC } from './facts.js';
import { postJson, request } from './http.js';
import { isMain } from './lifecycle.js';

const RECEIPT_MS = 15000;

export const hex = (n) => `0x${BigInt(n).toString(16)}`;
export const word = (value) => (typeof value === 'string' && value.startsWith('0x')
  ? value.slice(2).toLowerCase() : BigInt(value).toString(16)).padStart(64, '0');
const addressOf = (topic) => `0x${topic.slice(26)}`;

export class Chain {
  // rig: what rig.json holds; url: another way to the same chain, e.g. through the proxy.
  constructor(rig, url = rig.rpc) {
    this.rig = rig;
    this.token = rig.token;
    this.url = url;
    this.id = 0;
    this.agent = new http.Agent({ keepAlive: true });
  }

  // Without this a program that used a Chain would wait for its idle connection.
  close() {
    this.agent.destroy();
  }

  async rpc(method, params = []) {
    const id = ++this.id;
    const answer = await postJson(this.url, { jsonrpc: '2.0', id, method, params },
      { agent: this.agent });
    if (answer.json?.error)
      throw Object.assign(new Error(`${method}: ${answer.json.error.message}`),
        { rpc: answer.json.error });
    if (answer.json?.id !== id)
      throw new Error(`${method}: HTTP ${answer.status}, no JSON-RPC answer`);
    return answer.json.result;
  }

  // ---- reading -------------------------------------------------------------

  call(selector, args = [], tag = 'latest') {
    const data = selector + args.map(word).join('');
    return this.rpc('eth_call', [{ to: this.token, data }, tag]);
  }

  async balanceOf(address, tag) {
    return BigInt(await this.call(SELECTOR.balanceOf, [address], tag));
  }

  // True when used or canceled. An empty answer is neither yes nor no.
  async authorizationState(from, nonce, tag) {
    const answer = await this.call(SELECTOR.authorizationState, [from, nonce], tag);
    if (!/^0x0{63}[01]$/.test(answer))
      throw new Error(`authorizationState: got ${answer}`);
    return answer.endsWith('1');
  }

  async isBlacklisted(address) {
    return BigInt(await this.call(SELECTOR.isBlacklisted, [address])) === 1n;
  }

  async block(tag = 'latest') {
    const block = await this.rpc('eth_getBlockByNumber',
      [typeof tag === 'number' ? hex(tag) : tag, false]);
    return block && { number: Number(block.number), timestamp: Number(block.timestamp),
      hash: block.hash };
  }

  logs(topics, { fromBlock = 'earliest', toBlock = 'latest' } = {}) {
    return this.rpc('eth_getLogs', [{ address: this.token, fromBlock, toBlock, topics }]);
  }

  async transferLogs({ from, to, ...range } = {}) {
    const topic = (address) => (address ? `0x${word(address)}` : null);
    const logs = await this.logs([TOPIC.Transfer, topic(from), topic(to)], range);
    return logs.map((log) => ({ ...place(log), ...transferIn(log) }));
  }

  // Every authorization that was carried out or canceled, in the chain's order. The Transfer that
  // belongs to an AuthorizationUsed is the next log of its transaction: one transaction may hold
  // several pairs.
  async payments(range) {
    const logs = await this.logs([], range);
    const at = new Map(logs.map((log) => [`${log.transactionHash} ${Number(log.logIndex)}`, log]));
    const payments = [];
    for (const log of logs) {
      const used = log.topics[0] === TOPIC.AuthorizationUsed;
      if (!used && log.topics[0] !== TOPIC.AuthorizationCanceled)
        continue;
      const next = at.get(`${log.transactionHash} ${Number(log.logIndex) + 1}`);
      const paid = used && next?.topics[0] === TOPIC.Transfer;
      payments.push({
        event: used ? 'used' : 'canceled', nonce: log.topics[2], from: addressOf(log.topics[1]),
        ...(paid && { to: transferIn(next).to, value: transferIn(next).value }), ...place(log),
      });
    }
    return payments;
  }

  // ---- changing the token ---------------------------------------------------

  async receipt(hash, waitMs = RECEIPT_MS) {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const receipt = await this.rpc('eth_getTransactionReceipt', [hash]);
      if (receipt)
        return receipt;
      if (Date.now() > deadline)
        throw new Error(`${hash}: not mined in ${waitMs} ms (automine off? "mine 1" helps)`);
      await sleep(10);
    }
  }

  // From an account whose key anvil holds: the admin, or a stranger.
  async send(tx, from = TEST_ACCOUNTS.admin.address) {
    const hash = await this.rpc('eth_sendTransaction', [{ from, ...tx }]);
    const receipt = await this.receipt(hash);
    if (receipt.status !== '0x1')
      throw new Error(`${hash}: reverted`);
    return hash;
  }

  change(selector, args = []) {
    return this.send({ to: this.token, data: selector + args.map(word).join('') });
  }

  mint(address, micros) { return this.change(SELECTOR.mint, [address, BigInt(micros)]); }
  blacklist(address) { return this.change(SELECTOR.blacklist, [address]); }
  unBlacklist(address) { return this.change(SELECTOR.unBlacklist, [address]); }
  pause() { return this.change(SELECTOR.pause); }
  unpause() { return this.change(SELECTOR.unpause); }

  // A transaction that has nothing to do with us.
  strangerTransaction() {
    const { address } = TEST_ACCOUNTS.stranger;
    return this.send({ to: address, value: '0x1' }, address);
  }

  // Carries out a signed settle request without any facilitator: EIP-3009 binds it to nobody, so
  // whoever has read the body can do this.
  submit(body) {
    const { signature, authorization: a } = body.paymentPayload.payload;
    const vrs = [`0x${signature.slice(130, 132)}`, signature.slice(0, 66),
      `0x${signature.slice(66, 130)}`];
    const args = [a.from, a.to, BigInt(a.value), BigInt(a.validAfter), BigInt(a.validBefore),
      a.nonce, ...vrs];
    const data = SELECTOR.transferWithAuthorization + args.map(word).join('');
    return this.send({ to: this.token, data }, TEST_ACCOUNTS.stranger.address);
  }

  async cancel(key, nonce) {
    const { domainOf, signCancellation } = await import('./payload.js'); // viem: only when needed
    const { privateKeyToAccount } = await import('viem/accounts');
    const signature = await signCancellation({ key, nonce, domain: domainOf(this.rig) });
    return this.change(SELECTOR.cancelAuthorization, [privateKeyToAccount(key).address, nonce,
      `0x${signature.slice(130)}`, signature.slice(0, 66), `0x${signature.slice(66, 130)}`]);
  }

  // ---- changing the chain ----------------------------------------------------

  mine(blocks = 1) { return this.rpc('anvil_mine', [hex(blocks)]); }

  // Moves the chain's clock, and mines a block so that it shows. The facilitator's clock stays.
  async increaseTime(seconds) {
    await this.rpc('evm_increaseTime', [hex(seconds)]);
    return this.mine(1);
  }

  snapshot() { return this.rpc('evm_snapshot'); }

  // What happened since the snapshot never happened: a reorganisation. An id serves once.
  async revert(id) {
    if (await this.rpc('evm_revert', [id]) !== true)
      throw new Error(`snapshot ${id}: unknown or already used`);
  }

  setBlockTime(seconds) { return this.rpc('evm_setIntervalMining', [seconds]); }
  setAutomine(on) { return this.rpc('evm_setAutomine', [on]); }
  setCode(address, code) { return this.rpc('anvil_setCode', [address, code]); }
  setEth(address, wei) { return this.rpc('anvil_setBalance', [address, hex(wei)]); }
}

function place(log) {
  return { tx: log.transactionHash, block: Number(log.blockNumber), blockHash: log.blockHash,
    logIndex: Number(log.logIndex) };
}

function transferIn(log) {
  return { from: addressOf(log.topics[1]), to: addressOf(log.topics[2]),
    value: BigInt(log.data).toString() };
}

export function openRig(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

// ---- the command ----------------------------------------------------------------

const USAGE = `usage: node chain.js --rig DIR/rig.json VERB [ARGUMENT...]
reading (TAG: latest, safe, finalized, earliest, or a block number)
  get KEY                     a field of rig.json
  balance ADDRESS [TAG]       micro-USDC
  state FROM NONCE [TAG]      "used" (also when canceled) or "unused"
  blacklisted ADDRESS         "yes" or "no"
  transfers [FROM|-] [TO|-]   a line each: block, tx, from, to, micros
  payments                    JSON: carried-out and canceled authorizations
  block [TAG]                 JSON: number, timestamp, hash
  rpc METHOD [PARAMS-JSON]    anything else, the result as JSON
the token
  mint ADDRESS MICROS         blacklist ADDRESS      unblacklist ADDRESS
  pause                       unpause
  submit FILE|-               carries out a signed settle request without a facilitator
  cancel KEY NONCE            cancelAuthorization by the owner of KEY
  stranger                    an unrelated transaction; prints its hash
  sign 1|2 TO MICROS [JSON]   a signed settle request, by the test treasury unless
                              JSON has a key; JSON also: validAfter validBefore nonce payTo amount
the chain
  mine [N]                    warp SECONDS
  automine on|off             blocktime SECONDS (a block each SECONDS instead)
  snapshot                    revert ID
  code ADDRESS HEX            eth ADDRESS WEI
the servers that misbehave
  control NAME [JSON]         NAME: scripted, rpcProxy, facilitatorRpc, or the number of a node
                              from 0; JSON is posted, else read
`;

const tagOf = (text) => (/^[0-9]+$/.test(text ?? '') ? hex(text) : text);
const someAddress = (text) => (text === undefined || text === '-' ? undefined : text);

async function sign(chain, version, to, value, json = '{}') {
  const { BODY, domainOf, signAuthorization } = await import('./payload.js');
  const { payTo, amount, key = chain.rig.treasuryKey, ...fields } = JSON.parse(json);
  if (!key)
    throw new Error('sign: this rig has its own treasury; give {"key": ...}');
  const domain = domainOf(chain.rig);
  const signed = await signAuthorization({ key, domain, to, value, ...fields });
  return BODY[version]({ chainId: chain.rig.chainId, domain, signed, payTo, amount });
}

async function control(chain, name, json) {
  const url = ['scripted', 'rpcProxy', 'facilitatorRpc'].includes(name) ? chain.rig[name]
    : chain.rig.nodes?.[name];
  if (!url)
    throw new Error(`control: no ${name} here`);
  const answer = await (json === undefined
    ? request(`${url}/control`) : postJson(`${url}/control`, json));
  if (answer.status !== 200)
    throw new Error(answer.json?.error ?? answer.text);
  return answer.json;
}

// Strings are printed as they are, other values as JSON, undefined not at all.
const VERBS = {
  get: (c, key) => c.rig[key],
  balance: async (c, address, tag) => String(await c.balanceOf(address, tagOf(tag))),
  state: async (c, from, nonce, tag) =>
    (await c.authorizationState(from, nonce, tagOf(tag)) ? 'used' : 'unused'),
  blacklisted: async (c, address) => (await c.isBlacklisted(address) ? 'yes' : 'no'),
  transfers: async (c, from, to) =>
    (await c.transferLogs({ from: someAddress(from), to: someAddress(to) }))
      .map((t) => [t.block, t.tx, t.from, t.to, t.value].join(' ')).join('\n') || undefined,
  payments: (c) => c.payments(),
  block: (c, tag) => c.block(tagOf(tag)),
  rpc: (c, method, params = '[]') => c.rpc(method, JSON.parse(params)),
  mint: (c, address, micros) => c.mint(address, micros),
  blacklist: (c, address) => c.blacklist(address),
  unblacklist: (c, address) => c.unBlacklist(address),
  pause: (c) => c.pause(),
  unpause: (c) => c.unpause(),
  submit: (c, file) => c.submit(JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'))),
  cancel: (c, key, nonce) => c.cancel(key, nonce),
  stranger: (c) => c.strangerTransaction(),
  sign,
  mine: async (c, n = '1') => { await c.mine(n); },
  warp: async (c, seconds) => { await c.increaseTime(seconds); },
  snapshot: (c) => c.snapshot(),
  revert: async (c, id) => { await c.revert(id); },
  automine: async (c, state) => {
    if (state !== 'on' && state !== 'off')
      throw new Error('automine: on or off');
    await c.setAutomine(state === 'on');
  },
  blocktime: async (c, seconds) => { await c.setBlockTime(Number(seconds)); },
  code: async (c, address, code) => { await c.setCode(address, code); },
  eth: async (c, address, wei) => { await c.setEth(address, wei); },
  control,
};

async function main([option, path, verb, ...args]) {
  if (option !== '--rig' || !Object.hasOwn(VERBS, verb ?? '')) {
    process.stderr.write(USAGE);
    return option === '--help' ? 0 : 2;
  }
  let chain;
  try {
    chain = new Chain(openRig(path));
    const result = await VERBS[verb](chain, ...args);
    if (result !== undefined)
      process.stdout.write(`${typeof result === 'string' ? result : JSON.stringify(result)}\n`);
    return 0;
  } catch (e) {
    process.stderr.write(`${verb}: ${e.message}\n`);
    return 1;
  } finally {
    chain?.close();
  }
}

if (isMain(import.meta.url))
  main(process.argv.slice(2)).then((code) => { process.exitCode = code; });
