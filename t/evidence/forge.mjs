// Somebody who tampers with an export of the log.
//
// node forge.mjs EXPORT OUT KIND [SECRET-KEY-FILE]
//
// Some change what lies in it; others are the operator, who has the log's key
// and logs what isn't so: the whole export is made anew then, as a log of its
// own. node forge.mjs --kinds lists all kinds.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync,
    rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkpointText, hex256, inclusion, leafHash, proofText,
    readCheckpoint, readNote, readProof, readSecret, root, secretOf, signNote,
    signature, vkeyOf } from './tlog.mjs';

const [, , from, out, kind, secretPath] = process.argv;
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

function model() {
	return leafOf(() => true).map(({ name, index, p, ...leaf }) => ({
		index, leaf, rows: fileOf(leaf) && get(fileOf(leaf))
		    .trimEnd().split('\n').filter((l) => l !== '')
		    .map((l) => JSON.parse(l)) }));
}

// Segments' counts and hashes, unless they are what was forged.
function write(all, { count = true, cosign, by = secret(), last } = {}) {
	const at = new Map(all.map((x, i) => [x.index, i]));
	rmSync(path('segment'), { recursive: true });
	rmSync(path('drills'), { recursive: true, force: true });
	rmSync(path('leaf'), { recursive: true });
	const entries = all.map(({ leaf, rows }) => {
		for (const key of ['prev', 'definition', 'maintenance'])
			if (key in leaf && leaf[key] !== null)
				leaf[key] = at.get(leaf[key]) ?? leaf[key];
		if (!rows)
			return Buffer.from(JSON.stringify(leaf));
		const text = rows.map((r) => typeof r === 'string' ? r :
		    JSON.stringify(r)).map((r) => `${r}\n`).join('');
		put(fileOf(leaf), text);
		leaf.bytes = Buffer.byteLength(text);
		leaf.sha256 = hex256(Buffer.from(text));
		for (const [key, word] of count && isSegment(leaf) ? [['results', 'result'],
		    ['missed', 'missed'], ['unassigned', 'unassigned']] : [])
			leaf[key] = rows.filter((r) => r.outcome === word).length;
		if (count)
			leaf.lines = rows.length;
		return Buffer.from(JSON.stringify(leaf));
	});
	if (last)
		entries.push(Buffer.from(JSON.stringify(last)));
	const hashes = entries.map(leafHash);
	const text = checkpointText({ origin: by.name, size: entries.length,
	    root: root(hashes) });
	const note = signNote(text, by) + (cosign ? cosign(text) : '');
	put('checkpoint', note);
	entries.forEach((entry, index) => put(
	    `${index === all.length ? 'key' : 'leaf'}/${index}.tlog-proof`,
	    proofText({ entry, index, path: inclusion(index, hashes), note })));
}

// The log says another key, signed by a first one, and goes on by that alone.
function succeeded(first) {
	const next = secretOf(secret().name, seed('next'));
	const leaf = { type: 'worknet/key/v1', key: vkeyOf(next), logged: 1 };
	write(model(), { by: first, last: leaf });
	write(model(), { by: next });
}

const relogged = (change, options) => () => {
	const all = model();
	change(all.filter((x) => isSegment(x.leaf)), all.filter(is('task')), all);
	write(all, options);
};
// The n-th result of the second hour.
const result = (segments, n = 0) =>
    segments[1].rows.filter((r) => r.outcome === 'result')[n];

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
	'witnessed': () => {
		write(model(), { cosign: (text) => signature(text, witness, 1767225600) });
		witnessPolicy('w1');
	},

	'another key took over': () => succeeded(secret()),

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
	'cosignature with another time': () => {
		kinds.witnessed();
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
	'witness not in the policy': () => {
		kinds.witnessed();
		const log = get('policy').split('\n')[0];
		put('policy', `${log}\nwitness w2 ${vkeyOf(secretOf(
		    'witness.example/w2', seed('w2'), 4))}\nquorum w2\n`);
	},
	'one key with two names': () => {
		kinds.witnessed();
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
	'logged: high s': relogged((s) => {
		const r = result(s), at = 66;
		const high = ORDER - BigInt(`0x${r.signature.slice(at, 130)}`);
		r.signature = r.signature.slice(0, at) +
		    high.toString(16).padStart(64, '0') +
		    (r.signature.endsWith('1b') ? '1c' : '1b');
	}),
	'logged: EIP-191 passed off as EIP-712': relogged((s) =>
		result(s).scheme = 'eip712'),
	'logged: one result for two slots': relogged((s) => {
		const a = result(s);
		const i = s[1].rows.findIndex((r) => r.cycle > a.cycle);
		const r = s[1].rows[i];
		s[1].rows[i] = { ...a, slot: 999999, cycle: r.cycle, copy: r.copy,
		    assigned: r.cycle };
	}),
	'logged: slot with two lines': relogged((s) =>
		result(s, 1).slot = result(s).slot),
	'logged: slot of another cycle': relogged((s) =>
		result(s).assigned -= HOUR),
	'logged: definition that isn\'t there': relogged((s) =>
		result(s).version = 999),
	'logged: outcome nobody knows': relogged((s) =>
		s[1].rows[3].outcome = 'fine'),
	'logged: field nobody knows': relogged((s) => result(s).up = true),
	'logged: fields in another order': relogged((s) => {
		const { slot, ...r } = result(s);
		s[1].rows[s[1].rows.indexOf(result(s))] = { ...r, slot };
	}),
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
		result(s).slot = all.find(is('drills')).rows[0].slot),
	'logged: drill of the schedule': relogged((s, t, all) =>
		all.find(is('drills')).rows[0].copy = 0),
	'logged: drill of another day': relogged((s, t, all) => {
		const r = all.find(is('drills')).rows[0];
		r.assigned -= 24 * HOUR;
		r.cycle -= 24 * HOUR;
	}),
	'logged: answer to a drill flipped': relogged((s, t, all) => {
		const r = all.find(is('drills')).rows[0];
		r.success = !r.success;
	}),
	'logged: drill left out of its file': relogged((s, t, all) =>
		all.find(is('drills')).rows.pop(), { count: false }),
	'logged: key of a day changed': relogged((s, t, all) => {
		for (const c of all.filter(is('canary')))
			if (c.leaf.key)
				c.leaf.key = c.leaf.key.replace(/.$/,
				    (x) => x === '0' ? '1' : '0');
	}),
	'logged: definitions out of order': relogged((s, t) =>
		t.at(-1).leaf.from = t[0].leaf.from - 1),
};

if (from === '--kinds') {
	console.log(Object.keys(kinds).join('\n'));
} else {
	if (existsSync(out))
		rmSync(out, { recursive: true });
	cpSync(from, out, { recursive: true });
	kinds[kind]();
}
