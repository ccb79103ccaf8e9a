// What leaves and lines of the log are made of: their fields in order, and what
// a leaf says that makes sense. For verify.mjs.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { refuse } from './tlog.mjs';

export const HOUR = 3600_000;
export const DAY = 24 * HOUR;
export const SKEW = HOUR;
export const WINDOW = 24 * HOUR;
const YEAR_10000 = 253402300800000;

// ---- Files ----

// What is at a path; undefined where there is nothing.
function typeOf(path) {
	try {
		return statSync(path);
	} catch (error) {
		return ['ENOENT', 'ENOTDIR'].includes(error.code) ? undefined :
		    refuse(error.message);
	}
}

// Of a directory: what it has, without hidden names; undefined: it isn't there.
export function namesIn(path) {
	const is = typeOf(path);
	if (is && !is.isDirectory())
		refuse(`${path} isn't a directory`);
	return is && readdirSync(path).filter((name) => !name.startsWith('.'));
}

// A pipe has no end, perhaps; undefined: it isn't there.
export function bytesOf(path, max) {
	const is = typeOf(path);
	if (is && !is.isFile())
		refuse(`${path} isn't a file`);
	if (is?.size > max)
		refuse(`${path} has more than ${max} bytes`);
	return is && readFileSync(path);
}

export function textOf(bytes) {
	const text = bytes.toString('utf8');
	return Buffer.from(text).equals(bytes) ? text : refuse('it isn\'t UTF-8');
}

// The lines of a file, each of which has an end.
export function linesOf(bytes) {
	const text = textOf(bytes);
	if (text !== '' && !text.endsWith('\n'))
		refuse('the last line has no end');
	return text.split('\n').slice(0, -1);
}

// ---- Fields ----

// Fields that are no text; what isn't listed is one.
const NUMBERS = new Set(['version', 'from', 'to', 'expectedStatus', 'timeoutMs',
    'intervalMs', 'copies', 'cooldownMs', 'lines', 'bytes', 'results', 'missed',
    'refused', 'unassigned', 'definition', 'withinMs', 'id', 'noted', 'logged', 'confirm',
    'confirmNetworks', 'recover', 'gapMs', 'day', 'slot', 'cycle', 'copy',
    'assigned', 'anchor', 'timestamp', 'status', 'ms', 'place', 'count']);
const INDICES = new Set(['prev', 'maintenance', 'ended']);
// Bytes of a leaf's texts, at most; of a line's only all together.
const BYTES = new Map([['task', 64], ['state', 15], ['url', 2000], ['region', 32],
    ['commitment', 64], ['sha256', 64], ['seals', 64], ['why', 200], ['method', 31],
    ['text', 64], ['hash', 66], ['key', 264]]);
const LINE_BYTES = 16384;

const isOf = (key, x) => NUMBERS.has(key) ? Number.isSafeInteger(x) && x >= 0 :
    INDICES.has(key) ? x === null || Number.isSafeInteger(x) && x >= 0 :
    key === 'success' ? typeof x === 'boolean' :
    typeof x === 'string' && !x.includes('\0') && !/\p{Cs}/u.test(x);

export const TASK = ['type', 'task', 'version', 'state', 'from', 'url',
    'expectedStatus', 'timeoutMs', 'intervalMs', 'copies', 'cooldownMs',
    'region', 'prev'];
export const KEY = ['type', 'key', 'logged'];
const LEAVES = new Map([
	['task', TASK],
	['private-task', ['type', 'task', 'version', 'state', 'from', 'intervalMs',
	    'copies', 'commitment', 'prev']],
	['segment', ['type', 'task', 'from', 'to', 'lines', 'bytes', 'sha256',
	    'results', 'missed', 'refused', 'unassigned', 'definition',
	    'maintenance', 'withinMs', 'seals', 'prev']],
	['maintenance', ['type', 'task', 'id', 'from', 'to', 'ended', 'noted',
	    'why', 'logged', 'prev']],
	['method', ['type', 'method', 'confirm', 'confirmNetworks', 'recover',
	    'gapMs', 'text', 'logged', 'prev']],
	['canary', ['type', 'day', 'hash', 'key', 'logged']],
	['drills', ['type', 'task', 'day', 'lines', 'bytes', 'sha256', 'seals']],
]);
const LINE = ['slot', 'cycle', 'copy', 'version', 'worker', 'network',
    'assigned', 'anchor', 'outcome', 'scheme', 'ledger', 'form', 'timestamp',
    'success', 'status', 'ms', 'error', 'trace', 'region', 'token', 'place',
    'count', 'path', 'signature'];

// JSON whose text is the one that its writer makes of its fields in this order;
// whether a key may be null depends on what it is of.
function parse(text, order, mayBeNull = () => false) {
	let value;
	try {
		value = JSON.parse(text);
	} catch {
		refuse('it isn\'t JSON');
	}
	if (value === null || typeof value !== 'object')
		refuse('it isn\'t of the fields in their order');
	const keys = Object.keys(value);
	const places = keys.map((k) => order.indexOf(k));
	if (places.includes(-1) ||
	    places.some((p, i) => i > 0 && p <= places[i - 1]) ||
	    keys.some((k) => !isOf(k, value[k]) &&
	    !(value[k] === null && mayBeNull(k))) ||
	    JSON.stringify(value) !== text)
		refuse('it isn\'t of the fields in their order');
	return value;
}

export function readLine(text) {
	if (Buffer.byteLength(text) > LINE_BYTES)
		refuse(`the line has more than ${LINE_BYTES} bytes`);
	return parse(text, LINE);
}

// ---- What a line may say ----

const ROUND = ['anchor', 'ledger', 'trace', 'region', 'token', 'place', 'count',
    'path'];
const RESULT = [...ROUND, 'scheme', 'form', 'timestamp', 'success', 'status',
    'ms', 'error', 'signature'];
const GIVEN = ['slot', 'version', 'worker', 'network', 'assigned'];

// A line says nothing that nobody is held to.
export function checkFields(l) {
	const not = l.outcome === 'unassigned' ? [...RESULT, ...GIVEN] :
	    /^(missed$|refused:)/.test(l.outcome) ? RESULT :
	    l.scheme === 'eip191' ? ROUND : [];
	if (not.some((key) => l[key] !== undefined))
		refuse(`a line that is ${l.outcome} has a field that only others have`);
}

// ---- What a leaf says ----

function checkTask(is, l) {
	if (!(l.copies >= 1 && l.copies <= 100 && l.intervalMs >= 1 &&
	    l.intervalMs <= 31 * DAY))
		refuse('a task has an interval of at most 31 days and 1 to 100 copies');
	if (is === 'task' && l.expectedStatus > 599)
		refuse('a task expects a status of at most 599');
	if (is === 'task' && !/^[\x21-\x7e]+$/.test(l.url))
		refuse('a URL is of ASCII, without blanks and control characters');
	if (!['active', 'paused', 'removed'].includes(l.state))
		refuse('a task is active, paused or removed');
}

function checkSense(is, l) {
	if (l.task !== undefined && (!/^(~[\w-]{43}|[\w.:-]{1,64})$/.test(l.task) ||
	    (is === 'task' || is === 'private-task') &&
	    l.task.startsWith('~') !== (is === 'private-task')))
		refuse('a private task has a label, and a public one a name');
	if (['segment', 'drills'].includes(is) &&
	    (l.seals !== undefined) !== l.task.startsWith('~'))
		refuse('a private task has seals, and no public one');
	if (![l.commitment, l.seals].every((h) => h === undefined ||
	    /^[0-9a-f]{64}$/.test(h)))
		refuse('a commitment and seals are 64 hex digits in lower case');
	if (is === 'maintenance' && (l.from >= l.to || (l.ended ?? -1) >= l.to))
		refuse('maintenance ends after it begins, or before its end');
	if (is === 'task' || is === 'private-task')
		checkTask(is, l);
	if (is === 'segment' && (l.from >= l.to || l.to % HOUR))
		refuse('a segment ends after it begins, with an hour');
	if (is === 'segment' && l.withinMs > WINDOW + SKEW)
		refuse('a result\'s time is within 25 hours of its assignment');
	if (is === 'segment' && (l.to - l.from > 3653 * DAY || l.to > YEAR_10000))
		refuse('a segment is of ten years at most, before the year 10000');
	if (is === 'canary' && ![l.hash, l.key ?? l.hash].every((h) =>
	    /^0x[0-9a-f]{64}$/.test(h)))
		refuse('a key of drills, or its hash, is 0x and 64 hex digits in lower case');
	if (l.day >= YEAR_10000 / DAY)
		refuse('a day is before the year 10000');
}

// An entry of one of these kinds: what it is, and its fields.
export function readEntry(bytes, orders = LEAVES) {
	const text = textOf(bytes);
	const type = /^\{"type":"([^"\\]*)"/.exec(text)?.[1] ?? '';
	const is = /^worknet\/([a-z-]+)\/v1$/.exec(type)?.[1];
	const order = orders.get(is) ??
	    refuse(`an entry of the type "${type}" is no part of an export`);
	const leaf = parse(text, order, (k) => k === 'key' && is === 'canary');
	if (order.some((k) => !(k in leaf) && k !== 'seals') ||
	    Object.keys(leaf).some((k) => BYTES.has(k) && leaf[k] !== null &&
	    Buffer.byteLength(leaf[k]) > BYTES.get(k)))
		refuse('it isn\'t of the fields in their order');
	checkSense(is, leaf);
	return { is, leaf };
}

export const ONLY_TASK = new Map([['task', TASK]]);
export const ONLY_KEY = new Map([['key', KEY]]);
