// What a worker was told of the log, and how old that is at most: by hours, of
// any task, that the log had by then.

import { base64, continues, integer, refuse, root } from './tlog.mjs';

const OLD = 3 * 3600_000;

// Size -> root of the log that workers were told of, by files of these names.
export function readAnchors(names, read, head) {
	const all = new Map([[0, root([])]]);
	for (const name of names) {
		const [first, ...proof] = read(`anchor/${name}`).toString('latin1')
		    .split(/(?<=\n)/).map((line) => line.endsWith('\n') ?
		    base64(line.slice(0, -1)) :
		    refuse(`anchor/${name}: the last line has no end`));
		const size = integer(name);
		if (size > head.size)
			refuse(`anchor/${name}: the log has only ${head.size} leaves`);
		if ([first, ...proof].some((h) => h?.length !== 32) ||
		    !continues(size, first, head.size, head.root, proof))
			refuse(`anchor/${name}: the tree of ${head.size} leaves doesn't begin with that of ${size}`);
		all.set(size, first);
	}
	return all;
}

// The leaves of hours in order, each later than all before.
export function hoursOf(leaves) {
	const all = [];
	for (const l of leaves.sort((a, b) => a.index - b.index)) {
		if (!l.isSegment)
			refuse(`since/${l.index}.tlog-proof: the entry isn't of an hour`);
		if (all.length === 0 || l.to > all.at(-1).to)
			all.push(l);
	}
	return all;
}

export const before = (hours, size) => hours.findLast((h) => h.index < size)?.to;

export function takeAge(report, hours, l) {
	const to = before(hours, l.anchor);
	const age = to === undefined || l.assigned < to ? -1 : l.assigned - to;
	if (age >= 0 && age > (report.anchorMs ?? -1))
		report.anchorMs = age;
	report.anchorOld += age < 0 || age > OLD ? 1 : 0;
}
