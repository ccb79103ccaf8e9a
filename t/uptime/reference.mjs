// What the method of doc/uptime says, once more, in another language and by
// another way: it looks at whole histories, and cuts time at every border.
//
//   node reference.mjs vectors FILE       histories of the vectors' letters
//   node reference.mjs letters TEXT...    histories of such letters
//   node reference.mjs random SEED COUNT  random ones
//   node reference.mjs ledger FILE        rows of a ledger: versions, results,
//                                         paused, maintenance, from, to, over
//
// Prints JSON: {"input": lines for t/tools/uptime_count, "expected": [lines]}.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const CONFIRM = 2, CONFIRM_NETWORKS = 2, RECOVER = 2, GAP = 600000;

function judge(slice) {
	const byNetwork = new Map();
	for (const v of [...slice.votes].sort((a, b) => a.worker < b.worker ? -1 : 1))
		if (!byNetwork.has(v.network))
			byNetwork.set(v.network, v);
	const votes = [...byNetwork.values()];
	const up = votes.filter((v) => v.up).length, down = votes.length - up;
	const need = Math.floor(slice.copies / 2) + 1;
	return { ...slice, counted: votes,
		downNetworks: votes.filter((v) => !v.up).map((v) => v.network),
		raw: votes.length < need ? 'unknown' : up === down ? 'disputed'
		    : up > down ? 'up' : 'down' };
}

// Stretches of decided slices that nothing dark for longer than the gap parts.
function stretches(slices) {
	const all = [];
	let last = null;
	for (const s of slices) {
		if (s.raw !== 'up' && s.raw !== 'down')
			continue;
		if (last === null || s.from - last.to > GAP)
			all.push([]);
		all.at(-1).push(s);
		last = s;
	}
	return all;
}

// The incidents of one stretch; what is left open at its end is ended by
// `evidence`, or stays open when nothing dark follows for long.
function incidentsOf(stretch, darkAfter) {
	const found = [];
	let i = 0;
	while (i < stretch.length) {
		if (stretch[i].raw === 'up') {
			i++;
			continue;
		}
		let j = i;
		const networks = new Set();
		const isConfirmed = () => j - i >= CONFIRM &&
		    networks.size >= CONFIRM_NETWORKS;
		for (; j < stretch.length && stretch[j].raw === 'down' &&
		    !isConfirmed(); j++)
			stretch[j].downNetworks.forEach((n) => networks.add(n));
		if (!isConfirmed()) {
			i = j;
			continue;
		}
		const incident = { from: stretch[i].from, to: null,
			ended: 'open', networks: networks.size };
		let lastDown = stretch[j - 1], k = j;
		for (; k < stretch.length; k++) {
			if (stretch[k].raw === 'down')
				lastDown = stretch[k];
			const run = stretch.slice(k, k + RECOVER);
			if (run.length === RECOVER && run.every((s) => s.raw === 'up')) {
				incident.to = stretch[k].from;
				incident.ended = 'recovered';
				break;
			}
		}
		if (incident.to === null && darkAfter) {
			incident.to = lastDown.to;
			incident.ended = 'evidence';
			k = stretch.length;
		}
		found.push(incident);
		i = k;
	}
	return found;
}

export function account({ slices, paused = [], maintenance = [], from, to }) {
	const judged = slices.map(judge);
	const parts = stretches(judged), end = judged.at(-1).to;
	const incidents = parts.flatMap((p, n) => incidentsOf(p,
	    n + 1 < parts.length || end - p.at(-1).to > GAP));
	const t = { up: 0, down: 0, unconfirmed: 0, unknown: 0, disputed: 0,
		paused: 0, maintenance: 0 };
	const within = (list, ms) => list.some((s) => s.from <= ms &&
	    ms < (s.to ?? Infinity));
	const borders = new Set([from, to]);
	for (const list of [judged, paused, maintenance, incidents])
		for (const s of list)
			[s.from, s.to].forEach((b) => b !== null && b > from &&
			    b < to && borders.add(b));
	const cuts = [...borders].sort((a, b) => a - b);
	for (let n = 0; n + 1 < cuts.length; n++) {
		const s = judged.find((x) => x.from <= cuts[n] && cuts[n] < x.to);
		if (s === undefined)
			continue;
		const is = within(paused, cuts[n]) ? 'paused'
		    : within(maintenance, cuts[n]) ? 'maintenance'
		    : s.raw === 'unknown' || s.raw === 'disputed' ? s.raw
		    : within(incidents, cuts[n]) ? 'down'
		    : s.raw === 'down' ? 'unconfirmed' : 'up';
		t[is] += cuts[n + 1] - cuts[n];
	}
	const decided = t.up + t.unconfirmed + t.down,
	    dark = t.unknown + t.disputed;
	// BigInt divides by flooring, whatever the size.
	const ppm = (a, b) => b === 0 ? -1 : Number(BigInt(a) * 1000000n / BigInt(b));
	return { ...t, availability: ppm(t.up + t.unconfirmed, decided),
		strict: ppm(t.up, decided), atLeast: ppm(t.up, decided + dark),
		atMost: ppm(t.up + t.unconfirmed + dark, decided + dark),
		coverage: ppm(decided, decided + dark),
		incidents: incidents.filter((i) => i.from < to &&
		    (i.to ?? Infinity) > from) };
}

// What answers took, of the hours in which slices began: [hour, region, results,
// p50, p95, max].
const HOUR = 3600000;

function responses({ slices, from, to }) {
	const groups = new Map();
	for (const s of slices.map(judge)) {
		if (s.from < from || s.from >= to)
			continue;
		const key = JSON.stringify([s.from - s.from % HOUR, s.region]);
		const good = s.raw === 'down' ? [] : s.counted
		    .filter((v) => v.up && v.ms !== null).map((v) => v.ms);
		groups.set(key, [...groups.get(key) ?? [], ...good]);
	}
	return [...groups].filter(([, all]) => all.length > 0).map(([key, all]) => {
		// The least that so many of 100 don't exceed.
		const within = (share) => Math.min(...all.filter((ms) =>
		    all.filter((other) => other <= ms).length * 100 >=
		    share * all.length));
		return [...JSON.parse(key), all.length, within(50), within(95),
			Math.max(...all)];
	}).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

// ---- Histories ----

const STEP = 30000;

// A letter of the vectors: three of five networks answer, others each time.
function votesOf(letter, i) {
	const v = (n, up, network = (i + n) % 5) =>
	    ({ worker: network * 10 + n, network, up });
	switch (letter) {
	case 'U': return [v(0, true), v(1, true), v(2, true)];
	case 'D': return [v(0, false), v(1, false), v(2, false)];
	case 's': return [v(0, true), v(1, false), v(2, true)];
	case 'x': return [v(0, true), v(1, false)];
	case 'N': return [0, 1, 2].map((n) => v(n, false, 1));
	case '1': return [v(0, true)];
	case '.': case 'P': return [];
	}
	throw new Error(`no letter ${letter}`);
}

function fromLetters({ cycles, maintenance = [], from = 0, to }) {
	const paused = [];
	const slices = [...cycles].map((letter, i) => {
		const span = { from: i * STEP, to: (i + 1) * STEP };
		if (letter === 'P')
			paused.push(span);
		return { ...span, copies: 3, votes: votesOf(letter, i) };
	});
	return { slices, paused, maintenance, from,
		to: to ?? cycles.length * STEP };
}

// mulberry32
function generator(seed) {
	let a = seed >>> 0;
	return (n) => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), a | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) % n;
	};
}

function spansOf(random, end, max) {
	const spans = [];
	let at = 0;
	for (let n = random(max + 1); n > 0; n--) {
		const from = at + random(end), to = from + 1 + random(end);
		spans.push({ from, to });
		at = to + 1;
	}
	return spans;
}

// Weather that changes: up, down, silent, quarrelling; networks few or many;
// intervals that change; a period that cuts anywhere, or is a ms.
function randomHistory(random) {
	const slices = [], networks = 1 + random(6), liar = random(4) === 0;
	let at = random(2) * 3600000, copies = 1 + random(4), interval = 30000;
	let weather = 'up';
	const start = at;
	for (let n = 1 + random(60); n > 0; n--) {
		if (random(12) === 0)
			interval = [1000, 30000, 60000, 420000, 3600000][random(5)];
		if (random(20) === 0)
			copies = 1 + random(5);
		if (random(4) === 0)
			weather = ['up', 'down', 'dark', 'mixed', 'up'][random(5)];
		let to = at + interval;
		if (random(15) === 0)
			to = at + 1 + random(interval); // an edit cuts it
		const votes = [];
		for (let c = 0; c < copies && weather !== 'dark'; c++) {
			if (random(8) === 0)
				continue;
			const network = random(networks);
			let up = weather === 'mixed' ? random(2) === 0
			    : weather === 'up';
			if (liar && network === 0)
				up = random(2) === 0;
			votes.push({ worker: random(50) * 100 + c, network, up });
		}
		slices.push({ from: at, to, copies, votes });
		at = to;
	}
	const length = at - start;
	const shift = (s) => ({ from: s.from + start, to: s.to + start });
	const from = random(3) === 0 ? start : start + random(length);
	return { slices, from,
		to: random(3) === 0 ? at : from + 1 + random(at - from),
		paused: random(3) === 0 ? spansOf(random, length, 2).map(shift) : [],
		maintenance: random(2) === 0 ? spansOf(random, length, 3).map(shift)
		    : [] };
}

function linesOf(h) {
	return [ ...h.slices.map((s) => `slice ${s.from} ${s.to} ${s.copies} ` +
	    s.votes.map((v) => `${v.worker}:${v.network}:${v.up ? 1 : 0}`).join(' ')),
	...h.paused.map((s) => `paused ${s.from} ${s.to}`),
	...h.maintenance.map((s) => `maintenance ${s.from} ${s.to}`),
	`count ${h.from} ${h.to}` ].join('\n') + '\n';
}

// A ledger's rows: the cycles of each definition, up to where they are over.
function fromRows({ versions, results, over, from, to, ...rest }) {
	// Before there was a task: paused.
	const slices = [{ from: 0, to: versions[0].from, copies: 1, votes: [] }];
	const votes = new Map();
	for (const r of results) {
		const key = `${r.version} ${r.cycle}`;
		if (!votes.has(key))
			votes.set(key, []);
		votes.get(key).push({ worker: r.address, network: r.network,
			up: r.success === 1, ms: r.ms });
	}
	versions.forEach((v, i) => {
		const end = Math.min(over, versions[i + 1]?.from ?? Infinity);
		for (let at = v.from; at < end;) {
			const cycle = Math.floor(at / v.interval) * v.interval;
			const next = Math.min(cycle + v.interval,
			    versions[i + 1]?.from ?? Infinity);
			slices.push({ from: at, to: next, copies: v.copies,
				region: v.region,
				votes: votes.get(`${v.id} ${cycle}`) ?? [] });
			at = next;
		}
	});
	return { slices, from, to: Math.min(to, over), ...rest };
}

function main([what, arg, count]) {
	let histories = [];
	if (what === 'vectors')
		histories = readFileSync(arg, 'utf8').trim().split('\n')
		    .map((line) => fromLetters(JSON.parse(line)));
	else if (what === 'letters')
		histories = process.argv.slice(3).map((cycles) => fromLetters({ cycles }));
	else if (what === 'random') {
		const random = generator(Number(arg));
		histories = Array.from({ length: Number(count) },
		    () => randomHistory(random));
	}
	else if (what === 'ledger')
		histories = JSON.parse(readFileSync(arg, 'utf8')).map(fromRows);
	process.stdout.write(JSON.stringify({
		input: what === 'ledger' ? '' : histories.map(linesOf).join(''),
		expected: histories.map((h) => JSON.stringify(what === 'ledger'
		    ? { ...account(h), responses: responses(h) } : account(h))),
	}));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
	main(process.argv.slice(2));
