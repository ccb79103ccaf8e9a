// How old what a worker was told of the log is at most: by hours, of any task,
// that the log had by then.

import { refuse } from './tlog.mjs';

const OLD = 3 * 3600_000;

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
