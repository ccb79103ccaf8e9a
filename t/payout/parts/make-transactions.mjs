// Makes t/vectors/transaction-1559.json with viem: node t/payout/parts/make-transactions.mjs >FILE
// The same each time; t/unit/test_transaction.c reads it.
import {
  encodeFunctionData, keccak256, parseAbi, parseTransaction, serializeTransaction, toHex,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { CHAINS, MULTICALL3 } from '../../rig/facts.js';

const TOKEN_ABI = parseAbi(['function transferWithAuthorization(address from, address to, ' +
  'uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, ' +
  'bytes32 s)']);
const MULTICALL_ABI = parseAbi(['struct Call3 { address target; bool allowFailure; ' +
  'bytes callData; }', 'struct Result { bool success; bytes returnData; }',
  'function aggregate3(Call3[] calls) payable returns (Result[] returnData)']);

const key = (n) => keccak256(toHex(`key ${n}`));
const bytes = (n) => `0x${'ab'.repeat(n)}`;
const MAX = 2n ** 64n - 1n;
const BASE = { chainId: 8453, nonce: 7, tip: 1000000n, fee: 11000000n, gas: 340000n,
  to: CHAINS[8453].token, data: bytes(292) };

async function transaction(name, changes, n = 1) {
  const t = { ...BASE, ...changes };
  const account = privateKeyToAccount(key(n));
  const fields = { type: 'eip1559', chainId: t.chainId, nonce: t.nonce, to: t.to, data: t.data,
    maxPriorityFeePerGas: t.tip, maxFeePerGas: t.fee, gas: t.gas };
  const raw = await account.signTransaction(fields);
  return { name, privateKey: key(n), chainId: String(t.chainId), nonce: String(t.nonce),
    tipWei: String(t.tip), maxFeeWei: String(t.fee), gasLimit: String(t.gas), to: t.to,
    data: t.data, digest: keccak256(serializeTransaction(fields)), raw, hash: keccak256(raw) };
}

// The first account nonce whose signature begins so: serialised, r and s lose their zeros.
async function searched(name, wanted) {
  for (let nonce = 0; ; nonce++) {
    const made = await transaction(name, { nonce });
    const { r, s } = parseTransaction(made.raw);
    if (wanted(r.slice(2).padStart(64, '0'), s.slice(2).padStart(64, '0')))
      return made;
  }
}

async function transfers(count) {
  const all = [];
  for (let i = 0; i < count; i++) {
    const account = privateKeyToAccount(key(100 + i));
    const message = { from: account.address, to: privateKeyToAccount(key(200 + i)).address,
      value: i === 1 ? MAX : BigInt(2057 + i), validAfter: i === 2 ? MAX : 0n,
      validBefore: 1767229200n + BigInt(i), nonce: keccak256(toHex(`nonce ${i}`)) };
    const signature = await account.sign({ hash: keccak256(toHex(`digest ${i}`)) });
    all.push({ message, signature });
  }
  const single = all.map(({ message: m, signature: s }) => encodeFunctionData({ abi: TOKEN_ABI,
    args: [m.from, m.to, m.value, m.validAfter, m.validBefore, m.nonce,
      parseInt(s.slice(130), 16), s.slice(0, 66), `0x${s.slice(66, 130)}`] }));
  const data = encodeFunctionData({ abi: MULTICALL_ABI, args: [single.map((callData) =>
    ({ target: BASE.to, allowFailure: true, callData }))] });
  return { to: MULTICALL3, token: BASE.to, transfers: all.map(({ message, signature }) =>
    ({ ...message, value: String(message.value), validAfter: String(message.validAfter),
      validBefore: String(message.validBefore), signature })),
  first: single[0], last: single[count - 1], data: count > 2 ? undefined : data,
  dataLength: data.length / 2 - 1, dataHash: keccak256(data) };
}

const transactions = [
  await transaction('an ordinary one', {}),
  await transaction('one on the test network', { chainId: 84532, to: CHAINS[84532].token }),
  await transaction('one of another key', {}, 2),
  await transaction('a zero nonce', { nonce: 0 }),
  await transaction('the greatest one-byte number', { nonce: 127 }),
  await transaction('the smallest two-byte number', { nonce: 128 }),
  await transaction('a large nonce', { nonce: 2 ** 52 }),
  await transaction('fees of zero', { tip: 0n, fee: 0n }),
  await transaction('large fees', { tip: MAX, fee: MAX, gas: MAX }),
  await transaction('no data', { data: '0x' }),
  await transaction('one small byte of data', { data: '0x7f' }),
  await transaction('one great byte of data', { data: '0x80' }),
  await transaction('one zero byte of data', { data: '0x00' }),
  await transaction('the longest short data', { data: bytes(55) }),
  await transaction('the shortest long data', { data: bytes(56) }),
  await transaction('data of 255 bytes', { data: bytes(255) }),
  await transaction('data of 256 bytes', { data: bytes(256) }),
  await transaction('as much data as there may be', { data: bytes(30884) }),
  await searched('an r that begins with a zero', (r) => r.startsWith('00')),
  await searched('an s that begins with a zero', (r, s) => s.startsWith('00')),
];
const data = [await transfers(1), await transfers(2), await transfers(10), await transfers(64)];
process.stdout.write(`${JSON.stringify({ transactions, data }, null, 1)}\n`);
