// CDP's bearer tokens, verified with Node's crypto, for each form of key.
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { file, is, ok, probe } from './tap.mjs';

const ID = 'organizations/0b1f6f0e-6c1b-4d4a-9a35-3f2b5b1c7a10/apiKeys/5f1c5b8e-3a64-41c9-8a0d-7d2f1a9b4c33';
const URL_SETTLE = 'https://api.cdp.coinbase.com/platform/v2/x402/settle';
const NOW = 1767225600;

function ed25519() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
  return { publicKey, secret };
}

const ec = (curve = 'P-256') => generateKeyPairSync('ec', { namedCurve: curve });

function forms() {
  const e = ed25519();
  const p = ec();
  const sec1 = p.privateKey.export({ type: 'sec1', format: 'pem' });
  const pkcs8 = p.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const text = e.secret.toString('base64');
  return [
    ['Ed25519, base64', text, e.publicKey, 'EdDSA'],
    ['Ed25519, base64 with an end of line', `${text}\n`, e.publicKey, 'EdDSA'],
    ['EC, SEC1', sec1, p.publicKey, 'ES256'],
    ['EC, PKCS#8', pkcs8, p.publicKey, 'ES256'],
    ['EC, SEC1 with literal \\n', sec1.replaceAll('\n', '\\n'), p.publicKey, 'ES256'],
    ['EC, PKCS#8 with literal \\n', pkcs8.trimEnd().replaceAll('\n', '\\n'), p.publicKey, 'ES256'],
  ];
}

const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());

function signatureHolds(token, publicKey, alg) {
  const [header, claims, signature] = token.split('.');
  const raw = Buffer.from(signature, 'base64url');
  return raw.length === 64 && verify(alg === 'ES256' ? 'sha256' : null,
    Buffer.from(`${header}.${claims}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw);
}

async function testForm([name, secret, publicKey, alg]) {
  const path = file(secret);
  const tokens = [];
  // Many: r and s must be padded where they begin with zeros.
  for (let i = 0; i < 8; i++)
    tokens.push((await probe('token', ID, path, 'POST', URL_SETTLE, NOW)).out);
  ok(tokens.every((token) => signatureHolds(token, publicKey, alg)),
    `${name}: Node verifies the signatures`, tokens[0]);
  const header = decode(tokens[0].split('.')[0]);
  const claims = decode(tokens[0].split('.')[1]);
  ok(header.alg === alg && header.kid === ID && header.typ === 'JWT'
    && /^[0-9a-f]{32}$/.test(header.nonce) && Object.keys(header).length === 4,
  `${name}: the header is CDP's`, header);
  is(JSON.stringify(claims), JSON.stringify({ sub: ID, iss: 'cdp',
    uris: ['POST api.cdp.coinbase.com/platform/v2/x402/settle'], iat: NOW, nbf: NOW,
    exp: NOW + 120 }), `${name}: the claims are CDP's`);
  is(new Set(tokens.map((t) => decode(t.split('.')[0]).nonce)).size, 8,
    `${name}: each token has a nonce of its own`);
  ok(tokens.every((t) => /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/.test(t)),
    `${name}: base64url without padding`);
}

async function testRefused() {
  const { secret } = ed25519();
  const wrong = Buffer.from(secret);
  wrong[40] ^= 1;
  const encrypted = ec().privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc',
    passphrase: 'x' });
  const open = file(secret.toString('base64'));
  chmodSync(open, 0o640);
  const cases = [
    ['a file that the group can read', open],
    ['a missing file', '/nonexistent'],
    ['63 bytes', file(secret.subarray(1).toString('base64'))],
    ['66 bytes', file(Buffer.concat([secret, Buffer.alloc(2)]).toString('base64'))],
    ['a public half of another key', file(wrong.toString('base64'))],
    ['another curve', file(ec('P-384').privateKey.export({ type: 'sec1', format: 'pem' }))],
    ['an encrypted PEM', file(encrypted)],
    ['a PEM that holds no key', file('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')],
    ['a public key', file(createPublicKey(ec().publicKey.export({ type: 'spki', format: 'pem' }))
      .export({ type: 'spki', format: 'pem' }))],
    ['an empty file', file('')],
    ['a huge file', file('A'.repeat(100000))],
  ];
  for (const [name, path] of cases) {
    const { code, out, err } = await probe('token', ID, path, 'POST', URL_SETTLE, NOW);
    ok(code === 1 && out === '' && err !== '' && !err.includes(secret.toString('base64').slice(0, 20)),
      `CDP key: ${name} is refused`, { code, err });
  }
  const good = file(secret.toString('base64'));
  for (const id of ['', 'a"b', 'a b', 'x'.repeat(201)])
    is((await probe('token', id, good, 'POST', URL_SETTLE, NOW)).code, 1,
      `CDP key: the id ${JSON.stringify(id.slice(0, 10))} is refused`);
}

export async function testTokens() {
  for (const form of forms())
    await testForm(form);
  await testRefused();
}
