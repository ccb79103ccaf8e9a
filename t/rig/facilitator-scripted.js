// A facilitator that lies, stalls and breaks off on command, in front of the real one (or alone).
//
//   node facilitator-scripted.js [--upstream URL] [--rpc URL] [--mode MODE] [--delay MS]
//        [--port N] [--keep N] [--stdin] [--no-parent-watch]
//
// POST /control {"mode": MODE, "times": N, ...}, see control.js and the table MODES below.
// Parameters: delayMs; hash (instead of a made-up or real one); transfer (whether the request is
// carried out by the real facilitator first, where the mode leaves a choice); status, body,
// retryAfter; bytes; paths (what the mode applies to, default ["/settle"]: other paths pass).
// GET /control: the steps, and every received request: method, path, headers, body, sha256,
// connection (the same text: the same connection).
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Chain } from './chain.js';
import { Control, sha256 } from './control.js';
import { CHAINS } from './facts.js';
import { parseJson, postJson, readBody, request, sendJson, sendText, serve } from './http.js';
import { endWithParent, integer, isMain } from './lifecycle.js';

const PARAMETERS = ['delayMs', 'hash', 'transfer', 'status', 'body', 'retryAfter', 'bytes',
  'paths'];
const DELAY_MS = { hang: 200000, sleep: 100, drip: 1000 };
const HUGE_BYTES = 50e6;
const ACTIONS = ['/settle', '/verify', '/supported'];

// A payout's base URL may have a path of its own: what counts is how it ends.
const actionOf = (url) => {
  const { pathname } = new URL(url, 'http://x');
  return ACTIONS.find((action) => pathname.endsWith(action)) ?? pathname;
};

const randomHash = () => `0x${randomBytes(32).toString('hex')}`;

// Plausible and wrong: the other chain's name in the same version's spelling.
function otherNetwork(network) {
  const chains = Object.values(CHAINS).slice(0, 2);
  const field = String(network).startsWith('eip155:') ? 'network' : 'networkV1';
  return chains.map((chain) => chain[field]).find((name) => name !== network);
}

// ---- what a mode works with ---------------------------------------------------

class Exchange {
  constructor({ req, res, raw, step, upstream, chain, trap, stored, going }) {
    Object.assign(this, { req, res, raw, step, upstream, chain, trap, stored, going });
    const body = parseJson(raw.toString()) ?? {};
    this.network = body.paymentRequirements?.network ?? '';
    this.payer = body.paymentPayload?.payload?.authorization?.from ?? '';
  }

  // The same bytes to the real facilitator.
  forward() {
    if (!this.upstream)
      throw new Error('this mode needs --upstream');
    const url = this.upstream + actionOf(this.req.url);
    return this.req.method === 'POST' ? postJson(url, this.raw) : request(url);
  }

  // The real facilitator's answer when the mode is to move the money, else null.
  async carryOut(byDefault) {
    if (!(this.step.transfer ?? byDefault) || (!this.upstream && this.step.transfer === undefined))
      return null;
    const answer = await this.forward();
    this.stored.upstream = { status: answer.status, body: answer.text };
    return answer.json ?? {};
  }

  success(fields = {}) {
    return { success: true, transaction: this.step.hash ?? randomHash(), network: this.network,
      payer: this.payer, ...fields };
  }

  failure(errorReason, fields = {}) {
    return { success: false, errorReason, transaction: '', network: this.network,
      payer: this.payer, ...fields };
  }

  answer(value, status = this.step.status ?? 200, headers = {}) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    Object.assign(this.stored, { status, answer: text.slice(0, 2000) });
    sendText(this.res, status, text, headers);
  }

  relay({ status, text, headers }) {
    this.answer(text, status, { 'content-type': headers['content-type'] ?? 'application/json' });
  }

  // A closed connection, after what was written has left.
  hangUp() {
    this.stored.answer ??= null;
    this.res.socket?.end();
    this.res.socket?.destroySoon();
  }

  delay() {
    const ms = this.step.delayMs ?? DELAY_MS[this.step.mode] ?? 0;
    return Promise.race([sleep(ms, undefined, { ref: false }), this.going.ended]);
  }
}

// Without --upstream there is still an answer to what isn't scripted.
function standIn(x) {
  const action = actionOf(x.req.url);
  if (action === '/supported') {
    const kinds = Object.values(CHAINS).flatMap((chain) => [
      { x402Version: 2, scheme: 'exact', network: chain.network },
      ...(chain.networkV1 ? [{ x402Version: 1, scheme: 'exact', network: chain.networkV1 }] : []),
    ]);
    return x.answer({ kinds, extensions: [], signers: {} });
  }
  if (action === '/verify')
    return x.answer({ isValid: true, payer: x.payer });
  return x.answer({ error: 'no upstream' }, 502);
}

async function sendHuge(x) {
  await x.carryOut(true);
  const size = x.step.bytes ?? HUGE_BYTES;
  const head = `${JSON.stringify(x.success()).slice(0, -1)},"extra":"`;
  const chunk = Buffer.alloc(65536, 'A');
  function* text() {
    yield head;
    for (let left = size - head.length - 2; left > 0; left -= chunk.length)
      yield chunk.subarray(0, Math.min(left, chunk.length));
    yield '"}';
  }
  x.res.writeHead(200, { 'content-type': 'application/json', 'content-length': size });
  await pipeline(Readable.from(text()), x.res).catch(() => {}); // the client had enough
}

// ---- the modes ------------------------------------------------------------------
// In brackets: whether the money moves (where "transfer" can change it, its default).

const MODES = {
  // [as the real one does]
  pass: async (x) => (x.upstream ? x.relay(await x.forward()) : standIn(x)),

  // [no] A hash that no chain knows.
  'success-without-transfer': (x) => x.answer(x.success()),

  // [no] success:true and no hash at all.
  'success-without-hash': (x) => x.answer(x.success({ transaction: '' })),

  // [yes] What @x402/evm says when the node's answer to eth_sendRawTransaction was lost.
  'failure-with-transfer': async (x) => {
    await x.carryOut(true);
    x.answer(x.failure('invalid_exact_evm_transaction_failed',
      { errorMessage: 'HTTP request failed.' }));
  },

  // [yes] How CDP reports settlement_pending.
  'http500-with-hash': async (x) => {
    const real = await x.carryOut(true);
    const transaction = x.step.hash ?? real?.transaction ?? randomHash();
    x.answer(x.failure('settlement_pending', { transaction }), x.step.status ?? 500);
  },

  // [no] A real, mined hash of somebody else's transaction.
  'stranger-hash': async (x) => {
    await x.carryOut(false);
    const transaction = x.step.hash ?? await x.chain?.strangerTransaction() ?? randomHash();
    x.answer(x.success({ transaction }));
  },

  // [yes] True but for the chain's name.
  'wrong-network': async (x) => {
    const real = await x.carryOut(true);
    const transaction = x.step.hash ?? real?.transaction ?? randomHash();
    x.answer(x.success({ transaction, network: otherNetwork(x.network) }));
  },

  // [no] Reads the request, closes.
  'no-answer': async (x) => {
    await x.carryOut(false);
    x.hangUp();
  },

  // [yes] The true answer, delayMs later (200 s): longer than clients wait.
  hang: async (x) => {
    const real = await x.carryOut(true);
    await x.delay();
    x.answer(real ?? x.failure('unexpected_settle_error'));
  },

  // [yes] The true answer, a byte each delayMs (1 s).
  drip: async (x) => {
    const text = JSON.stringify(await x.carryOut(true) ?? x.success());
    x.res.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    for (const byte of text) {
      if (!x.res.writable)
        break;
      x.res.write(byte);
      await x.delay();
    }
    x.res.end();
  },

  // [yes] Announces more than it sends.
  'half-answer': async (x) => {
    const text = JSON.stringify(await x.carryOut(true) ?? x.success());
    x.res.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    x.res.write(text.slice(0, text.length >> 1));
    x.hangUp();
  },

  // [yes] 50 MB of valid JSON.
  huge: sendHuge,

  // [no]
  nonsense: async (x) => {
    await x.carryOut(false);
    x.answer('<html><body>It works!</body></html>', 200, { 'content-type': 'text/html' });
  },

  // [no] To another host and port, where `trapped` counts who follows.
  redirect: (x) => x.answer('', 307, { location: `${x.trap}${x.req.url}` }),

  // [no] To itself, for ever.
  'redirect-same': (x) => x.answer('', 308,
    { location: `http://${x.req.headers.host}${x.req.url}` }),

  // [no]
  http429: (x) => x.answer({ error: 'Too many requests' }, 429,
    { 'retry-after': String(x.step.retryAfter ?? 1) }),

  // [once, if the chain is right] The same bytes twice at once; the first answer counts.
  'deliver-twice': async (x) => {
    const both = [x.forward(), x.forward()];
    x.relay(await Promise.race(both));
    const answers = await Promise.allSettled(both);
    x.stored.upstreamBoth = answers.map((a) => a.value?.text ?? String(a.reason));
  },

  // [yes] Broadcast, not yet confirmed.
  pending: async (x) => {
    const real = await x.carryOut(true);
    const transaction = x.step.hash ?? real?.transaction ?? randomHash();
    x.answer(x.failure('settlement_pending', { transaction }));
  },

  // [yes] What npm x402 1.2.0 says about every exception, before or after it sent.
  'bad-request-v1': async (x) => {
    await x.carryOut(true);
    x.answer({ error: 'Invalid request' }, 400);
  },

  // [no] x402-rs and v1 say this also of a payout that was already settled.
  insufficient: async (x) => {
    await x.carryOut(false);
    x.answer(x.failure('insufficient_funds'));
  },

  // [no] For benchmarks: success after exactly delayMs (100), the same hash for the same bytes.
  sleep: async (x) => {
    await x.delay();
    x.answer(x.success({ transaction: x.step.hash ?? `0x${sha256(x.raw)}` }));
  },

  // [no] Whatever "status" and "body" (text or JSON) say.
  answer: async (x) => {
    await x.carryOut(false);
    x.answer(x.step.body ?? '');
  },

  // [no] drop-before is done before the body is read: see below.
  'drop-before': (x) => x.hangUp(),
};

// ---- the server -----------------------------------------------------------------

export async function startScripted({ upstream, rpc, mode = 'pass', delayMs, port = 0, keep } = {}) {
  const control = new Control({
    modes: Object.keys(MODES), parameters: PARAMETERS, keep,
    first: { mode, ...(delayMs !== undefined && { delayMs }) },
  });
  control.check(control.first);
  const chain = rpc && new Chain({ rpc });
  // Where a redirect leads: nobody should ever come here with a payment in hand.
  let trapped = 0;
  const trap = await serve(async (req, res) => {
    trapped++;
    await readBody(req);
    sendJson(res, 200, { success: true, transaction: randomHash() });
  });
  const trapUrl = `http://localhost:${trap.port}`; // another name, another port: another host

  const server = await serve(async (req, res) => {
    if (await control.serve(req, res, { trapped }))
      return;
    const action = actionOf(req.url);
    const step = control.next((s) => (s.paths ?? ['/settle']).includes(action));
    const entry = { method: req.method, path: req.url, mode: step.mode, headers: req.headers,
      connection: `${req.socket.remotePort}` };
    if (step.mode === 'drop-before') {
      control.record(action, { ...entry, body: null });
      return req.socket.resetAndDestroy();
    }
    const raw = await readBody(req);
    const stored = control.record(action,
      { ...entry, sha256: sha256(raw), body: raw.toString() });
    await MODES[step.mode](new Exchange({ req, res, raw, step, upstream, chain, trap: trapUrl,
      stored, going: control.going }));
  }, port);

  return {
    url: server.url,
    control,
    close: async () => {
      chain?.close();
      await Promise.all([server.close(), trap.close()]);
    },
  };
}

async function main() {
  const { values } = parseArgs({ options: {
    upstream: { type: 'string' }, rpc: { type: 'string' }, mode: { type: 'string' },
    delay: { type: 'string' }, port: { type: 'string' }, keep: { type: 'string' },
    stdin: { type: 'boolean' }, 'no-parent-watch': { type: 'boolean' },
  } });
  const number = (name) => (values[name] === undefined ? undefined : integer(values[name], name));
  const server = await startScripted({
    upstream: values.upstream?.replace(/\/+$/, ''), rpc: values.rpc, mode: values.mode,
    delayMs: number('delay'), port: number('port'), keep: number('keep'),
  });
  endWithParent(server.close,
    { stdin: values.stdin, watchParent: !values['no-parent-watch'] });
  process.stdout.write(`scripted ready ${server.url}\n`);
}

if (isMain(import.meta.url))
  main().catch((e) => {
    process.stderr.write(`facilitator-scripted: ${e.message}\n`);
    process.exitCode = 1;
  });
