// Verifies an export of worknet's log, as worknet verify does, by the formats
// alone: node, and viem for the workers' signatures.
//
// node verify.mjs DIRECTORY [POLICY [FROM TO] [OTHER]]
// node verify.mjs --each DIRECTORY...
//
// Prints the report as one JSON object, or says on standard error what isn't as
// it must be, and exits with 1.

import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { recoverAddress, recoverMessageAddress } from 'viem';
import { getAddress } from 'viem/utils';
import { account } from '../uptime/reference.mjs';
import { before as hourBefore, hoursOf, readAnchors, takeAge }
    from './age.mjs';
import { DAY, HOUR, ONLY_KEY, ONLY_TASK, SKEW, WINDOW, bytesOf, checkFields,
    linesOf, namesIn, readEntry, readLine } from './fields.mjs';
import { pathOf as roundPath, resultHash, roundDigest, roundRoot, urlOf }
    from './round.mjs';
import { sameLog } from './same.mjs';
import { checkSeals } from './seal.mjs';
import { checkStamp } from './stamp.mjs';
import { Refused, checkNote, climb, hex256, leafHash, readKey, readPolicy,
    readProof, refuse } from './tlog.mjs';

// What the method is, which the log states before it counts by it.
const METHOD_TEXT = hex256(readFileSync(new URL('../../doc/uptime',
    import.meta.url)));
let [, , dir, policyPath, ...asked] = process.argv;
// Another one of the same log, as it should be.
let other = asked.length % 2 ? asked.pop() : undefined;

// Bytes that a file may have, as many as worknet verify reads.
const MAX = { policy: 65536, checkpoint: 65536, opening: 64 << 20, leaf: 157012,
    since: 157012, key: 157012, anchor: 4160, timestamp: 65536, segment: 2 ** 30,
    drills: 2 ** 30 };
const find = (name) => bytesOf(`${dir}/${name}`, MAX[name.split('/')[0]]);
const read = (name) => find(name) ?? refuse(`${name} isn't in the export`);

// Why an answer is refused, as doc/protocol has it.
const REASONS = new Set(['too-old', 'from-future', 'expired', 'no-outcome',
    'contradiction', 'before-assignment', 'over-timeout', 'over-wait',
    'suspended']);

// ---- Leaves ----

function readLeaf(name, note, head, policy, folder = 'leaf') {
	const p = readProof(read(`${folder}/${name}`));
	if (`${p.index}.tlog-proof` !== name)
		refuse(`${folder}/${name}: the proof is of leaf ${p.index}`);
	if (!p.note.equals(note)) {
		const other = checkNote(p.note, policy);
		refuse(other.size === head.size && !other.root.equals(head.root) ?
		    'the log is forked: two checkpoints of one size with two roots' :
		    `${folder}/${name}: its checkpoint isn't the export's`);
	}
	if (!p.entry)
		refuse(`${folder}/${name}: it doesn't have its entry`);
	if (!climb(p.index, head.size, leafHash(p.entry), p.path)
	    ?.equals(head.root))
		refuse(`${folder}/${name}: the proof doesn't lead from leaf ${p.index} to the root`);
	const { is, leaf } = readEntry(p.entry);
	return { ...leaf, index: p.index, is, isSegment: is === 'segment',
	    isTask: is === 'task' || is === 'private-task' };
}

// Each trusted key may name another one; policy.logs grows.
function readKeys(policy, at = dir) {
	const names = namesIn(`${at}/key`) ?? [];
	if (names.length > 64 || names.some((n) => Buffer.byteLength(n) > 50))
		refuse('more than 64 keys of logs, or one whose file has a long name');
	const take = (name) => {
		const p = readProof(bytesOf(`${at}/key/${name}`, MAX.key) ??
		    refuse(`key/${name} isn't there`));
		let head;
		try {
			head = checkNote(p.note, policy);
		} catch (error) {
			if (error instanceof Refused)
				return false;
			throw error;
		}
		if (!p.entry || !climb(p.index, head.size, leafHash(p.entry),
		    p.path)?.equals(head.root))
			refuse(`key/${name}: the proof doesn't lead from leaf ${p.index} to the root`);
		const key = readKey(readEntry(p.entry, ONLY_KEY).leaf.key);
		const same = (k) => k.pub.equals(key.pub);
		if (key.name !== head.origin)
			refuse(`key/${name}: the key is of ${key.name}`);
		if (policy.logs.some((k) => same(k) && k.name === key.name))
			return true;
		if (key.type !== 1 || policy.logs.some(same) ||
		    [...policy.witnesses.values()].some(same))
			refuse(`key/${name}: the key that takes over is no log's, or another name's`);
		if (policy.logs.length === 16)
			refuse('more than 16 keys of logs');
		policy.logs.push(key);
		return true;
	};
	let left = names;
	for (let n = -1; n !== left.length;) {
		n = left.length;
		left = left.filter((name) => !take(name));
	}
}

// When authorities of the policy stamped the checkpoint.
function readStamps(note, policy) {
	const hash = createHash('sha256').update(note).digest(), times = [];
	for (const [name, certificate] of policy.authorities) {
		const path = `timestamp/${name}.tsr`, stamp = find(path);
		if (!stamp)
			continue;
		try {
			times.push(checkStamp(stamp, hash, certificate));
		} catch (error) {
			if (error instanceof Refused)
				refuse(`${path}: ${error.message}`);
			throw error;
		}
	}
	return { timestamps: times.length,
	    firstStamped: times.length ? Math.min(...times) : null };
}

// ---- Method, maintenance, and what segments were made by ----

function checkFacts(leaves, task, seen, hours) {
	const last = { task: null, maintenance: null, method: null };
	const announced = new Map();
	let newest = 0, over = 0;
	for (const l of leaves) {
		newest = Math.max(newest, hourBefore(hours, l.index) ?? 0);
		if (l.logged !== undefined && l.logged < newest)
			refuse(`leaf ${l.index} is backdated: it says that it was logged at ${l.logged}`);
		newest = Math.max(newest, l.logged ?? 0, l.isSegment ? l.to : 0);
	}
	for (const l of leaves)
		if ((l.isSegment ? l.to : l.logged) > seen + SKEW)
			refuse(`leaf ${l.index} is of ${l.logged ?? l.to}, and had been seen already at ${seen}`);
	for (const l of leaves) {
		if (l.is === 'method') {
			if (l.prev !== last.method)
				refuse(`leaf ${l.index}: a method is left out`);
			if (l.method !== 'worknet-uptime/1' || l.confirm !== 2 ||
			    l.confirmNetworks !== 2 || l.recover !== 2 ||
			    l.gapMs !== 600000)
				refuse(`leaf ${l.index}: the method "${l.method}" with its parameters isn't the worknet-uptime/1 of this program`);
			if (l.text !== METHOD_TEXT)
				refuse(`leaf ${l.index}: the method's text, with SHA-256 ${l.text}, isn't that of worknet-uptime/1`);
		}
		if (l.is === 'maintenance') {
			if (l.task !== task)
				refuse(`leaf ${l.index} is of task ${l.task}`);
			if (l.prev !== last.maintenance)
				refuse(`leaf ${l.index}: maintenance is left out`);
			const key = `${l.id} ${l.noted}`, first = announced.get(key);
			if (l.ended === null ? first : !first || first.ended !== null ||
			    first.from !== l.from || first.to !== l.to)
				refuse(`leaf ${l.index}: maintenance ${l.id} isn't announced once, and ended then, if at all`);
			if (l.ended !== null && l.ended < over)
				refuse(`leaf ${l.index}: the end of maintenance is backdated`);
			announced.set(key, { ...l, logged: (first ?? l).logged });
		}
		if (l.isSegment) {
			if (last.method === null)
				refuse(`segment of leaf ${l.index}: no method was stated before it`);
			if (l.definition !== last.task)
				refuse(`segment of leaf ${l.index}: a definition is left out`);
			if (l.maintenance !== last.maintenance)
				refuse(`segment of leaf ${l.index}: maintenance is left out`);
			over = l.to;
		}
		if (l.isTask)
			last.task = l.index;
		else if (l.is in last)
			last[l.is] = l.index;
	}
	return [...announced.values()].map((m) => ({ ...m, to: m.ended ?? m.to }))
	    .filter((m) => m.logged < m.from && m.to > m.from);
}

// ---- Drills ----

const derive = (key, what, slot) => {
	const n = Buffer.alloc(8);
	n.writeBigUInt64BE(BigInt(slot));
	return createHmac('sha256', key).update(what).update(n).digest();
};
const STATUSES = [403, 404, 410, 429, 500, 502, 503, 504];
const mayBeDrill = (key, slot) =>
    derive(key, 'drill', slot).readUInt32BE() % 1000 < 500;
const wantedOf = (key, slot) => {
	const h = derive(key, 'status', slot);
	return h[0] & 1 ? 200 : STATUSES[h[1] % STATUSES.length];
};

async function checkDrills(d, leaves, tasks, told, report) {
	const path = `drills/${new Date(d.day * DAY).toISOString().slice(0, 10)
	    .replace(/-/g, '/')}/${d.task}.ndjson`;
	const of = leaves.filter((l) => l.is === 'canary' && l.day === d.day);
	const promised = of.find((l) => l.key === null);
	const shown = of.findLast((l) => l.key !== null);
	if (!promised || !shown || shown.index < promised.index)
		refuse(`${path}: the key of day ${d.day} and what was committed to before aren't in the export`);
	const key = Buffer.from(shown.key.slice(2), 'hex');
	const hash = `0x${createHash('sha256').update(key).digest('hex')}`;
	if (hash !== promised.hash || hash !== shown.hash)
		refuse(`${path}: the key of day ${d.day} isn't the one that was committed to`);
	if (shown.logged < (d.day + 1) * DAY)
		refuse(`${path}: the key of day ${d.day} was shown at ${shown.logged}, before the day was over`);
	if (d.task !== tasks[0].task)
		refuse(`${path}: it is of task ${d.task}`);
	const file = read(path);
	if (file.length !== d.bytes || hex256(file) !== d.sha256)
		refuse(`${path}: the file isn't the one that was logged`);
	const lines = linesOf(file);
	for (const line of lines) {
		const l = readLine(line);
		const t = definitionOf(tasks, l) ??
		    refuse(`definition ${l.version} isn't among the task's leaves`);
		if (l.outcome !== 'result' || l.slot === undefined ||
		    l.cycle === undefined || !(l.copy >= t.copies) ||
		    Math.floor(l.assigned / DAY) !== d.day)
			refuse(`slot ${l.slot} isn't an answer to a drill of day ${d.day}`);
		if (!mayBeDrill(key, l.slot))
			refuse(`slot ${l.slot} is no drill by the key of its day`);
		checkFields(l);
		await checkGiven(l, d.index, tasks, told);
		const wanted = wantedOf(key, l.slot);
		report.drills++;
		report.drillsRight += !told.isSealed && l.status === wanted &&
		    l.success === (wanted === t.expectedStatus) ? 1 : 0;
		report.drillsLate += promised.logged < d.day * DAY ? 0 : 1;
	}
	if (lines.length !== d.lines)
		refuse(`${path}: the leaf counts ${d.lines} lines, the file has ${lines.length}`);
	checkSeals(told.salt, d, file);
}

// ---- Uptime ----

// A change of state alone is no other definition.
const isSame = (a, b) => ['version', 'intervalMs', 'copies']
    .every((k) => a[k] === b[k]);
const firstOf = (tasks, t) => {
	let i = tasks.indexOf(t);
	while (i > 0 && isSame(tasks[i - 1], t))
		i--;
	return tasks[i];
};

function uptimeOf(tasks, votes, maintenance, { from, to }, counted) {
	const paused = [{ from: 0, to: tasks[0].from }], slices = [];
	tasks.forEach((t, i) => {
		if (t.state !== 'active')
			paused.push({ from: t.from,
			    to: tasks[i + 1]?.from ?? Infinity });
		if (firstOf(tasks, t) !== t)
			return;
		const next = tasks.slice(i + 1).find((x) => !isSame(x, t));
		const end = Math.min(to, next?.from ?? Infinity);
		const begin = (at) => Math.floor(at / t.intervalMs) * t.intervalMs;
		const cycles = [...votes.keys()].map((k) => k.split(' ').map(Number))
		    .filter(([n]) => n === t.index).map(([, c]) => c)
		    .sort((a, b) => a - b);
		for (let at = Math.max(t.from, begin(from)), n = 0; at < end;) {
			while (cycles[n] < begin(at))
				n++;
			// Those in a row without votes are one.
			const is = cycles[n] === begin(at);
			const over = Math.min(is ? begin(at) + t.intervalMs :
			    cycles[n] ?? Infinity, begin(to - 1) + t.intervalMs,
			    next?.from ?? Infinity);
			slices.push({ from: at, to: over, copies: t.copies,
			    votes: is ? votes.get(`${t.index} ${begin(at)}`) : [] });
			at = over;
		}
	});
	slices.unshift({ from: Math.min(from, slices[0]?.from ?? from) - 1,
	    to: slices[0]?.from ?? to, copies: 1, votes: [] });
	const a = account({ slices, paused, maintenance, ...counted });
	const figure = (n) => n < 0 ? null : n;
	return { method: 'worknet-uptime/1', countedFrom: counted.from,
	    countedTo: counted.to, upMs: a.up, downMs: a.down,
	    unconfirmedMs: a.unconfirmed, unknownMs: a.unknown,
	    disputedMs: a.disputed, pausedMs: a.paused,
	    maintenanceMs: a.maintenance, maintenances: maintenance.length,
	    incidents: a.incidents.length,
	    availabilityPpm: figure(a.availability), strictPpm: figure(a.strict),
	    atLeastPpm: figure(a.atLeast), atMostPpm: figure(a.atMost),
	    coveragePpm: figure(a.coverage) };
}

// ---- Definitions ----

// Fills in what leaves of a private task commit to; null: it isn't told.
function openTasks(leaves) {
	const own = leaves.filter((l) => l.is === 'private-task');
	const file = find('opening');
	if (!file)
		return own.length ? null : false;
	const bad = (why) => refuse(`opening: ${why}`);
	const lines = linesOf(file);
	if (!/^[0-9a-f]{64}$/.test(lines[0]))
		bad('it doesn\'t begin with a salt of 32 bytes');
	const salted = (text) => createHash('sha256')
	    .update(Buffer.from(lines[0], 'hex')).update(text);
	for (const [i, l] of own.entries()) {
		const text = lines[i + 1] ??
		    bad('it doesn\'t open all of the leaves');
		if (salted(text).digest('hex') !== l.commitment)
			bad('it isn\'t what the leaf commits to');
		const open = readEntry(Buffer.from(text), ONLY_TASK).leaf;
		if (`~${salted(open.task).digest('base64url')}` !== l.task ||
		    ['version', 'state', 'from', 'intervalMs', 'copies', 'prev']
		    .some((k) => open[k] !== l[k]))
			bad('what the leaf commits to isn\'t of its label and schedule');
		const { task, type, ...rest } = open;
		Object.assign(l, rest, { signedName: task });
	}
	if (lines.length > own.length + 1)
		bad('it opens leaves that aren\'t there');
	return own.length > 0 && lines[0];
}

function readTasks(leaves) {
	const tasks = [];
	let loggedTo = 0;
	for (const l of leaves) {
		if (l.isSegment)
			loggedTo = l.to;
		if (!l.isTask)
			continue;
		const last = tasks.at(-1);
		if (l.from < loggedTo)
			refuse(`leaf ${l.index}: a definition is backdated`);
		if (last && l.task !== last.task)
			refuse(`leaf ${l.index} is of task ${l.task}`);
		if (l.prev !== (last?.index ?? null))
			refuse(`leaf ${l.index}: a definition is left out`);
		if (last && l.from < last.from)
			refuse(`leaf ${l.index}: a definition begins before the one before it`);
		tasks.push(l);
	}
	return tasks.length ? tasks : refuse('the export has no definition of a task');
}

// The URL that was checked last, and how many there were one after the other.
function targetsOf(tasks, segments, isSealed) {
	if (isSealed)
		return { url: null, targets: null };
	const used = tasks.filter((t, i) => segments.length === 0 ||
	    t.from < segments.at(-1).to &&
	    (tasks[i + 1]?.from ?? Infinity) > segments[0].from);
	const other = (t, i) => i === 0 || t.url !== used[i - 1].url ||
	    t.expectedStatus !== used[i - 1].expectedStatus;
	return { url: used.at(-1)?.url ?? '', targets: used.filter(other).length };
}

// ---- The schedule: cycle and copy, of [from, to) ----

function* schedule(tasks, from, to) {
	for (const [i, t] of tasks.entries()) {
		const end = Math.min(to, tasks[i + 1]?.from ?? to);
		let c = Math.ceil(Math.max(from, t.from) / t.intervalMs) *
		    t.intervalMs;
		for (; t.state === 'active' && c < end; c += t.intervalMs)
			for (let copy = 0; copy < t.copies; copy++)
				yield [c, copy];
	}
}

const isExpected = (tasks, cycle, copy) =>
    [...schedule(tasks, cycle, cycle + 1)].some(([, c]) => c === copy);

// In which segment such a line is: of a first cycle, that of its definition.
const placeOf = (tasks, l) => isExpected(tasks, l.cycle, l.copy) ? l.cycle :
    Math.max(l.cycle, tasks.find((t) => t.version === l.version).from);

const isActive = (tasks, at) =>
    tasks.findLast((t) => t.from <= at)?.state === 'active';

// ---- Lines ----

const FORMS = { checksum: getAddress, lower: (a) => a,
    upper: (a) => `0x${a.slice(2).toUpperCase()}` };
const HIGH = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

const isHex = (text, bytes) => typeof text === 'string' &&
    new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`).test(text);

async function checkRound(l, d, index, told) {
	told.ledger ??= l.ledger;
	if (l.ledger !== told.ledger)
		refuse(`the result is of ledger ${l.ledger}, others are of ${told.ledger}`);
	if (l.anchor > index)
		refuse(`the anchor, of ${l.anchor} leaves, is newer than the line`);
	if (!isHex(l.ledger, 32) || !isHex(l.worker, 20) ||
	    !isHex(l.signature, 65) || !(l.ms <= 0xffffffff) || l.status > 0xffff || !(l.anchor >= 0) || l.form !== undefined)
		refuse('a result in a round has a ledger, a worker, a time, a duration, an anchor and a signature');
	if (!(l.count >= 1 && l.count <= 50 && l.place >= 0 && l.place < l.count))
		refuse('a round has 1 to 50 results');
	if (l.path !== undefined && !/^0x([0-9a-f]{64}){1,6}$/.test(l.path))
		refuse('the path isn\'t of one to 6 hashes');
	if (d.url.includes('{token}') !== (l.token !== undefined) ||
	    Buffer.byteLength(l.token ?? '') > 48)
		refuse('a token is where the definition\'s URL has a place for one');
	if (Buffer.byteLength(urlOf(l, d)) > 2000)
		refuse('the URL is too long');
	const anchor = told.anchors.get(l.anchor) ??
	    refuse(`anchor/${l.anchor} isn't in the export`);
	if (BigInt(`0x${l.signature.slice(66, 130)}`) > HIGH)
		refuse('signature: s is too high');
	const path = roundPath(l);
	const top = roundRoot(resultHash(l, d, anchor), l.place, l.count, path) ??
	    refuse(`a path of ${path.length} hashes isn't that of place ${l.place} of ${l.count}`);
	let signer;
	try {
		signer = await recoverAddress({ signature: l.signature,
		    hash: roundDigest(l.ledger, l.worker, l.count, top) });
	} catch (error) {
		refuse(`signature of the round: ${error.message}`);
	}
	if (signer.toLowerCase() !== l.worker)
		refuse(`signature of the round: got signer ${signer}, expected ${l.worker}`);
	takeAge(told.report, told.hours, l);
}

async function checkSignature(l, task) {
	if (!Object.hasOwn(FORMS, l.form) || !/^0x[0-9a-f]{40}$/.test(l.worker) ||
	    !/^0x[0-9a-f]{130}$/.test(l.signature))
		refuse('a result has a worker, a form, a time and a signature');
	if (BigInt(`0x${l.signature.slice(66, 130)}`) > HIGH)
		refuse('signature: s is too high');
	const message = JSON.stringify({ taskId: task,
	    workerAddress: FORMS[l.form](l.worker), timestamp: l.timestamp,
	    success: l.success });
	let signer;
	try {
		signer = await recoverMessageAddress({ message,
		    signature: l.signature });
	} catch (error) {
		refuse(`signature: ${error.message}`);
	}
	if (signer.toLowerCase() !== l.worker)
		refuse(`signature: got signer ${signer}, expected ${l.worker}`);
}

// A number may be given once more after a restore.
const definitionOf = (tasks, l) =>
    tasks.findLast((t) => t.version === l.version && t.from <= l.assigned) ??
    tasks.find((t) => t.version === l.version);

// A witness's: one copy more than the definition has.
const isBeside = (tasks, l) => l.outcome === 'result' &&
    l.copy >= definitionOf(tasks, l)?.copies;

async function checkGiven(l, index, tasks, told, within = WINDOW + SKEW) {
	const d = definitionOf(tasks, l) ??
	    refuse(`definition ${l.version} isn't among the task's leaves`);
	if (l.slot === undefined || l.assigned === undefined)
		refuse('a slot that was given has a number, a worker and a time');
	if (l.outcome.startsWith('refused:') && !REASONS.has(l.outcome.slice(8)))
		refuse(`an answer isn't refused for "${l.outcome}"`);
	if (l.cycle % d.intervalMs)
		refuse(`cycle ${l.cycle} isn't one of definition ${l.version}, whose interval is ${d.intervalMs} ms`);
	if (l.assigned < l.cycle || l.assigned > l.cycle + 2 * d.intervalMs)
		refuse(`the slot was assigned at ${l.assigned}, which isn't in its cycle`);
	if (told.slots.has(l.slot))
		refuse(`slot ${l.slot} has two lines`);
	told.slots.add(l.slot);
	if (!/^0x[0-9a-f]{40}$/.test(l.worker))
		refuse('a worker is 0x and 40 hex digits in lower case');
	if (l.network !== undefined && !/^[0-9a-f]{8}$/.test(l.network))
		refuse('a network is named by 8 hex digits in lower case');
	if (l.outcome !== 'result')
		return;
	if (!(Math.abs(l.timestamp - l.assigned) <= within))
		refuse(`the result's time, ${l.timestamp}, isn't within ${within} ms of its assignment`);
	const one = `${l.worker} ${l.timestamp}`;
	if (told.results.has(one))
		refuse(`slots ${told.results.get(one)} and ${l.slot} have one and the same result`);
	told.results.set(one, l.slot);
	if (!['eip191', 'eip712-round'].includes(l.scheme))
		refuse(`the scheme of the signature is "${l.scheme}"`);
	if (l.success === undefined)
		refuse('a result says whether it succeeded');
	if (told.isSealed)
		return;
	await (l.scheme === 'eip712-round' ? checkRound(l, d, index, told) :
	    checkSignature(l, d.signedName ?? d.task));
}

// Beside the schedule: a definition's first cycle, which began before it, and
// what was given while the log didn't know that the task is active; and results
// of witnesses.
function checkExtra(l, tasks, s) {
	const d = definitionOf(tasks, l);
	const isFirst = d && l.cycle < d.from && l.cycle > d.from - 2 * d.intervalMs;
	if (l.slot === undefined || !d || (l.copy >= d.copies ? !isBeside(tasks, l) :
	    isExpected(tasks, l.cycle, l.copy) ||
	    (!isFirst && isActive(tasks, l.cycle))))
		refuse(`copy ${l.copy} of cycle ${l.cycle} isn't in the task's schedule`);
	const at = placeOf(tasks, l);
	if (at < s.from || at >= s.to)
		refuse(`copy ${l.copy} of cycle ${l.cycle} isn't of this segment's time`);
}

async function checkLines(file, s, tasks, told, report) {
	const due = schedule(tasks, s.from, s.to);
	const n = { result: 0, missed: 0, 'refused:': 0, unassigned: 0 };
	let before = [-1, -1], next = due.next().value, wasBeside = false;
	const after = (a, b) => a[0] - b[0] || a[1] - b[1];

	const lines = linesOf(file);
	for (const line of lines) {
		const l = readLine(line);
		const place = [l.cycle, l.copy], beside = isBeside(tasks, l);
		if (l.cycle === undefined || l.copy === undefined)
			refuse('a line has a cycle and a copy');
		const order = after(place, before);
		if (order < 0 || order === 0 && !beside && !wasBeside)
			refuse(`copy ${l.copy} of cycle ${l.cycle} comes after copy ${before[1]} of cycle ${before[0]}`);
		before = place;
		wasBeside = beside;
		if (next && after(next, place) < 0)
			refuse(`copy ${next[1]} of cycle ${next[0]} has no line`);
		if (!beside && next && after(next, place) === 0)
			next = due.next().value;
		else {
			checkExtra(l, tasks, s);
			report.extra++;
		}
		checkFields(l);
		const kind = l.outcome?.startsWith('refused:') ? 'refused:' :
		    l.outcome ?? '';
		if (!Object.hasOwn(n, kind))
			refuse(`the outcome "${l.outcome}" isn't known`);
		n[kind]++;
		if (l.outcome === 'unassigned')
			continue;
		await checkGiven(l, s.index, tasks, told, s.withinMs);
		if (l.outcome !== 'result')
			continue;
		report.inRounds += l.scheme === 'eip712-round' ? 1 : 0;
		report.successes += l.success ? 1 : 0;
		const d = definitionOf(tasks, l);
		if (l.copy >= d.copies)
			continue;
		const key = `${firstOf(tasks, d).index} ${l.cycle}`;
		told.votes.set(key, [...told.votes.get(key) ?? [],
		    { worker: l.worker, network: l.network ?? '', up: l.success }]);
	}
	if (next)
		refuse(`copy ${next[1]} of cycle ${next[0]} has no line`);
	if (lines.length !== s.lines || n.result !== s.results ||
	    n.missed !== s.missed || n['refused:'] !== s.refused ||
	    n.unassigned !== s.unassigned)
		refuse(`the leaf counts ${s.results} results, ${s.missed} missed, ${s.refused} refused and ${s.unassigned} unassigned`);
	report.lines += lines.length;
	report.results += n.result;
	report.missed += n.missed;
	report.refused += n['refused:'];
	report.unassigned += n.unassigned;
}

const pathOf = (s) => `segment/${new Date(s.to - HOUR).toISOString()
    .slice(0, 13).replace(/[-T]/g, '/')}/${s.task}.ndjson`;

async function checkSegment(s, before, tasks, told, report) {
	if (s.task !== tasks[0].task)
		refuse(`segment of leaf ${s.index}: it is of task ${s.task}`);
	if (!before && s.prev >= s.index)
		refuse(`segment of leaf ${s.index}: it follows leaf ${s.prev}, which isn't before it`);
	if (before && s.prev !== before.index)
		refuse(`segment of leaf ${s.index}: hours are left out`);
	if (before && s.from !== before.to)
		refuse(`segment of leaf ${s.index}: it begins at ${s.from}, the one before it ended at ${before.to}`);
	const file = read(pathOf(s));
	if (file.length !== s.bytes || hex256(file) !== s.sha256)
		refuse(`${pathOf(s)}: the file isn't the one that was logged`);
	await checkLines(file, s, tasks, told, report);
	checkSeals(told.salt, s, file);
}

// ---- All of it ----

async function main() {
	const policy = readPolicy(policyPath ? readFileSync(policyPath) :
	    read('policy'));
	readKeys(policy);
	const note = read('checkpoint');
	const head = checkNote(note, policy);
	const stamps = readStamps(note, policy);
	const leaves = (namesIn(`${dir}/leaf`) ?? refuse('leaf isn\'t in the export'))
	    .map((name) => readLeaf(name, note, head, policy))
	    .sort((a, b) => a.index - b.index);
	const hours = hoursOf((namesIn(`${dir}/since`) ?? [])
	    .map((name) => readLeaf(name, note, head, policy, 'since')));
	const opened = openTasks(leaves);
	const tasks = readTasks(leaves);
	const maintenance = checkFacts(leaves, tasks[0].task, Math.min(
	    head.firstSeen ?? Infinity, stamps.firstStamped ?? Infinity), hours);
	const segments = leaves.filter((l) => l.isSegment);
	const told = { isSealed: opened === null, salt: opened,
	    slots: new Set(), results: new Map(), votes: new Map(),
	    anchors: readAnchors(namesIn(`${dir}/anchor`) ?? [], read, head), hours };
	const report = { verified: true, log: head.origin, size: head.size,
	    witnesses: head.witnesses, firstSeen: head.firstSeen, ...stamps,
	    task: tasks[0].signedName ?? tasks[0].task,
	    private: opened !== false,
	    ...targetsOf(tasks, segments, opened === null),
	    definitions: tasks.length,
	    segments: segments.length, from: segments[0]?.from ?? null,
	    to: segments.at(-1)?.to ?? null,
	    withinMs: Math.max(0, ...segments.map((s) => s.withinMs)), lines: 0, results: 0, inRounds: 0,
	    anchorMs: null, anchorOld: 0, successes: 0, missed: 0, refused: 0,
	    unassigned: 0, extra: 0, drills: 0,
	    drillsRight: 0, drillsLate: 0 };
	told.report = report;
	for (const [i, s] of segments.entries())
		await checkSegment(s, segments[i - 1], tasks, told, report);
	for (const d of leaves.filter((l) => l.is === 'drills'))
		await checkDrills(d, leaves, tasks, told, report);
	const [from, to] = asked.length ? asked.map(Number) :
	    [report.from, report.to];
	if (asked.length && !(segments.length && report.from <= from &&
	    report.to >= to))
		refuse(`the export covers ${report.from} to ${report.to}, and doesn't cover ${from} to ${to}`);
	return JSON.stringify({ ...report, ...segments.length ? uptimeOf(
	    tasks, told.votes, maintenance, report, { from, to }) : {},
	    ...other ? sameLog(dir, other, head, policy, readKeys) : {} },
	    null, 2);
}

// What is said, and how it ends.
const outcome = () => main().then((text) => ({ code: 0, out: `${text}\n`,
    err: '' }), (error) => error instanceof Refused ?
    { code: 1, out: error.evidence ?? '', err: error.message } :
    { code: 2, out: '', err: error.stack });

if (dir === '--each') {
	policyPath = other = undefined;
	asked = [];
	for (dir of process.argv.slice(3))
		console.log(JSON.stringify(await outcome()));
} else {
	const { code, out, err } = await outcome();
	process.stdout.write(out);
	if (err)
		console.error(err);
	process.exitCode = code;
}
