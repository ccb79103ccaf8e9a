// What those who have the log's key log.

import { signMessage } from 'viem/accounts';
import { HOUR, edit, is, swap } from './copy.mjs';
import { beside, cosigned, drill, highS, inRound, maintenance, missed, refused,
    relogged, result, withField, witness, workers } from './relog.mjs';
import { hex256, vkeyOf } from './tlog.mjs';

const alone = async (r, task) => {
	r.signature = await signMessage({ privateKey: workers.get(r.worker),
	    message: JSON.stringify({ taskId: task, workerAddress: r.worker,
		timestamp: r.timestamp, success: r.success }) });
	return r;
};

export const logged = {
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
	'logged: hour that wasn\'t over yet': relogged((s, t, all) => all.splice(
	    all.indexOf(s[0]), 0, { foreign: true, index: s[0].index - 0.5, leaf: {
		...s[0].leaf, task: 'task_other', to: s[0].leaf.to + 480 * HOUR,
		prev: null } }), { colluding: true }),

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
	// Of a private task these are held to something without its opening, too.
	'logged: scheme nobody knows': relogged((s) =>
		result(s).scheme = 'eip1271'),
	'logged: result of no success': relogged((s) =>
		delete result(s).success),
	'logged: seals in capitals': relogged((s) => {
		s[1].leaf.seals = hex256(Buffer.from('x')).toUpperCase();
	}, { count: 'seals' }),
	'logged: commitment in capitals': relogged((s, t, all) => {
		for (const x of all.filter((y) => y.leaf.commitment))
			x.bytes = (leaf) => Buffer.from(JSON.stringify({ ...leaf,
			    commitment: leaf.commitment.toUpperCase() }));
		if (t.length)
			t[0].leaf = { ...t[0].leaf, commitment: 'AB' };
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
	// Beside the schedule. Who counts cycle by cycle never comes to such a vote,
	// or, of one that is a bit later, never past it.
	'logged: vote of a cycle between two': relogged(async (s, t) => {
		const d = t.at(-1).leaf;
		const cycle = d.from - d.from % d.intervalMs - 1;
		const { rows } = s.find((x) => x.leaf.from <= d.from &&
		    d.from < x.leaf.to);
		const i = rows.findIndex((r) => r.cycle > cycle);
		rows.splice(i, 0, await alone({ slot: 999999, cycle, copy: 0,
		    version: d.version, worker: result(s).worker,
		    assigned: d.from, outcome: 'result', scheme: 'eip191',
		    form: 'lower', timestamp: d.from, success: true }, d.task));
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
		withField(s.find((x) => x.rows.includes(r)).rows, r, 'worker',
		    result(s).worker, 'outcome');
	}, { colluding: true }),
	'logged: missed, with a result': relogged((s) => {
		const r = result(s);
		s[1].rows[s[1].rows.indexOf(r)] = { ...missed(r),
		    success: true };
	}, { colluding: true }),
	'logged: alone, with a trace': relogged((s) =>
		withField(s[1].rows, result(s), 'trace', 'cf-ray:1', 'signature'),
	    { colluding: true }),
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
};
