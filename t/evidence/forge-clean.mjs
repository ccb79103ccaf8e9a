// Exports with which nothing is wrong, though it may look so.

import { HOUR, put, secret } from './copy.mjs';
import { beside, madeAnew, maintenance, missed, relogged, resign, result,
    succeeded, witnessed } from './relog.mjs';
import { root } from './tlog.mjs';

export const clean = {
	'made anew': madeAnew,
	witnessed,

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
};
