// Makes t/vectors/rounds.json with viem: rounds of one to 64 results, each with
// the hashes of its assignments and results, its tree's root, the paths, the
// digest and the signature.
//
// Run where t/node_modules has viem: node rounds.mjs > rounds.json

import { concat, hashTypedData, keccak256, toBytes } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { struct, types } from '../evidence/round.mjs';

const account = privateKeyToAccount('0x' + '01'.repeat(32));
const ledger = keccak256(toBytes('a ledger'));
const domain = { name: 'worknet', version: '1', salt: ledger };

// RFC 6962, section 2.1, as it is written there.
const leaf = (entry) => keccak256(concat(['0x00', entry]));
const node = (left, right) => keccak256(concat(['0x01', left, right]));
const split = (n) => 2 ** Math.floor(Math.log2(n - 1));
function root(entries) {
	if (entries.length === 1)
		return leaf(entries[0]);
	const k = split(entries.length);
	return node(root(entries.slice(0, k)), root(entries.slice(k)));
}
function path(entries, i) {
	if (entries.length === 1)
		return [];
	const k = split(entries.length);
	return i < k
		? [...path(entries.slice(0, k), i), root(entries.slice(k))]
		: [...path(entries.slice(k), i - k), root(entries.slice(0, k))];
}

const anchors = [
	[0n, '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
	[300n, '0x26b305b46613dacc285e225ff024d22625f346cc6d00d21d7ed1331f067a98bc'],
];
const kinds = [
	{ success: true, statusCode: 200, error: '', trace: '', region: '' },
	{ success: true, statusCode: 200, error: '',
		trace: 'cf-ray:8f2d1c0e9a7b6c5d-FRA', region: 'EU' },
	{ success: false, statusCode: 503, error: '', trace: '', region: 'EU' },
	{ success: false, statusCode: 0, error: 'Timeout after 10000ms',
		trace: '', region: 'Ω' },
];

function result(n, i) {
	const [anchorSize, anchorRoot] = anchors[i % 2];
	const slot = BigInt(1000 * n + i);
	const assignment = struct('Assignment', { ledger, slot,
		worker: account.address, anchorSize, anchorRoot });
	const message = { assignment, taskId: `task_${i}`,
		url: `https://host-${i}.example.net/api/health`,
		expectedStatus: 200, timestamp: 1767225600123n + BigInt(i),
		responseTimeMs: 45 + i, ...kinds[i % kinds.length] };

	return { slot, anchorSize, anchorRoot, message,
		structHash: struct('CheckResult', message) };
}

async function round(n) {
	const results = [...Array(n).keys()].map((i) => result(n, i));
	const entries = results.map((r) => r.structHash);
	const message = { worker: account.address, count: n,
		root: root(entries) };
	const typed = { domain, types, primaryType: 'CheckRound', message };

	return { count: n, root: message.root, results,
		paths: entries.map((_, i) => path(entries, i)),
		digest: hashTypedData(typed),
		signature: await account.signTypedData(typed) };
}

const rounds = [];
for (const n of [1, 2, 3, 5, 7, 8, 50, 64])
	rounds.push(await round(n));
console.log(JSON.stringify({ ledgerId: ledger, worker: account.address,
	rounds }, (_, v) => typeof v === 'bigint' ? Number(v) : v, 1));
