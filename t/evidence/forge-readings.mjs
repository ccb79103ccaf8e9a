// What C and JavaScript could read differently.

import { is } from './copy.mjs';
import { inRound, maintenance, missed, relogged, result, withField }
    from './relog.mjs';

const raw = (value, bytes) => Buffer.concat(JSON.stringify(value)
    .split('@').flatMap((part, i) => i === 0 ? [Buffer.from(part)] :
    [Buffer.from(bytes), Buffer.from(part)]));

export const readings = {
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
		withField(s[1].rows, r, 'error', 'x'.repeat(20000), 'signature');
	}, { colluding: true }),
	'logged: why without end': relogged((s, t, all) =>
		maintenance(all)[0].leaf.why = 'x'.repeat(201), { colluding: true }),
	'logged: nested without end': relogged((s) =>
		s[1].rows[3] = Buffer.from('['.repeat(8000) +
		    ']'.repeat(8000)), { count: false }),
};
