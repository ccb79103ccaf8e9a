// Somebody who tampers with an export of the log.
//
// node forge.mjs EXPORT OUT SECRET-KEY-FILE KIND...
//
// Some change what lies in it; others are the operator, who has the log's key
// and logs what isn't so: the whole export is made anew then, as a log of its
// own. OUT/0 is of the first kind, and so on. node forge.mjs --kinds lists all
// kinds.

import { createHash } from 'node:crypto';
import { existsSync, cpSync, mkdirSync, readFileSync, readdirSync, renameSync,
    rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { keccak256, serializeSignature, toBytes } from 'viem';
import { privateKeyToAddress, sign } from 'viem/accounts';
import { forgeries } from './forgeries.mjs';
import { pathOf as roundPath, resultHash, roundDigest, roundRoot }
    from './round.mjs';
import { sealsOf } from './seal.mjs';
import { checkpointText, consistency, hex256, inclusion, leafHash, proofText,
    readCheckpoint, readNote, readProof, readSecret, root, secretOf, signNote,
    signature, vkeyOf } from './tlog.mjs';

const [, , from, outs, secretPath, ...wanted] = process.argv;
let out;
const HOUR = 3600_000;
const seed = (n) => createHash('sha256').update(`seed ${n}`).digest();

// ---- Files of the copy ----

const path = (name) => `${out}/${name}`;
const get = (name) => readFileSync(path(name), 'utf8');
const put = (name, text) => {
	mkdirSync(dirname(path(name)), { recursive: true });
	writeFileSync(path(name), text);
};
const edit = (name, change) => put(name, change(get(name)));
const secret = () => readSecret(readFileSync(secretPath, 'utf8'));
const segmentFiles = () => readdirSync(path('segment'), { recursive: true })
    .filter((f) => f.endsWith('.ndjson')).sort().map((f) => `segment/${f}`);
const leafOf = (pick) => readdirSync(path('leaf')).map((f) => {
	const p = readProof(readFileSync(path(`leaf/${f}`)));
	return { ...JSON.parse(p.entry), name: `leaf/${f}`, index: p.index, p };
}).sort((a, b) => a.index - b.index).filter(pick);
const isSegment = (l) => l.type === 'worknet/segment/v1';
const lines = (change) => edit(segmentFiles()[1], (text) =>
    change(text.trimEnd().split('\n')).join('\n') + '\n');
const swap = (a, i, j) => {
	[a[i], a[j]] = [a[j], a[i]];
	return a;
};
const pathOf = (s) => `segment/${new Date(s.to - HOUR).toISOString()
    .slice(0, 13).replace(/[-T]/g, '/')}/${s.task}.ndjson`;

const drillsPath = (d) => `drills/${new Date(d.day * 24 * HOUR).toISOString()
    .slice(0, 10).replace(/-/g, '/')}/${d.task}.ndjson`;
const is = (word) => (x) => (x.leaf ?? x).type === `worknet/${word}/v1`;
const fileOf = (leaf) => isSegment(leaf) ? pathOf(leaf) :
    is('drills')(leaf) ? drillsPath(leaf) : undefined;

// ---- The whole of it, made anew ----

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
const workers = new Map([...Array(20).keys()].map((i) => {
	const key = keccak256(toBytes(`worknet test key 5 ${i}`));
	return [privateKeyToAddress(key).toLowerCase(), key];
}));

// A round is signed anew, with the path that the line has.
async function resign(r, d, anchorRoot) {
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
async function succeeded(first, next = secretOf(secret().name, seed('next'))) {
	const leaf = { type: 'worknet/key/v1', key: vkeyOf(next), logged: 1 };
	await relogged(() => {}, { by: first, last: leaf })();
	if (next.type === 1)
		await relogged(() => {}, { by: next })();
}

const relogged = (change, options) => async () => {
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
// The n-th result of the second hour that was signed alone,
const result = (segments, n = 0) =>
    segments[1].rows.filter((r) => r.scheme === 'eip191')[n];
// and of all that were signed in rounds of several and name the log.
const inRound = (segments, n = 0) => segments.flatMap((s) => s.rows)
    .filter((r) => r.anchor > 0 && r.path)[n];
const drill = (all, scheme) => all.find(is('drills')).rows
    .find((r) => r.scheme === scheme);
const anchorFile = () => readdirSync(path('anchor'))
    .map((f) => `anchor/${f}`).sort()[0];
const highS = (r) => {
	const at = 66;
	const high = ORDER - BigInt(`0x${r.signature.slice(at, 130)}`);
	r.signature = r.signature.slice(0, at) +
	    high.toString(16).padStart(64, '0') +
	    (r.signature.endsWith('1b') ? '1c' : '1b');
};
const flip = (hex, i) => hex.slice(0, i) +
    (hex[i] === '0' ? '1' : '0') + hex.slice(i + 1);

const missed = ({ slot, cycle, copy, version, worker, assigned }) => ({ slot,
    cycle, copy, version, worker, assigned, outcome: 'missed' });

// A result of the second hour, as if its answer had been refused.
const refused = (s, word, more) => {
	const r = result(s);
	s[1].rows[s[1].rows.indexOf(r)] = { ...missed(r),
	    outcome: `refused:${word}`, ...more };
};

// As if a worker had been a witness: its place in the schedule is empty then.
const beside = (rows, r) => {
	rows[rows.indexOf(r)] = { cycle: r.cycle, copy: r.copy,
	    outcome: 'unassigned' };
	const next = rows.findIndex((x) => x.cycle > r.cycle);
	rows.splice(next < 0 ? rows.length : next, 0, { ...r, copy: 50 });
};

const witness = secretOf('witness.example/w1', seed('w1'), 4);
const witnessPolicy = (...names) => {
	const log = get('policy').split('\n')[0];
	put('policy', `${log}\n` + names.map((n) =>
	    `witness ${n} ${vkeyOf(secretOf(`witness.example/${n}`,
		seed('w1'), 4))}\n`).join('') + `quorum ${names[0]}\n`);
};

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const kinds = {
	// Nothing is wrong: both verifiers must take it.
	'made anew': relogged(() => {}),
	'witnessed': async () => {
		await relogged(() => {}, { cosign: (text) =>
			signature(text, witness, 1893456000) })();
		witnessPolicy('w1');
	},

	'another key took over': () => succeeded(secret()),
	'result of a witness': relogged((s) => {
		for (const r of [result(s, 1), result(s, 2)])
			beside(s[1].rows, r);
	}, { colluding: true }),

	'refused answers': relogged((s) => {
		const of = s.flatMap((x) => x.rows.map((r, i) => [x.rows, i]))
		    .filter(([rows, i]) => rows[i].outcome === 'result');
		for (const word of ['too-old', 'from-future', 'expired',
		    'no-outcome', 'contradiction', 'before-assignment',
		    'over-timeout', 'over-wait', 'suspended']) {
			const [rows, i] = of.pop();
			rows[i] = { ...missed(rows[i]), outcome: `refused:${word}` };
		}
	}, { colluding: true }),

	// Files of the export.
	'maintenance left out': () =>
	    rmSync(path(leafOf(is('maintenance')).at(-1).name)),
	'newest definition left out': () =>
	    rmSync(path(leafOf(is('task')).at(-1).name)),
	'method left out': () => rmSync(path(leafOf(is('method'))[0].name)),
	'key of a day left out': () =>
	    rmSync(path(leafOf((l) => is('canary')(l) && l.key)[0].name)),
	'promise of a key left out': () =>
	    rmSync(path(leafOf((l) => is('canary')(l) && !l.key)[0].name)),
	'answer to a drill altered': () =>
	    edit(drillsPath(leafOf(is('drills'))[0]), (t) =>
		t.replace('"success":true', '"success":false')
		    .replace('"ms":', '"ms":1')),
	'key of a witness took over': () => {
		const log = get('policy').split('\n')[0];
		put('policy', `${log}\nwitness w1 ${vkeyOf(witness)}\nquorum none\n`);
		return succeeded(secret(), secretOf(secret().name, seed('w1')));
	},
	'key for witnesses took over': () =>
		succeeded(secret(), secretOf(secret().name, seed('next'), 4)),
	'key of a stranger took over': () =>
	    succeeded(secretOf(secret().name, seed('stranger'))),
	'line dropped': () => lines((l) => l.slice(1)),
	'line added': () => lines((l) => [...l, l.at(-1)]),
	'line altered': () => lines((l) => [l[0].replace('true', 'false')
	    .replace('"cycle":', '"cycle":1'), ...l.slice(1)]),
	'lines reordered': () => lines((l) => swap(l, 0, 1)),
	'files of two hours swapped': () => {
		const [a, b] = segmentFiles();
		const text = get(a);
		put(a, get(b));
		put(b, text);
	},
	'hour left out': () => {
		const s = leafOf(isSegment)[1];
		rmSync(path(s.name));
		rmSync(path(pathOf(s)));
	},
	'file left out': () => rmSync(path(segmentFiles()[1])),
	'definition left out': () => rmSync(path(leafOf(is('task'))[0].name)),
	'proof of another index': () => {
		const [a, b] = leafOf(isSegment);
		renameSync(path(a.name), path('x'));
		renameSync(path(b.name), path(a.name));
		renameSync(path('x'), path(b.name));
	},
	'index altered': () => {
		const l = leafOf(isSegment)[0];
		rmSync(path(l.name));
		put(`leaf/${l.index - 1}.tlog-proof`, proofText({ ...l.p,
		    index: l.index - 1 }));
	},
	'hash of a proof altered': () => {
		const l = leafOf(isSegment)[0];
		l.p.path[0][5] ^= 1;
		put(l.name, proofText(l.p));
	},
	'entry altered': () => {
		const l = leafOf(isSegment)[0];
		l.p.entry = Buffer.from(l.p.entry.toString()
		    .replace(/"missed":\d+/, '"missed":99999'));
		put(l.name, proofText(l.p));
	},
	'proof too long': () => {
		const l = leafOf(isSegment)[0];
		l.p.path.push(l.p.path[0]);
		put(l.name, proofText(l.p));
	},
	'root of another size': () => edit('checkpoint', (t) =>
	    t.replace(/\n(\d+)\n/, (m, n) => `\n${+n + 1}\n`)),
	'size with a leading zero': () => edit('checkpoint', (t) =>
	    t.replace(/\n(\d+)\n/, '\n0$1\n')),
	'second empty line': () => edit('checkpoint', (t) =>
	    t.replace('\n\n', '\n\nmore\n\n')),
	'base64 with junk': () => edit('checkpoint', (t) =>
	    t.replace(/=\n$/, '=!\n')),
	'checkpoint of another origin': () => {
		const c = readCheckpoint(readNote(Buffer.from(get('checkpoint'))).text);
		put('checkpoint', signNote(checkpointText({ ...c,
		    origin: 'other.example/log' }), secretOf('other.example/log',
		    seed('other'))));
	},
	'another key of the same name': () => {
		const n = readNote(Buffer.from(get('checkpoint')));
		put('checkpoint', signNote(n.text, secretOf(readCheckpoint(n.text)
		    .origin, seed('other'))));
	},
	'cosignature with another time': async () => {
		await kinds.witnessed();
		const forge = (note) => note.replace(/(\u2014 witness\S+ )(\S+)/,
		    (m, who, body) => {
			const b = Buffer.from(body, 'base64');
			b[11] ^= 1;
			return who + b.toString('base64');
		});
		edit('checkpoint', forge);
		for (const l of leafOf(() => true))
			edit(l.name, forge);
	},
	'witness not in the policy': async () => {
		await kinds.witnessed();
		const log = get('policy').split('\n')[0];
		put('policy', `${log}\nwitness w2 ${vkeyOf(secretOf(
		    'witness.example/w2', seed('w2'), 4))}\nquorum w2\n`);
	},
	'one key with two names': async () => {
		await kinds.witnessed();
		witnessPolicy('w1', 'w2');
	},
	'forked log': () => {
		const l = leafOf(isSegment)[0];
		const c = readCheckpoint(readNote(l.p.note).text);
		c.root = Buffer.from(c.root);
		c.root[0] ^= 1;
		put(l.name, proofText({ ...l.p,
		    note: signNote(checkpointText(c), secret()) }));
	},

	// What the log itself says, by its own key.
	'logged: line dropped': relogged((s) => s[1].rows.splice(3, 1)),
	'logged: line at the end dropped': relogged((s) => s[1].rows.pop()),
	'logged: lines reordered': relogged((s) => swap(s[1].rows, 3, 4)),
	'logged: copy that isn\'t in the schedule': relogged((s) => {
		const r = s[1].rows.at(-1);
		s[1].rows.push({ cycle: r.cycle, copy: 9, outcome: 'unassigned' });
	}),
	'logged: cycle that isn\'t in the schedule': relogged((s) => {
		const r = s[1].rows.at(-1);
		s[1].rows.push({ cycle: r.cycle + 1, copy: 0,
		    outcome: 'unassigned' });
	}),
	'logged: result that isn\'t in the schedule': relogged((s) => {
		const r = s[1].rows.at(-1);
		s[1].rows.push({ ...result(s), slot: 999999,
		    cycle: r.cycle + 1 });
	}),
	'logged: success flipped': relogged((s) => {
		const r = result(s);
		r.success = !r.success;
	}),
	'logged: time changed': relogged((s) => result(s).timestamp++),
	'logged: another worker': relogged((s) => {
		const r = result(s);
		r.worker = s[1].rows.find((x) => x.worker &&
		    x.worker !== r.worker).worker;
	}),
	'logged: signature of another result': relogged((s) =>
		result(s).signature = result(s, 1).signature),
	'logged: high s': relogged((s) => highS(result(s))),
	'logged: EIP-191 passed off as EIP-712': relogged((s) =>
		result(s).scheme = 'eip712'),

	// Rounds: what is signed at once, and what proves a line of it alone.
	'logged: round: slot': relogged((s) => inRound(s).slot += 1000000),
	'logged: round: status': relogged((s) => inRound(s).status = 204),
	'logged: round: duration': relogged((s) => inRound(s).ms++),
	'logged: round: success': relogged((s) => {
		const r = inRound(s);
		r.success = !r.success;
	}),
	'logged: round: error': relogged((s) => {
		const i = inRound(s);
		const { trace, place, count, path, signature, ...r } = i;
		Object.keys(i).forEach((key) => delete i[key]);
		Object.assign(i, r, { error: 'none' }, trace ? { trace } : {},
		    { place, count, path, signature });
	}),
	'logged: round: trace': relogged((s) => {
		const r = s.flatMap((x) => x.rows)
		    .find((x) => x.anchor > 0 && x.path && x.trace);
		r.trace = 'cf-ray:8f2d1c0e9a7b6c5d-AMS';
	}),
	'logged: round: URL of the definition': relogged((s, t) =>
		t.forEach((x) => x.leaf.url += '/other')),
	'logged: round: path': relogged((s) => {
		const r = inRound(s);
		r.path = flip(r.path, 7);
	}),
	'logged: round: path too short': relogged((s) => {
		const { path, signature, ...r } = inRound(s);
		const i = inRound(s);
		Object.keys(i).forEach((key) => delete i[key]);
		Object.assign(i, r, path.length > 66 ?
		    { path: path.slice(0, -64) } : {}, { signature });
	}),
	'logged: round: path too long': relogged((s) =>
		inRound(s).path += inRound(s).path.slice(2, 66)),
	'logged: round: path of seven hashes': relogged((s) =>
		inRound(s).path = `0x${'ab'.repeat(7 * 32)}`),
	'logged: round: place': relogged((s) => {
		const r = s.flatMap((x) => x.rows).find((x) => x.anchor > 0 &&
		    x.count === 2);
		r.place = 1 - r.place;
	}),
	'logged: round: place outside': relogged((s) =>
		inRound(s).place = inRound(s).count),
	'logged: round: count of another of that path': relogged((s) => {
		const r = s.flatMap((x) => x.rows).find((x) => x.anchor > 0 &&
		    x.count === 2 && x.place === 1);
		r.count = 3;
		r.place = 2;
	}),
	'logged: round: of none': relogged((s) => inRound(s).count = 0),
	'logged: round: of 64': relogged((s) => inRound(s).count = 64),
	'logged: round: of 65': relogged((s) => inRound(s).count = 65),
	'logged: round: huge count': relogged((s) => inRound(s).count = 65536),
	'logged: round: signature of another': relogged((s) => {
		const other = s.flatMap((x) => x.rows).find((r) =>
			r.scheme === 'eip712-round' &&
			r.signature !== inRound(s).signature);
		inRound(s).signature = other.signature;
	}),
	'logged: round: high s': relogged((s) => highS(inRound(s))),
	'logged: round: signature changed': relogged((s) => {
		const r = inRound(s);
		r.signature = flip(r.signature, 70);
	}),
	'logged: round: another worker': relogged((s) => {
		const r = inRound(s);
		r.worker = [...workers.keys()].find((w) => w !== r.worker);
	}),
	'logged: round: another ledger': relogged((s) => s.flatMap((x) => x.rows)
	    .filter((r) => r.ledger).forEach((r) => r.ledger = flip(r.ledger, 9))),
	'logged: round: of two ledgers': relogged(async (s) => {
		const r = inRound(s);
		r.ledger = flip(r.ledger, 9);
	}),
	'logged: round: anchor swapped': relogged((s) => inRound(s).anchor = 0),
	'logged: round: anchor newer than the log': relogged((s) =>
		inRound(s).anchor = 999999),
	'logged: round: anchor newer than its line': relogged(async (s, t, all) => {
		const r = inRound(s);
		r.anchor = all.findIndex((x) => x.rows?.includes(r)) + 1;
	}),
	'logged: round: passed off as alone': relogged((s) =>
		inRound(s).scheme = 'eip191'),
	'logged: alone: passed off as a round': relogged((s) =>
		result(s).scheme = 'eip712-round'),
	'logged: round: signed without its token': relogged((s, t) =>
		t.forEach((x) => x.leaf.url += '{token}')),
	'hours before anchors left out': () => rmSync(path('since'),
	    { recursive: true }),
	'hour before an anchor that is none': async () => {
		await kinds['made anew']();
		const l = leafOf(is('method'))[0];
		cpSync(path(l.name), path(l.name.replace('leaf', 'since')));
	},
	'hour before an anchor of another index': () => {
		const name = readdirSync(path('since'))[0];
		renameSync(path(`since/${name}`), path('since/1.tlog-proof'));
	},
	'logged: hour that wasn\'t over yet': relogged((s, t, all) => all.splice(
	    all.indexOf(s[0]), 0, { foreign: true, index: s[0].index - 0.5, leaf: {
		...s[0].leaf, task: 'task_other', to: s[0].leaf.to + 480 * HOUR,
		prev: null } }), { colluding: true }),
	'anchor left out': async () => {
		await kinds['made anew']();
		rmSync(path('anchor'), { recursive: true });
	},
	'anchor of another root': () => edit(anchorFile(), (text) =>
		text.replace(/^./, (c) => c === 'A' ? 'B' : 'A')),
	'anchor of another size': () => renameSync(path(anchorFile()),
	    path('anchor/1')),
	'anchor of no number': () => renameSync(path(anchorFile()),
	    path('anchor/01')),
	'anchor without its end': () => edit(anchorFile(), (text) =>
		text.trimEnd()),

	'logged: one result for two slots': relogged((s) => {
		const a = result(s);
		const i = s[1].rows.findIndex((r) => r.cycle > a.cycle);
		const r = s[1].rows[i];
		s[1].rows[i] = { ...a, slot: 999999, cycle: r.cycle, copy: r.copy,
		    assigned: r.cycle };
	}, { colluding: true }),
	'logged: slot with two lines': relogged((s) =>
		result(s, 1).slot = result(s).slot, { colluding: true }),
	'logged: slot of another cycle': relogged((s) =>
		result(s).assigned -= HOUR),
	'logged: definition that isn\'t there': relogged((s) =>
		result(s).version = 999),
	'logged: refused for no known reason': relogged((s) =>
		refused(s, 'no-reason'), { colluding: true }),
	'logged: refused for nothing': relogged((s) =>
		refused(s, ''), { colluding: true }),
	'logged: refused and signed': relogged((s) => {
		const { signature } = result(s);
		refused(s, 'expired', { signature });
	}, { colluding: true }),
	'logged: refused and up': relogged((s) => {
		const { timestamp, success } = result(s);
		refused(s, 'expired', { timestamp, success });
	}, { colluding: true }),
	'logged: refused and nothing else': relogged((s) => {
		const { cycle, copy } = result(s);
		s[1].rows[s[1].rows.indexOf(result(s))] = { cycle, copy,
		    outcome: 'refused:expired' };
	}, { colluding: true }),
	'logged: refused counted as missed': relogged((s) => {
		refused(s, 'expired');
		const { leaf, rows } = s[1];
		leaf.results--;
		leaf.missed++;
	}, { colluding: true, count: false }),
	'logged: missed and signed': relogged((s) => {
		const { signature } = result(s);
		s[1].rows[s[1].rows.indexOf(result(s))] = { ...missed(result(s)),
		    signature };
	}, { colluding: true }),
	'logged: outcome nobody knows': relogged((s) =>
		s[1].rows[3].outcome = 'fine'),
	'logged: field nobody knows': relogged((s) => result(s).up = true),
	'logged: fields in another order': relogged((s) => {
		const { slot, ...r } = result(s);
		s[1].rows[s[1].rows.indexOf(result(s))] = { ...r, slot };
	}),
	'logged: seals of other lines': relogged((s) =>
		s[1].leaf.seals = hex256(Buffer.from('x')), { count: 'seals' }),
	'logged: counts that aren\'t so': relogged((s) => {
		s[1].leaf.results--;
		s[1].leaf.missed++;
	}, { count: false }),
	'logged: to shortened': relogged((s) => {
		s[0].leaf.to -= HOUR;
		s[0].leaf.from -= HOUR;
		s[0].rows = [];
	}),
	'logged: hour left out': relogged((s, t, all) =>
		all.splice(all.indexOf(s[1]), 1)),
	'logged: segment of another task': relogged((s) =>
		s[1].leaf.task = 'task_other'),
	'logged: definition changed': relogged((s, t) =>
		t.forEach((x) => x.leaf.copies = 9)),
	'logged: definition of fewer cycles': relogged((s, t) =>
		t.forEach((x) => x.leaf.intervalMs *= 2)),
	'logged: definition backdated': relogged((s, t, all) => {
		const last = t.at(-1).leaf;
		all.push({ index: 9e6, leaf: { ...last, version: last.version + 1,
		    from: s[1].leaf.from, state: 'paused', prev: t.at(-1).index } });
	}),
	'logged: maintenance backdated': relogged((s, t, all) => {
		const last = all.filter(is('maintenance')).at(-1);
		const from = s[1].leaf.from + 1;
		all.push({ index: 9e6, leaf: { ...last.leaf, id: 99, from,
		    to: from + HOUR, ended: null, noted: from - 2,
		    logged: from - 1, prev: last.index } });
	}),
	'logged: maintenance made longer': relogged((s, t, all) => {
		all.filter(is('maintenance')).find((x) => x.leaf.ended !== null)
		    .leaf.to += HOUR;
	}),
	'logged: maintenance announced twice': relogged((s, t, all) =>
		all.filter(is('maintenance')).find((x) => x.leaf.ended !== null)
		    .leaf.ended = null),
	'logged: method with other parameters': relogged((s, t, all) =>
		all.find(is('method')).leaf.confirm = 3),
	'logged: method of another text': relogged((s, t, all) =>
		all.find(is('method')).leaf.text = hex256(Buffer.from('up is up'))),
	'logged: key of a day shown early': relogged((s, t, all) => {
		const of = all.filter(is('canary'));
		const key = of.find((c) => c.leaf.key), promise = of.find((c) =>
		    !c.leaf.key && c.leaf.day === key.leaf.day);
		all.splice(all.indexOf(key), 1);
		all.splice(all.indexOf(promise) + 1, 0, key);
		key.leaf.logged = promise.leaf.logged;
	}, { colluding: true }),
	'logged: URL of a definition of that number': relogged((s, t, all) => {
		const d = t.find((x) => x.leaf.version === inRound(s).version);
		const other = { index: 9e6, untold: true, leaf: { ...d.leaf,
		    url: `${d.leaf.url}/other`, prev: d.index } };
		for (const x of all)
			for (const key of ['prev', 'definition'])
				if (x.leaf[key] === d.index)
					x.leaf[key] = other.index;
		all.splice(all.indexOf(d) + 1, 0, other);
	}, { colluding: true }),
	'logged: name that leads out': relogged((s, t) =>
		t.forEach((x) => x.leaf.task = '../../x')),
	'logged: status of another, in 16 bits': relogged((s, t) =>
		t.forEach((x) => x.leaf.expectedStatus += 65536)),
	'logged: half of a character': relogged((s) => {
		const { signature, ...r } = result(s);
		delete result(s).signature;
		Object.assign(s[1].rows.find((x) => x.slot === r.slot),
		    { error: '\ud800', signature });
	}),
	'logged: interval without end': relogged((s, t) =>
		t.forEach((x) => x.leaf.intervalMs = 2 ** 52)),
	'logged: hour without end': relogged((s) =>
		s.at(-1).leaf.to = 2 ** 51 - 2 ** 51 % HOUR),
	'logged: network in capitals': relogged((s) => {
		const { slot, cycle, copy, version, worker, ...r } = result(s);
		s[1].rows[s[1].rows.indexOf(result(s))] = { slot, cycle, copy,
		    version, worker, network: 'ABCDEF01', ...r };
	}, { colluding: true }),
	'logged: worker in capitals': relogged((s) => {
		const r = missed(result(s));
		r.worker = `0x${r.worker.slice(2).toUpperCase()}`;
		s[1].rows[s[1].rows.indexOf(result(s))] = r;
	}, { colluding: true }),
	'logged: text for a number': relogged((s) =>
		result(s).status = `${result(s).status}`),
	'logged: number below 0': relogged((s) => result(s).ms = -5),
	'logged: missed beside the schedule': relogged((s) => {
		const r = result(s);
		beside(s[1].rows, r);
		const i = s[1].rows.findIndex((x) => x.copy === 50);
		s[1].rows[i] = missed(s[1].rows[i]);
	}, { colluding: true }),
	'logged: result of another hour': relogged((s) => {
		const r = result(s), i = s[0].rows.findIndex((x) => x.slot);
		const { cycle, copy, version } = s[0].rows[i];
		s[1].rows[s[1].rows.indexOf(r)] = { cycle: r.cycle, copy: r.copy,
		    outcome: 'unassigned' };
		s[0].rows[i] = { ...r, cycle, copy, version, assigned: cycle };
	}, { colluding: true }),
	'logged: days between slot and result': relogged((s) =>
		s.forEach((x) => x.leaf.withinMs = 48 * HOUR)),
	'logged: method stated afterwards': relogged((s, t, all) => {
		const m = all.find(is('method'));
		all.splice(all.indexOf(m), 1);
		m.leaf.logged = 9e12;
		all.push(m);
	}),
	'logged: result relabelled as a drill': relogged((s, t, all) => {
		const d = all.find(is('drills')), from = d.leaf.day * 24 * HOUR;
		const of = s.flatMap((x) => x.rows).filter((r) =>
		    r.outcome === 'result' && r.assigned >= from &&
		    r.assigned < from + 24 * HOUR);
		// Half of all slots could be drills.
		d.rows.push(...of.map((r) => ({ ...r, copy: 30 })));
	}),
	'logged: slot that is a drill, too': relogged((s, t, all) =>
		result(s).slot = all.find(is('drills')).rows[0].slot,
	    { colluding: true }),
	'logged: drill of the schedule': relogged((s, t, all) =>
		all.find(is('drills')).rows[0].copy = 0),
	'logged: drill of another day': relogged((s, t, all) => {
		const r = all.find(is('drills')).rows[0];
		r.assigned -= 24 * HOUR;
		r.cycle -= 24 * HOUR;
	}),
	'logged: answer to a drill flipped': relogged((s, t, all) => {
		const r = drill(all, 'eip191');
		r.success = !r.success;
	}),
	'logged: answer to a drill of a round flipped': relogged((s, t, all) => {
		const r = drill(all, 'eip712-round');
		r.success = !r.success;
	}),
	'logged: drill of a round newer than its day': relogged((s, t, all) => {
		drill(all, 'eip712-round').anchor =
		    all.findIndex(is('drills')) + 1;
	}),
	'logged: drill left out of its file': relogged((s, t, all) =>
		all.find(is('drills')).rows.pop(), { count: false }),
	'logged: key of a day changed': relogged((s, t, all) => {
		for (const c of all.filter(is('canary')))
			if (c.leaf.key)
				c.leaf.key = c.leaf.key.replace(/.$/,
				    (x) => x === '0' ? '1' : '0');
	}),
	'logged: definitions out of order': relogged((s, t) => {
		const before = t.filter((x) => x.index < s[0].index);
		before.at(-1).leaf.from = before[0].leaf.from - 1;
	}),
};

Object.assign(kinds, forgeries({ relogged, result, inRound, missed, is, isSegment,
    leafOf, get, put, edit, secret, seed, resign, workers, witness }));

if (from === '--kinds') {
	console.log(Object.keys(kinds).join('\n'));
} else {
	for (const [i, kind] of wanted.entries()) {
		out = `${outs}/${i}`;
		cpSync(from, out, { recursive: true });
		await kinds[kind]();
	}
}
