// facilitator.c against the real facilitator, and against one that lies.
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { createServer } from 'node:net';
import { order, recorded } from '../../rig/testing.js';
import { file, is, ok, probe } from './tap.mjs';
import { randomHash } from './rig.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

// The real one settles what C has signed.
export async function testBase(r) {
  const { name, rig } = r;
  const kinds = (await probe('supported', `${rig.facilitator}//`, name, '', '')).json[0];
  ok(kinds?.v1 === true && kinds?.v2 === true,
    `${name}: the real facilitator takes v1 and v2, asked at a URL with slashes behind`, kinds);
  for (const version of [2, 1]) {
    const made = await r.sign({ version });
    const answer = await r.settle(made);
    ok(answer.class === 'success' && answer.status === 200 && answer.hash && answer.sent,
      `${name}: a v${version} body is settled by the real facilitator`, answer);
    is(await r.chain.balanceOf(made.to), 10000n, `${name}: the money of the v${version} body is there`);
    const again = await r.settle(made, { again: 'again' });
    ok(again.class === 'ambiguous' && !again.success,
      `${name}: the v${version} body once more is ambiguous, not refused`, again);
    is(await r.chain.balanceOf(made.to), 10000n, `${name}: and pays nothing more`);
  }
  const poor = await r.sign({ value: 10n ** 15n });
  is((await r.settle(poor)).class, 'retry', `${name}: too little balance is to be tried again`);
  const late = await r.sign({ validBefore: Math.floor(Date.now() / 1000) + 3 });
  is((await r.settle(late)).class, 'refused', `${name}: an authorization that ends at once is refused`);
  const early = await r.sign({ validAfter: Math.floor(Date.now() / 1000) + 600,
    validBefore: Math.floor(Date.now() / 1000) + 1200 });
  is((await r.settle(early)).class, 'retry', `${name}: one that begins later is to be tried again`);
}

// mode -> expected class, and more about the answer where it matters.
const LIES = [
  ['success-without-transfer', 'success'],
  ['success-without-hash', 'ambiguous'],
  ['failure-with-transfer', 'ambiguous'],
  ['http500-with-hash', 'pending', (a) => a.hash && a.status === 500],
  ['stranger-hash', 'success'],
  ['wrong-network', 'ambiguous', (a) => a.success],
  ['no-answer', 'ambiguous', (a) => a.sent && a.status === 0],
  ['half-answer', 'ambiguous', (a) => a.sent && a.error !== ''],
  ['huge', 'ambiguous', (a) => a.text.length <= 2048],
  ['nonsense', 'ambiguous', (a) => a.text.includes('It works!')],
  ['redirect', 'ambiguous', (a) => a.status === 307],
  ['redirect-same', 'ambiguous', (a) => a.status === 308],
  ['http429', 'retry', (a) => a.retryAfter === 1],
  ['pending', 'pending'],
  ['bad-request-v1', 'ambiguous'],
  ['insufficient', 'retry'],
  ['drop-before', 'ambiguous', (a) => a.sent],
];

async function testLie(r, [mode, expected, more = () => true]) {
  const url = r.rig.scripted;
  await order(url, { mode });
  const before = await recorded(url);
  const made = await r.sign();
  const answer = await r.settle(made, { url });
  ok(answer.class === expected && more(answer), `${mode}: ${expected}`, answer);
  const after = await recorded(url);
  is(after.count - before.count, 1, `${mode}: the body is sent once`);
  is(after.trapped, 0, `${mode}: nobody else gets it`);
  const { body } = after.requests.at(-1);
  ok(body === null || body === made.text, `${mode}: the bytes are those that were stored`);
}

async function testTimes(r) {
  const url = r.rig.scripted;
  await order(url, { mode: 'hang', delayMs: 5000 });
  const made = await r.sign();
  const slow = await r.settle(made, { url, timeoutMs: 1000 });
  ok(slow.class === 'ambiguous' && slow.elapsed < 4000 && slow.sent,
    'an answer that comes too late is ambiguous', slow);
  is((await r.judge(made)).verdict, 'paid', 'and what it hid is found on the chain');

  await order(url, { mode: 'sleep', delayMs: 400 });
  const bodies = await Promise.all([...Array(8)].map(() => r.sign()));
  const start = Date.now();
  const answers = await r.settle(bodies, { url, atOnce: 4 });
  const ms = Date.now() - start;
  ok(answers.every((a) => a.class === 'success'), 'eight bodies, four at once: each has its answer');
  ok(ms >= 800 && ms < 2400, 'and they take the time of two', ms);
}

async function testPatience(r) {
  const url = r.rig.scripted;
  await order(url, [{ mode: 'pass' }, { mode: 'http429', retryAfter: 2, times: 1 }]);
  const bodies = [await r.sign(), await r.sign()];
  const start = Date.now();
  const [first, second] = await r.settle(bodies, { url });
  ok(first.class === 'retry' && first.retryAfter === 2 && second.class === 'success'
    && Date.now() - start >= 2000, 'after a 429 the next body waits as long as Retry-After says',
  { first, second });

  await order(url, [{ mode: 'pass' }, { mode: 'http429', retryAfter: 3600, times: 1 }]);
  const before = (await recorded(url)).count;
  const rest = await r.settle(bodies, { url, sent: 1 });
  ok(rest[0].class === 'retry' && (await recorded(url)).count === before + 1,
    'when it asks for an hour, the rest is not sent', rest);
}

async function testPatienceOfMany(r) {
  const url = r.rig.scripted;
  await order(url, [{ mode: 'sleep', delayMs: 100 }, { mode: 'http429', retryAfter: 2, times: 1 }]);
  const bodies = await Promise.all([...Array(12)].map(() => r.sign()));
  const before = (await recorded(url)).count;
  const start = Date.now();
  const answers = await r.settle(bodies, { url, atOnce: 3 });
  ok(answers.filter((a) => a.class === 'retry').length === 1
    && answers.filter((a) => a.class === 'success').length === 11 && Date.now() - start >= 2000,
  'of many at once only the one that got the 429 is to be tried again', answers);
  const requests = (await recorded(url)).requests.filter((q) => q.n > before);
  ok(requests.length === 12 && new Set(requests.map((q) => q.sha256)).size === 12,
    'and each was sent once', requests.map((q) => q.sha256));
  const late = requests.filter((q) => q.at - requests[0].at >= 1900).length;
  ok(late >= 9, 'what was not on its way waited', requests.map((q) => q.at - requests[0].at));
}

async function testUnreached(r) {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => { server.once('listening', resolve); });
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  const made = await r.sign();
  const refused = await r.settle(made, { url: `http://127.0.0.1:${port}` });
  ok(refused.class === 'retry' && !refused.sent && refused.status === 0,
    'where nobody listens nothing was sent: to be tried again', refused);
  const unknown = await r.settle(made, { url: 'http://worknet.invalid' });
  ok(unknown.class === 'retry' && !unknown.sent, 'a name that does not exist: the same', unknown);
  // The rig speaks no TLS.
  const tls = await r.settle(made, { url: r.rig.scripted.replace('http:', 'https:') });
  ok(tls.class === 'retry' && !tls.sent, 'without TLS nothing is sent to an https URL', tls);
  for (const url of ['ftp://x', 'http://u:p@127.0.0.1', 'http://127.0.0.1/?a=b', ''])
    is((await probe('settle', url, r.name, 1, 1000, '', '', '', made.path)).code, 1,
      `"${url}" is no facilitator`);
}

async function testRequest(r) {
  const url = r.rig.scripted;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const cdpFile = file(Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')])
    .toString('base64'));
  await order(url, { mode: 'pass' });
  const bodies = [await r.sign(), await r.sign()];
  await r.settle(bodies, { url: `${url}/platform/v2/x402/`, cdpId: 'a-key', cdpFile });
  const requests = (await recorded(url)).requests.slice(-2);
  const tokens = requests.map((q) => q.headers.authorization?.replace(/^Bearer /, ''));
  ok(requests.every((q, i) => q.path === '/platform/v2/x402/settle'
    && q.headers['content-type'] === 'application/json' && !q.headers.expect
    && q.sha256 === sha256(bodies[i].text)), 'a POST of JSON with the stored bytes', requests[0]);
  ok(tokens.every((t) => {
    const [h, c, s] = t.split('.');
    const claims = JSON.parse(Buffer.from(c, 'base64url'));
    return verify(null, Buffer.from(`${h}.${c}`), publicKey, Buffer.from(s, 'base64url'))
      && claims.uris[0] === `POST ${new URL(url).host}/platform/v2/x402/settle`
      && Math.abs(claims.iat - Date.now() / 1000) < 30;
  }), 'with a key for CDP each request has a token for itself', tokens);
  ok(tokens[0] !== tokens[1], 'and each its own');
  await order(url, { mode: 'sleep', delayMs: 1100 });
  await r.settle([...bodies, await r.sign()], { url, cdpId: 'a-key', cdpFile });
  const times = (await recorded(url)).requests.slice(-3).map((q) => JSON.parse(Buffer.from(
    q.headers.authorization.split('.')[1], 'base64url')).iat);
  ok(times[0] < times[1] && times[1] < times[2], 'made when its turn has come', times);
  await order(url, { mode: 'pass' });
  const { json } = await probe('supported', url, r.name, 'a-key', cdpFile);
  const last = (await recorded(url)).requests.at(-1);
  ok(json[0]?.v2 && last.method === 'GET' && JSON.parse(Buffer.from(last.headers.authorization
    .split('.')[1], 'base64url')).uris[0].startsWith('GET '), 'GET /supported has one, too', last);
}

export async function testLies(r) {
  for (const lie of LIES)
    await testLie(r, lie);
  await order(r.rig.scripted, { mode: 'insufficient' });
  is((await r.settle(await r.sign(), { url: r.rig.scripted, again: 'again' })).class, 'ambiguous',
    'insufficient_funds for a body that was posted before is ambiguous');
  await order(r.rig.scripted, { mode: 'deliver-twice' });
  const twice = await r.sign();
  await r.settle(twice, { url: r.rig.scripted });
  is(await r.chain.balanceOf(twice.to), 10000n, 'a body that is delivered twice pays once');
  await order(r.rig.scripted, { mode: 'answer', status: 200,
    body: { success: true, transaction: randomHash(), network: r.rig.networkV1, payer: null } });
  is((await r.settle(await r.sign(), { url: r.rig.scripted })).class, 'success',
    'the network may be named as in v1');
  await testTimes(r);
  await testPatience(r);
  await testPatienceOfMany(r);
  await testUnreached(r);
  await testRequest(r);
}
