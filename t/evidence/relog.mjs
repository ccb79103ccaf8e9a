// An operator who has the log's key, and logs what isn't so: the whole export is
// made anew, as a log of its own.

import { existsSync, rmSync } from 'node:fs';
import { keccak256, serializeSignature, toBytes } from 'viem';
import { privateKeyToAddress, sign } from 'viem/accounts';
import { edit, fileOf, get, is, isSegment, leafOf, path, put, secret, seed }
    from './copy.mjs';
import { pathOf as roundPath, resultHash, roundDigest, roundRoot }
    from './round.mjs';
import { sealsOf } from './seal.mjs';
import { checkpointText, consistency, hex256, inclusion, leafHash, proofText,
    root, secretOf, signNote, signature, vkeyOf } from './tlog.mjs';

// Of a private task with what its leaves commit to, in their order.
function model() {
	const opens = existsSync(path('opening')) ? get('opening').trimEnd()
	    .split('\n').slice(1).map((l) => JSON.parse(l)) : [];
	return leafOf(() => true).map(({ name, index, p, ...leaf }) => ({
		index, leaf, open: is('private-task')({ leaf }) ? opens.shift() :
		    undefined, rows: fileOf(leaf) && get(fileOf(leaf))
		    .trimEnd().split('\n').filter((l) => l !== '')
		    .map((l) => JSON.parse(l)) }));
}

// The workers of make_ledger, with its seed: address -> key.
export const workers = new Map([...Array(20).keys()].map((i) => {
	const key = keccak256(toBytes(`worknet test key 5 ${i}`));
	return [privateKeyToAddress(key).toLowerCase(), key];
}));

// A round is signed anew, with the path that the line has.
export async function resign(r, d, anchorRoot) {
	const top = roundRoot(resultHash(r, d, anchorRoot), r.place, r.count,
	    roundPath(r));
	r.signature = serializeSignature(await sign({ privateKey:
	    workers.get(r.worker), hash: roundDigest(r.ledger, r.worker, r.count,
	    top) }));
}

// The log has other leaves than before, so that what names it is signed anew,
// as if the workers were the operator's, too; but what they weren't told of
// they don't sign.
async function reanchor(all) {
	const definition = new Map();
	const hashes = [];
	const at = new Map(all.map((x, i) => [x.index, i]));
	for (const [i, x] of all.entries()) {
		if ((is('task')(x) || x.open) && !x.untold)
			definition.set(x.leaf.version, x.open ?? x.leaf);
		for (const r of x.rows ?? []) {
			if (!r.anchor)
				continue;
			r.anchor = all.slice(0, i)
			    .filter((y) => y.index < r.anchor).length;
			await resign(r, definition.get(r.version),
			    root(hashes.slice(0, r.anchor)));
		}
		hashes.push(leafHash(entryOf(x, at, true)));
	}
}

// Segments' counts and hashes, unless they are what was forged.
function entryOf({ leaf, rows, open, bytes }, at, count) {
	if (Buffer.isBuffer(leaf))
		return leaf;
	leaf = { ...leaf };
	for (const key of ['prev', 'definition', 'maintenance'])
		if (key in leaf && leaf[key] !== null)
			leaf[key] = at.get(leaf[key]) ?? leaf[key];
	if (open) {
		open.prev = leaf.prev;
		leaf.commitment = hex256(Buffer.concat([
		    Buffer.from(get('opening').slice(0, 64), 'hex'),
		    Buffer.from(JSON.stringify(open))]));
	}
	if (bytes)
		return bytes(leaf);
	if (!rows)
		return Buffer.from(JSON.stringify(leaf));
	const text = textOf(rows);
	leaf.bytes = text.length;
	leaf.sha256 = hex256(text);
	if (leaf.seals && count !== 'seals')
		leaf.seals = hex256(sealsOf(get('opening').slice(0, 64),
		    text.toString()));
	for (const [key, word] of count && isSegment(leaf) ? [['results', 'result'],
	    ['missed', 'missed'], ['refused', 'refused'],
	    ['unassigned', 'unassigned']] : [])
		leaf[key] = rows.filter((r) => r.outcome?.split(':')[0] === word)
		    .length;
	if (count)
		leaf.lines = rows.length;
	return Buffer.from(JSON.stringify(leaf));
}

// A row of bytes is as it is, and has its end, but for a last one of "more".
const textOf = (rows) => Buffer.concat(rows.flatMap((r) =>
    [Buffer.isBuffer(r) ? r : Buffer.from(JSON.stringify(r)),
	Buffer.from(r.toString() === 'more' ? '' : '\n')]));

function write(all, { anchors, count = true, cosign, by = secret(), last }) {
	const at = new Map(all.map((x, i) => [x.index, i]));
	for (const name of ['segment', 'drills', 'leaf', 'anchor', 'since'])
		rmSync(path(name), { recursive: true, force: true });
	const entries = all.map((x) => {
		if (x.rows)
			put(fileOf(x.leaf), textOf(x.rows));
		return entryOf(x, at, count);
	});
	if (all.some((x) => x.open))
		put('opening', [get('opening').slice(0, 64), ...all.map((x) => x.open)
		    .filter((o) => o).map((o) => JSON.stringify(o))].join('\n') +
		    '\n');
	if (last)
		entries.push(Buffer.from(JSON.stringify(last)));
	const hashes = entries.map(leafHash), since = new Set();
	const text = checkpointText({ origin: by.name, size: entries.length,
	    root: root(hashes) });
	const note = signNote(text, by) + (cosign ? cosign(text) : '');
	put('checkpoint', note);
	for (const size of anchors.filter((n) => n > 0 && n <= entries.length))
		put(`anchor/${size}`, [root(hashes.slice(0, size)),
		    ...consistency(size, hashes)]
		    .map((h) => `${h.toString('base64')}\n`).join(''));
	for (const size of anchors)
		since.add(all.findLastIndex((x, i) => i < size && isSegment(x.leaf)));
	entries.forEach((entry, index) => [...since.has(index) ? ['since'] : [],
	    all[index] === undefined ? 'key' : all[index].foreign ? 'since' :
	    'leaf'].forEach((folder) =>
		put(`${folder}/${index}.tlog-proof`, proofText({ entry, index,
		    path: inclusion(index, hashes), note }))));
}

// The log says another key, signed by a first one, and goes on by that alone.
export async function succeeded(first,
    next = secretOf(secret().name, seed('next'))) {
	const leaf = { type: 'worknet/key/v1', key: vkeyOf(next), logged: 1 };
	await relogged(() => {}, { by: first, last: leaf })();
	if (next.type === 1)
		await relogged(() => {}, { by: next })();
}

export const relogged = (change, options) => async () => {
	const all = model();
	const args = [all.filter((x) => isSegment(x.leaf)),
	    all.filter(is('task')), all];
	if (options?.colluding)
		await change(...args);
	await reanchor(all);
	const anchors = all.flatMap((x) => x.rows ?? []).map((r) => r.anchor)
	    .filter((n) => n > 0);
	if (!options?.colluding)
		await change(...args);
	write(all, { anchors: [...new Set(anchors)], ...options });
};

export const madeAnew = relogged(() => {});

// ---- A witness ----

export const witness = secretOf('witness.example/w1', seed('w1'), 4);
export const witnessPolicy = (...names) => {
	const log = get('policy').split('\n')[0];
	put('policy', `${log}\n` + names.map((n) =>
	    `witness ${n} ${vkeyOf(secretOf(`witness.example/${n}`,
		seed('w1'), 4))}\n`).join('') + `quorum ${names[0]}\n`);
};
export const cosigned = (time) => relogged(() => {}, { cosign: (text) =>
	signature(text, witness, time) });
export const witnessed = async () => {
	await cosigned(1893456000)();
	witnessPolicy('w1');
};

// ---- Lines ----

// The n-th result of the second hour that was signed alone,
export const result = (segments, n = 0) =>
    segments[1].rows.filter((r) => r.scheme === 'eip191')[n];
// and of all that were signed in rounds of several and name the log.
export const inRound = (segments, n = 0) => segments.flatMap((s) => s.rows)
    .filter((r) => r.anchor > 0 && r.path)[n];
export const drill = (all, scheme) => all.find(is('drills')).rows
    .find((r) => r.scheme === scheme);

export const missed = ({ slot, cycle, copy, version, worker, assigned }) => ({ slot,
    cycle, copy, version, worker, assigned, outcome: 'missed' });

// A result of the second hour, as if its answer had been refused.
export const refused = (s, word, more) => {
	const r = result(s);
	s[1].rows[s[1].rows.indexOf(r)] = { ...missed(r),
	    outcome: `refused:${word}`, ...more };
};

// As if a worker had been a witness: its place in the schedule is empty then.
export const beside = (rows, r) => {
	rows[rows.indexOf(r)] = { cycle: r.cycle, copy: r.copy,
	    outcome: 'unassigned' };
	const next = rows.findIndex((x) => x.cycle > r.cycle);
	rows.splice(next < 0 ? rows.length : next, 0, { ...r, copy: 50 });
};

export const maintenance = (all) => all.filter(is('maintenance'));

// A field of a line, where its order is.
export const withField = (rows, r, key, value, before) => {
	const fields = Object.entries(r).flatMap((f) => f[0] === before ?
	    [[key, value], f] : f[0] === key ? [] : [f]);
	rows[rows.indexOf(r)] = Object.fromEntries(fields);
};

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
export const highS = (r) => {
	const at = 66;
	const high = ORDER - BigInt(`0x${r.signature.slice(at, 130)}`);
	r.signature = r.signature.slice(0, at) +
	    high.toString(16).padStart(64, '0') +
	    (r.signature.endsWith('1b') ? '1c' : '1b');
};
export const flip = (hex, i) => hex.slice(0, i) +
    (hex[i] === '0' ? '1' : '0') + hex.slice(i + 1);
