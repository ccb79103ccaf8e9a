// Whether two checkpoints are of one log: what somebody else was shown, an
// export, a checkpoint alone or a copy of the log's files.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { Refused, base64, checkNote, consistency, continues, refuse, root }
    from './tlog.mjs';

// The hashes of the level's tiles, of as many leaves; undefined: not all there.
function leavesOf(path, size) {
	const all = [];
	for (let n = 0; all.length < size; n++) {
		const width = Math.min(256, size - all.length);
		const [last, ...before] = [...`${n}`.padStart(
		    Math.ceil(`${n}`.length / 3) * 3, '0').matchAll(/.../g)]
		    .map((m) => m[0]).reverse();
		const name = `${path}/tile/0/${[...before.reverse()
		    .map((d) => `x${d}`), last].join('/')}`;
		const file = [`${name}.p/${width}`, name].find(
		    (f) => existsSync(f) && statSync(f).isFile());
		if (!file)
			return undefined;
		const bytes = readFileSync(file);
		for (let i = 0; i < width; i++)
			all.push(bytes.subarray(32 * i, 32 * i + 32));
	}
	return all;
}

// The root of the first of its leaves, and the proof.
function beginning(path, head, size) {
	const at = `${path}/anchor/${size}`;
	if (size === head.size)
		return [head.root];
	if (size === 0)
		return [root([])];
	if (existsSync(at))
		return readFileSync(at, 'latin1').trimEnd().split('\n').map(base64);
	const leaves = leavesOf(path, head.size) ??
	    refuse(`${path} doesn't show how its log of ${head.size} leaves began`);
	return [root(leaves.slice(0, size)), ...consistency(size, leaves)];
}

// Whoever signed two logs did so, whether or not witnesses saw it.
export function sameLog(dir, other, head, policy, readKeys) {
	const isDirectory = statSync(other).isDirectory();
	const notes = [`${dir}/checkpoint`, isDirectory ? `${other}/checkpoint` :
	    other].map((name) => readFileSync(name));
	if (isDirectory)
		readKeys(policy, other);
	const second = checkNote(notes[1], { ...policy, quorum: 'none' });
	if (second.origin !== head.origin)
		refuse(`${other} is of the log ${second.origin}, not of ${head.origin}`);
	const [small, large, path] = second.size > head.size ?
	    [head, second, other] : [second, head, dir];
	const [first, ...proof] = beginning(path, large, small.size);
	if (small.size > 0 && !continues(small.size, first, large.size, large.root,
	    proof))
		refuse(`${path}: the tree of ${large.size} leaves doesn't begin with that of ${small.size}`);
	if (!first.equals(small.root)) {
		const error = new Refused('the log is forked: it signed two ' +
		    'checkpoints, and neither continues the other');
		error.evidence = `${JSON.stringify({ verified: false,
		    checkpoint: notes[0].toString('utf8'),
		    otherCheckpoint: notes[1].toString('utf8') }, null, 2)}\n`;
		throw error;
	}
	return { otherSize: second.size };
}
