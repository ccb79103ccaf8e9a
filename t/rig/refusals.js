// How nodes say no, word by word: to a span of blocks that is too long, and to calls that come too
// fast. A node's plan decides which; the same code means one thing here and another there.
import { sendJson, sendText } from './http.js';

const LARGE_BYTES = 2 * 1024 * 1024;
const html = (status, title) => ({ status, text: `<html><head><title>${status} ${title}</title></head>`
  + `<body>${title}</body></html>`, headers: { 'content-type': 'text/html' } });
const rpc = (code, message, status = 200, headers = {}) =>
  ({ status, error: { code, message }, headers });

export const REFUSALS = {
  // ---- what a smaller span cures ----
  http413: html(413, 'Request Entity Too Large'),
  http503: html(503, 'Service Unavailable'),
  http504: html(504, 'Gateway Time-out'),
  large: { large: true }, // an answer of many bytes, all of it true
  silent: { silent: true }, // no answer at all
  closed: { closed: true }, // nor a connection
  alchemy: rpc(-32602, 'Log response size exceeded. You can make eth_getLogs requests with up to '
    + 'a 2K block range and no limit on the response size.', 400),
  'alchemy-free': rpc(-32600, 'Under the Free tier plan, you can make eth_getLogs requests with up '
    + 'to a 10 block range.', 400),
  infura: rpc(-32005, 'query returned more than 10000 results. Try with this block range [0x1, 0x5].'),
  quicknode: rpc(-32614, 'eth_getLogs is limited to a 5 range'),
  geth: rpc(-32000, 'exceed maximum block range: 5'),
  erigon: rpc(-32602, 'query timeout exceeded'),
  ankr: rpc(-32600, 'block range is too wide'),

  // ---- what only waiting cures ----
  http429: { status: 429, text: 'Too Many Requests', headers: { 'retry-after': '1' } },
  'infura-rate': rpc(-32005, 'project ID request rate exceeded'),
  'quicknode-rate': rpc(-32007, '15/second request limit reached - reduce calls per second or '
    + 'upgrade your account at quicknode.com'),
  'ankr-rate': rpc(-32029, 'Too many requests'),
  'base-rate': rpc(-32016, 'over rate limit', 429),
};

// How many blocks a call spans in which `length` tells that of a named block; 0: none.
export async function spanOf(call, view) {
  const filter = call.params?.[0] ?? {};
  if (call.method !== 'eth_getLogs' || filter.blockHash)
    return call.method === 'eth_getLogs' ? 1 : 0;
  await view.look();
  return Math.max(1, await view.resolve(filter.toBlock) - await view.resolve(filter.fromBlock) + 1);
}

// Sends the refusal called `how` to a body that `node` could have answered.
export async function refuse({ how, bytes = LARGE_BYTES, body, node, res }) {
  const r = REFUSALS[how];
  if (r.closed)
    return res.socket.destroy();
  if (r.silent)
    return undefined; // the connection goes when the client does, or when the rig ends
  if (r.large)
    return sendText(res, 200, `${JSON.stringify(await node.ask(body))}${' '.repeat(bytes)}`);
  if (r.error)
    return sendJson(res, r.status, { jsonrpc: '2.0', id: body.id ?? null, error: r.error }, r.headers);
  return sendText(res, r.status, r.text, r.headers);
}
