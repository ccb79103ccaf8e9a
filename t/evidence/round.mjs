// What a worker signs of a round (doc/protocol), with viem: for verify.mjs,
// forge.mjs and t/vectors/rounds.mjs.

import { concat, hashStruct, hashTypedData, keccak256 } from 'viem';

export const types = {
	EIP712Domain: [
		{ name: 'name', type: 'string' },
		{ name: 'version', type: 'string' },
		{ name: 'salt', type: 'bytes32' },
	],
	Assignment: [
		{ name: 'ledger', type: 'bytes32' },
		{ name: 'slot', type: 'uint64' },
		{ name: 'worker', type: 'address' },
		{ name: 'anchorSize', type: 'uint64' },
		{ name: 'anchorRoot', type: 'bytes32' },
	],
	CheckResult: [
		{ name: 'assignment', type: 'bytes32' },
		{ name: 'taskId', type: 'string' },
		{ name: 'url', type: 'string' },
		{ name: 'expectedStatus', type: 'uint16' },
		{ name: 'timestamp', type: 'uint64' },
		{ name: 'success', type: 'bool' },
		{ name: 'statusCode', type: 'uint16' },
		{ name: 'responseTimeMs', type: 'uint32' },
		{ name: 'error', type: 'string' },
		{ name: 'trace', type: 'string' },
		{ name: 'region', type: 'string' },
	],
	CheckRound: [
		{ name: 'worker', type: 'address' },
		{ name: 'count', type: 'uint16' },
		{ name: 'root', type: 'bytes32' },
	],
};
export const struct = (primaryType, data) => hashStruct({ data, primaryType, types });

export const pathOf = (l) => (l.path?.slice(2).match(/.{64}/g) ?? [])
    .map((h) => `0x${h}`);

// A token is no pattern.
export const urlOf = (l, d) => d.url.replace('{token}', () => l.token ?? '');

// The hash of the result of a line, by its task's definition and the root of
// its anchor.
export const resultHash = (l, d, anchorRoot) => struct('CheckResult', {
	assignment: struct('Assignment', { ledger: l.ledger,
	    slot: BigInt(l.slot), worker: l.worker, anchorSize: BigInt(l.anchor),
	    anchorRoot: `0x${anchorRoot.toString('hex')}` }),
	taskId: d.signedName ?? d.task, url: urlOf(l, d),
	expectedStatus: d.expectedStatus, timestamp: BigInt(l.timestamp),
	success: l.success, statusCode: l.status ?? 0, responseTimeMs: l.ms,
	error: l.error ?? '', trace: l.trace ?? '', region: l.region ?? '' });

// Where the path leads; undefined when it can't be that of the place.
export function roundRoot(entry, place, count, path) {
	const node = (left, right) => keccak256(concat(['0x01', left, right]));
	const walk = (i, n, len) => {
		if (n === 1 || len === 0)
			return n === 1 && len === 0 ?
			    keccak256(concat(['0x00', entry])) : undefined;
		const k = 2 ** Math.floor(Math.log2(n - 1));
		const below = i < k ? walk(i, k, len - 1) :
		    walk(i - k, n - k, len - 1);
		return below && (i < k ? node(below, path[len - 1]) :
		    node(path[len - 1], below));
	};
	return walk(place, count, path.length);
}

export const roundDigest = (ledger, worker, count, root) => hashTypedData({
	domain: { name: 'worknet', version: '1', salt: ledger }, types,
	primaryType: 'CheckRound', message: { worker, count, root } });
