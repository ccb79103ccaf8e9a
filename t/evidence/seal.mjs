// Seals of private tasks' results: what the log shows of their lines.

import { createHmac, createHash } from 'node:crypto';
import { hex256, refuse } from './tlog.mjs';

export const keyOf = (salt, slot, worker) => {
	const n = Buffer.alloc(8);
	n.writeBigUInt64BE(BigInt(slot));
	return createHmac('sha256', Buffer.from(salt, 'hex')).update(n)
	    .update(Buffer.from(worker.slice(2), 'hex')).digest();
};

// What is sealed: a line of no more than its worker knows as it sent it.
const sealOf = (key, { worker, outcome, timestamp, success, status, ms, error }) =>
    createHash('sha256').update(key).update(`${JSON.stringify({ worker, outcome,
	timestamp, success, status, ms, error })}\n`).digest();

export const sealsOf = (salt, text) => Buffer.concat(text.split('\n')
    .slice(0, -1).map((line) => JSON.parse(line))
    .filter((l) => l.outcome === 'result')
    .map((l) => sealOf(keyOf(salt, l.slot, l.worker), l)));

export function checkSeals(salt, leaf, file) {
	if (salt && hex256(sealsOf(salt, file.toString('utf8'))) !== leaf.seals)
		refuse(`leaf ${leaf.index}: the seals, which its workers look at, aren't those of its lines`);
}
