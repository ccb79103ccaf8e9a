// More kinds of tampering, for forge.mjs: what those who have the log's key log,
// what strangers do to files, and what C and JavaScript could read differently.

import { signMessage } from 'viem/accounts';
import { checkpointText, proofText, readCheckpoint, readNote, root, secretOf,
    signNote, signature, vkeyOf } from './tlog.mjs';

const HOUR = 3600_000;

// Takes what forge.mjs has of an export; gives kinds.
export function forgeries({ relogged, result, inRound, missed, is, isSegment,
    leafOf, get, put, edit, secret, seed, resign, workers, witness }) {
	const alone = async (r, task) => {
		r.signature = await signMessage({ privateKey: workers.get(r.worker),
		    message: JSON.stringify({ taskId: task, workerAddress: r.worker,
			timestamp: r.timestamp, success: r.success }) });
		return r;
	};
	// A field of a line, where its order is.
	const with_ = (rows, r, key, value, before) => {
		const fields = Object.entries(r).flatMap((f) => f[0] === before ?
		    [[key, value], f] : f[0] === key ? [] : [f]);
		rows[rows.indexOf(r)] = Object.fromEntries(fields);
	};
	const rowsOf = (s, r) => s.find((x) => x.rows.includes(r)).rows;
	const maintenance = (all) => all.filter(is('maintenance'));
	const raw = (value, bytes) => Buffer.concat(JSON.stringify(value)
	    .split('@').flatMap((part, i) => i === 0 ? [Buffer.from(part)] :
	    [Buffer.from(bytes), Buffer.from(part)]));
	const policy = (change) => () => edit('policy', change);
	const witnessLine = (name) => `witness ${name} ${vkeyOf(secretOf(
	    `witness.example/${name}`, seed(name), 4))}\n`;
	const cosigned = (time) => relogged(() => {}, { cosign: (text) =>
		signature(text, witness, time) });

	return {
		// Nothing is wrong.
		'hidden names beside': () => {
			for (const name of ['leaf', 'anchor', 'key', 'segment'])
				put(`${name}/.of-somebody`, 'else');
		},
		// Two failures in a row, of two networks: an outage.
		'network that is named 0': relogged((s) => {
			const { rows } = s.find((x) => x.rows.filter((r) =>
				r.success === false).length > 1);
			const i = rows.findIndex((r) => r.success === false);
			const j = rows.findIndex((r, n) => n > i && r.success === false);
			const { slot, cycle, copy, version, worker, ...rest } = rows[j];
			for (let n = i + 1; n < j; n++)
				rows[n] = { cycle: rows[n].cycle, copy: rows[n].copy,
				    outcome: 'unassigned' };
			rows[j] = { slot, cycle, copy, version, worker,
			    network: '00000000', ...rest };
		}, { colluding: true }),
		'numbers of definitions that go down': relogged((s, t) => {
			t[0].leaf.version = t[1].leaf.version + 9;
			for (const r of s.flatMap((x) => x.rows))
				if (r.version !== undefined &&
				    r.version !== t[1].leaf.version)
					r.version = t[0].leaf.version;
		}, { colluding: true }),
		// The second one's first cycle is one that the first one had, too.
		'number of a definition given twice': relogged((s, t, all) => {
			const { leaf, index } = t.at(-1), from = s.at(-1).leaf.to;
			const had = s.flatMap((x) => x.rows).filter((r) =>
			    r.outcome === 'result' && r.version === leaf.version &&
			    r.cycle >= leaf.from).map((r) => r.cycle);
			const firsts = [...Array(744).keys()].map((n) => n + 1)
			    .flatMap((n) => [1, 2, 3, 4, 6, 12, 24].map((k) =>
				n * HOUR / k));
			const intervalMs = firsts.find((ms) =>
			    had.includes(from - from % ms)) ?? HOUR;
			const rows = [];
			for (let cycle = Math.ceil(from / intervalMs) * intervalMs;
			    cycle < from + HOUR; cycle += intervalMs)
				for (let copy = 0; copy < leaf.copies; copy++)
					rows.push({ cycle, copy, outcome: 'unassigned' });
			all.push({ index: 9e6, leaf: { ...leaf, from, intervalMs,
			    prev: index } }, { index: 9e6 + 1, rows,
			    leaf: { ...s.at(-1).leaf, from, to: from + HOUR,
			    definition: 9e6, prev: s.at(-1).index,
			    maintenance: maintenance(all).at(-1).index } });
		}),
		'paused for ten years, with a cycle each ms': relogged((s, t, all) => {
			const from = s.at(-1).leaf.to, prev = t.at(-1).index;
			all.push({ index: 9e6, leaf: { ...t.at(-1).leaf, from,
			    state: 'paused', intervalMs: 1, prev } }, { index: 9e6 + 1,
			    rows: [], leaf: { ...s.at(-1).leaf, from,
			    to: from + 87600 * HOUR, definition: 9e6,
			    maintenance: maintenance(all).at(-1).index,
			    prev: s.at(-1).index } });
		}),
		'token that is a pattern': relogged(async (s, t, all) => {
			t.forEach((x) => x.leaf.url += '?{token}');
			for (const x of all)
				for (const r of x.rows ?? []) {
					if (r.scheme !== 'eip712-round')
						continue;
					const d = t.find((y) =>
					    y.leaf.version === r.version).leaf;
					const { place, count, path, signature, ...rest } = r;
					Object.keys(r).forEach((key) => delete r[key]);
					Object.assign(r, rest, { token: '$&$$', place,
					    count }, path ? { path } : {}, { signature });
					if (!r.anchor)
						await resign(r, d, root([]));
				}
		}, { colluding: true }),

		// An operator's.
		'logged: vote told in a later hour again': relogged(async (s, t) => {
			const d = t.at(-1).leaf, r = result(s);
			const i = s.findIndex((x) => x.leaf.from > d.from);
			const cycle = d.from - d.from % d.intervalMs;
			s[i].rows.unshift(await alone({ slot: 999999, cycle, copy: 0,
			    version: d.version, worker: r.worker,
			    assigned: cycle + 1, outcome: 'result', scheme: 'eip191',
			    form: 'lower', timestamp: cycle + 2, success: true },
			    d.task));
		}, { colluding: true }),
		'logged: maintenance logged at no time': relogged((s, t, all) => {
			const last = maintenance(all).at(-1);
			const from = s[1].leaf.from + 1;
			all.push({ index: 9e6, leaf: { ...last.leaf, id: 99, from,
			    to: from + HOUR, ended: null, noted: 0, logged: 0,
			    prev: last.index } });
		}, { colluding: true }),
		'logged: maintenance ended twice': relogged((s, t, all) => {
			const end = maintenance(all).find((x) => x.leaf.ended !== null);
			const last = maintenance(all).at(-1);
			all.push({ index: 9e6, leaf: { ...end.leaf,
			    ended: end.leaf.to - 1, prev: last.index } });
		}),
		'logged: end of maintenance backdated': relogged((s, t, all) => {
			const of = maintenance(all);
			const end = of.find((x) => x.leaf.ended !== null);
			all.splice(all.indexOf(end), 1);
			of.filter((x) => x.leaf.prev === end.index)
			    .forEach((x) => x.leaf.prev = end.leaf.prev);
			s.forEach((x) => x.leaf.maintenance =
			    x.leaf.maintenance === end.index ? end.leaf.prev :
			    x.leaf.maintenance);
			all.push({ ...end, leaf: { ...end.leaf,
			    prev: maintenance(all).at(-1).index } });
		}),
		'logged: seen before it was over': async () => {
			await cosigned(1767225600)();
			edit('policy', (t) => `${t.split('\n')[0]}\n` +
			    `witness w1 ${vkeyOf(witness)}\nquorum w1\n`);
		},
		'logged: state nobody knows': relogged((s, t, all) =>
			all.push({ index: 9e6, leaf: { ...t.at(-1).leaf,
			    from: s.at(-1).leaf.to, state: 'stopped',
			    prev: t.at(-1).index } })),
		'logged: URL that looks like another': relogged((s, t, all) =>
			all.push({ index: 9e6, leaf: { ...t.at(-1).leaf,
			    from: s.at(-1).leaf.to, prev: t.at(-1).index,
			    url: 'https://example.net/\u202e1' } })),
		'logged: first hour that follows itself': relogged((s) =>
			s[0].leaf.prev = s[0].index, { colluding: true }),
		'logged: unassigned, to somebody': relogged((s) => {
			const r = s[1].rows.find((x) => x.outcome === 'unassigned') ??
			    s.flatMap((x) => x.rows).find((x) =>
				x.outcome === 'unassigned');
			with_(rowsOf(s, r), r, 'worker', result(s).worker, 'outcome');
		}, { colluding: true }),
		'logged: missed, with a result': relogged((s) => {
			const r = result(s);
			s[1].rows[s[1].rows.indexOf(r)] = { ...missed(r),
			    success: true };
		}, { colluding: true }),
		'logged: alone, with a trace': relogged((s) =>
			with_(s[1].rows, result(s), 'trace', 'cf-ray:1', 'signature'), { colluding: true }),
		'logged: day without end': relogged((s, t, all) =>
			all.find(is('drills')).leaf.day = 99999999, { colluding: true }),
		'logged: year of five digits': relogged((s) => {
			s.at(-1).leaf.to = 253402300800000 + HOUR;
			s.at(-1).leaf.from = s.at(-1).leaf.to - HOUR;
		}, { colluding: true }),
		'logged: label that isn\'t one': relogged((s, t, all) =>
			maintenance(all)[0].leaf.task = `~${'.'.repeat(43)}`, { colluding: true }),
		'logged: key of a day in capitals': relogged((s, t, all) => {
			const c = all.find((x) => x.leaf.key);
			c.leaf.key = `0x${c.leaf.key.slice(2).toUpperCase()}`;
		}),
		'logged: drill without a copy': relogged((s, t, all) => {
			delete all.find(is('drills')).rows[0].copy;
		}),
		'logged: drills without their end': async () => {
			await relogged((s, t, all) => {
				const d = all.find(is('drills'));
				d.rows.push(Buffer.from('more'));
				d.leaf.lines = d.rows.length - 1;
			}, { count: false })();
		},

		// What could be read in two ways.
		'logged: worker that is empty': relogged((s) => {
			s[1].rows[s[1].rows.indexOf(result(s))] =
			    { ...missed(result(s)), worker: '' };
		}, { colluding: true }),
		'logged: signature in capitals': relogged((s) => {
			const r = result(s);
			r.signature = `0x${r.signature.slice(2).toUpperCase()}`;
		}, { colluding: true }),
		'logged: round: signature in capitals': relogged((s) => {
			const r = inRound(s);
			r.signature = `0x${r.signature.slice(2).toUpperCase()}`;
		}),
		'logged: round: ledger in capitals': relogged((s, t, all) =>
			all.flatMap((x) => x.rows ?? []).filter((r) => r.ledger)
			    .forEach((r) => r.ledger =
			    `0x${r.ledger.slice(2).toUpperCase()}`), { colluding: true }),
		'logged: round: path in capitals': relogged((s) => {
			const r = inRound(s);
			r.path = `0x${r.path.slice(2).toUpperCase()}`;
		}),
		'logged: round: status past 16 bits': relogged((s) =>
			inRound(s).status = 70000),
		'logged: outcome of each object': relogged((s) => {
			const r = missed(result(s));
			s[1].rows[s[1].rows.indexOf(result(s))] =
			    { ...r, outcome: 'toString' };
		}, { colluding: true }),
		'logged: form of each object': relogged((s) =>
			result(s).form = 'constructor', { colluding: true }),
		'logged: type of each object': relogged((s, t) =>
			t[0].leaf.type = 'constructor'),
		'logged: entry that isn\'t JSON': relogged((s, t, all) =>
			all.push({ index: 9e6, leaf: Buffer.from('{"type":') })),
		'logged: leaf that isn\'t UTF-8': relogged((s, t, all) => {
			const m = maintenance(all)[0];
			m.bytes = (leaf) => raw({ ...leaf, why: '@' }, [0xff]);
		}, { colluding: true }),
		'logged: line that isn\'t UTF-8': relogged((s) => {
			const { signature, ...r } = result(s);
			s[1].rows[s[1].rows.indexOf(result(s))] = Object.assign(raw({
			    ...r, error: '@', signature }, [0xed, 0xa0, 0x80]),
			    { outcome: 'result' });
		}, { colluding: true }),
		'logged: line without end': relogged((s) => {
			const r = result(s);
			with_(s[1].rows, r, 'error', 'x'.repeat(20000), 'signature');
		}, { colluding: true }),
		'logged: why without end': relogged((s, t, all) =>
			maintenance(all)[0].leaf.why = 'x'.repeat(201), { colluding: true }),
		'logged: nested without end': relogged((s) =>
			s[1].rows[3] = Buffer.from('['.repeat(8000) +
			    ']'.repeat(8000)), { count: false }),
		'hash of a proof of another length': () => {
			const l = leafOf(isSegment)[0];
			l.p.path[0] = Buffer.concat([l.p.path[0], Buffer.of(0)]);
			put(l.name, proofText(l.p));
		},
		'size past what is exact': () => {
			const c = readCheckpoint(readNote(Buffer.from(
			    get('checkpoint'))).text);
			put('checkpoint', signNote(checkpointText({ ...c,
			    size: '9007199254740994' }), secret()));
		},
		'cosignature cut short': async () => {
			await cosigned(1893456000)();
			edit('policy', (t) => `${t.split('\n')[0]}\n` +
			    `witness w1 ${vkeyOf(witness)}\nquorum none\n`);
			edit('checkpoint', (t) => t.replace(/(\u2014 witness\S+ )(\S+)/,
			    (m, who, body) => who + Buffer.from(body, 'base64')
			    .subarray(0, 6).toString('base64')));
		},
		'more signatures than a note has': () => {
			for (const name of ['checkpoint',
			    ...leafOf(() => true).map((l) => l.name)])
				edit(name, (t) => t + t.split('\n').at(-2)
				    .replace('worknet', 'other').concat('\n')
				    .repeat(64));
		},
		'more keys than a log has': () => {
			for (let i = 0; i < 65; i++)
				put(`key/${i}.tlog-proof`, 'more');
		},
		'policy with CR LF': policy((t) => t.replaceAll('\n', '\r\n')),
		'policy with a mark before it': policy((t) => `\ufeff${t}`),
		'policy with two quorums': policy((t) => `${t}quorum none\n`),
		'log\'s key in the place of a witness\'s': policy((t) =>
			`witness w1 ${t.split('\n')[0].split(' ')[1]
			    .replace('worknet', 'other')}\n${t}`),
		'witness\'s key in the place of a log\'s': policy((t) =>
			`log ${vkeyOf(witness)}\n${t}`),
		'group that counts one twice': policy((t) =>
			t.replace(/quorum.*/, `${witnessLine('w1')}group g 2 w1 w1\n` +
			    'quorum g')),
		'group that needs nobody': policy((t) =>
			t.replace(/quorum.*/, `${witnessLine('w1')}group g 0 w1\n` +
			    'quorum g')),
		'group that is in itself': policy((t) =>
			t.replace(/quorum.*/, `${witnessLine('w1')}group g any w1 g\n` +
			    'quorum g')),
		'certificate with two names': policy((t) =>
			t.replace(/quorum/, 'authority a AAAA\nauthority b AAAA\n' +
			    'quorum')),
	};
}
