// Rounds, forged by those who have the log's key: what is signed at once, and
// what proves a line of it alone.

import { flip, highS, inRound, relogged, result, workers } from './relog.mjs';

export const rounds = {
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
};
