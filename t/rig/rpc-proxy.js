// An Ethereum node that fails and lies on command: JSON-RPC over HTTP in front of anvil.
//
//   node rpc-proxy.js --upstream URL [--mode MODE] [--port N] [--keep N] [--stdin]
//        [--no-parent-watch]
//
// POST /control {"mode": MODE, "times": N, ...}, see control.js and the tables below. Parameters:
// methods (only these JSON-RPC methods; the others pass), params (only calls whose first parameter
// fits this pattern), selector (only an eth_call whose data begins so), delayMs, blocks (lag, balance), code and message (error), status (http), result (answer),
// span, how and bytes (limit, see refusals.js), and the lies of invent.js (invent).
// GET /control: the steps and every call: method, params.
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Control } from './control.js';
import { CHAINS, SELECTOR } from './facts.js';
import { parseJson, postJson, readBody, sendJson, sendText, serve } from './http.js';
import { Inventor, LIES } from './invent.js';
import { endWithParent, integer, isMain } from './lifecycle.js';
import { REFUSALS, refuse, spanOf } from './refusals.js';
import { Lagging, Standing, View } from './view.js';

const PARAMETERS = ['methods', 'selector', 'params', 'delayMs', 'blocks', 'code', 'message', 'status',
  'result', 'span', 'how', 'bytes', ...LIES];
const REFUSE_MS = 1000;
const SLOW_MS = 1000;

const failed = (call, code, message) => ({ jsonrpc: '2.0', id: call.id, error: { code, message } });
const result = (call, value) => ({ jsonrpc: '2.0', id: call.id, result: value });
const dataOf = (call) => call.params?.[0]?.data ?? call.params?.[0]?.input ?? '';
const asksState = (call) =>
  call.method === 'eth_call' && dataOf(call).startsWith(SELECTOR.authorizationState);

// Modes that spoil the answer to one call: (call, step, node) -> answer.
const CALL_MODES = {
  pass: (call, step, node) => node.ask(call),

  error: (call, step) =>
    failed(call, step.code ?? -32000, step.message ?? 'rig: the node has a problem'),

  // "No data": what a node says of a contract that isn't there (yet). Not the same as zero.
  empty: (call) => result(call, { eth_call: '0x', eth_getLogs: [] }[call.method] ?? null),

  // The chain as it was `blocks` (default 5) ago: one backend of a load balancer that is behind.
  lag: (call, step, node) => new Lagging(node, step.blocks ?? 5).ask(call),

  // Two nodes behind one name, which answer by turns: one of them is `blocks` (default 5) behind.
  balance: (call, step, node) => {
    node.turns += 1;
    return node.turns % 2 ? node.ask(call) : new Lagging(node, step.blocks ?? 5).ask(call);
  },

  // The chain as it was when the first such call came: a node that hangs, and still answers.
  stand: (call, step, node) => node.viewOf(step, () => new Standing(node)).ask(call),

  // What isn't so, and fits itself: see invent.js.
  invent: async (call, step, node) => {
    const token = await node.token();
    return node.viewOf(step, () => new Inventor(node, step, token)).ask(call);
  },

  // The answer to a call that nobody made: the id is another one.
  'other-id': async (call, step, node) => ({ ...await node.ask(call), id: Number(call.id) + 1 }),

  'lie-unused': async (call, step, node) =>
    (asksState(call) ? result(call, `0x${'0'.repeat(64)}`) : node.ask(call)),

  'lie-used': async (call, step, node) =>
    (asksState(call) ? result(call, `0x${'0'.repeat(63)}1`) : node.ask(call)),

  slow: async (call, step, node) => {
    await sleep(step.delayMs ?? SLOW_MS, undefined, { ref: false });
    return node.ask(call);
  },

  // Receipts in which the members of `result` are others: gasUsed, or l1Fee as on an OP Stack chain.
  receipt: async (call, step, node) => {
    const reply = await node.ask(call);
    return call.method === 'eth_getTransactionReceipt' && reply.result
      ? { ...reply, result: { ...reply.result, ...step.result } } : reply;
  },

  // A result of the test's own choice.
  answer: (call, step) => result(call, step.result ?? null),
};

// Modes that spoil the whole HTTP exchange: (exchange) -> nothing, or an answer to send.
const EXCHANGE_MODES = {
  // The connection closes without an answer; nothing was carried out.
  down: ({ res }) => { res.socket.destroy(); },

  // As down, and for delayMs nobody listens: connection refused.
  refuse: async ({ step, server }) => {
    await server.close();
    await sleep(step.delayMs ?? REFUSE_MS, undefined, { ref: false });
    await server.reopen();
  },

  // Carried out by the node, but nobody hears of it. Limited to eth_sendRawTransaction unless
  // "methods" says otherwise: this is how a payment happens that its sender calls a failure.
  'lose-send': async ({ body, node, res }) => {
    await node.ask(body);
    res.socket.destroy();
  },

  // A plan with limits: an eth_getLogs over more than `span` blocks, or without `span` any call, is
  // refused in the way that `how` names (refusals.js); the rest is answered.
  limit: async ({ body, step, node, res }) => {
    const tooMuch = step.span === undefined
      || (await spanOf(body, new View(node))) > step.span;
    return tooMuch ? refuse({ ...step, body, node, res }) : sendJson(res, 200, await node.ask(body));
  },

  garbage: ({ res }) => sendText(res, 200, '<html>502 Bad Gateway</html>',
    { 'content-type': 'text/html' }),

  http: ({ res, step }) => sendText(res, step.status ?? 503, 'rig: service unavailable',
    { 'content-type': 'text/plain' }),
};

const METHODS_OF = { 'lose-send': ['eth_sendRawTransaction'] };

// Whether a step concerns a call.
function concerns(step, call) {
  const methods = step.methods ?? METHODS_OF[step.mode];
  return (!methods || methods.includes(call.method))
    && (!step.params || new RegExp(step.params).test(String(call.params?.[0])))
    && (!step.selector || (call.method === 'eth_call' && dataOf(call).startsWith(step.selector)));
}

function checkLimit({ mode, how }) {
  if (mode === 'limit' && !REFUSALS[how])
    throw new Error(`how: got ${how}, expected one of ${Object.keys(REFUSALS).join(' ')}`);
}

class Node {
  constructor(url, token) {
    this.url = url;
    this.tokenAddress = token;
    this.agent = new http.Agent({ keepAlive: true });
    this.views = new WeakMap();
    this.turns = 0;
  }

  // What a step has said so far, so that it goes on in the same way.
  viewOf(step, make) {
    if (!this.views.has(step))
      this.views.set(step, make());
    return this.views.get(step);
  }

  async token() {
    this.tokenAddress ??= CHAINS[Number(await this.read('eth_chainId'))].token;
    return this.tokenAddress;
  }

  async ask(body) {
    const answer = await postJson(this.url, body, { agent: this.agent });
    return answer.json ?? failed(body, -32603, `rig: the node answered HTTP ${answer.status}`);
  }

  async read(method, params = []) {
    const answer = await this.ask({ jsonrpc: '2.0', id: 1, method, params });
    if (answer.error)
      throw new Error(answer.error.message);
    return answer.result;
  }
}

export async function startRpcProxy({ upstream, token, mode = 'pass', port = 0, keep = 1000 }) {
  const control = new Control({
    modes: [...Object.keys(CALL_MODES), ...Object.keys(EXCHANGE_MODES)],
    parameters: PARAMETERS, keep, first: { mode }, checkMore: checkLimit,
  });
  control.check(control.first);
  const node = new Node(upstream, token);

  async function handle(req, res) {
    if (await control.serve(req, res))
      return;
    const body = parseJson((await readBody(req)).toString());
    const calls = Array.isArray(body) ? body : [body];
    if (!calls.every((call) => typeof call?.method === 'string'))
      return sendJson(res, 400, failed({ id: null }, -32600, 'rig: not a JSON-RPC request'));
    const steps = calls.map((call) => {
      const step = control.next((s) => concerns(s, call));
      control.record(call.method, { method: call.method, params: call.params, mode: step.mode });
      return step;
    });
    const whole = steps.find((step) => EXCHANGE_MODES[step.mode]);
    if (whole)
      return EXCHANGE_MODES[whole.mode]({ req, res, body, step: whole, node, server });
    const answers = await Promise.all(calls.map((call, i) =>
      CALL_MODES[steps[i].mode](call, steps[i], node)));
    sendJson(res, 200, Array.isArray(body) ? answers : answers[0]);
  }

  const server = await serve(handle, port);
  return {
    url: server.url,
    control,
    close: async () => {
      await server.close();
      node.agent.destroy();
    },
  };
}

async function main() {
  const { values } = parseArgs({ options: {
    upstream: { type: 'string' }, mode: { type: 'string' }, port: { type: 'string' },
    keep: { type: 'string' }, stdin: { type: 'boolean' }, 'no-parent-watch': { type: 'boolean' },
  } });
  if (!values.upstream)
    throw new Error('--upstream URL is missing');
  const number = (name) => (values[name] === undefined ? undefined : integer(values[name], name));
  const server = await startRpcProxy({
    upstream: values.upstream, mode: values.mode, port: number('port'), keep: number('keep'),
  });
  endWithParent(server.close,
    { stdin: values.stdin, watchParent: !values['no-parent-watch'] });
  process.stdout.write(`rpc-proxy ready ${server.url}\n`);
}

if (isMain(import.meta.url))
  main().catch((e) => {
    process.stderr.write(`rpc-proxy: ${e.message}\n`);
    process.exitCode = 1;
  });
