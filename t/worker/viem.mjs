// A worker that is not ours: what protocol.md calls "How a worker behaves",
// with viem's signatures and node's own HTTP client.
//
// node worker.mjs --coordinator http://HOST/api --key 0x... [--region R]
//     [--rounds N] [--interval MS]
//
// Ends after N rounds (default 1) with one line of JSON on standard output:
// its address and its own tally. --rounds 0: until SIGTERM.

import { parseArgs } from 'node:util';
import { privateKeyToAccount } from 'viem/accounts';

const CHECKS_AT_ONCE = 10;
const POLL_TIMEOUT_MS = 10_000;
const SUBMIT_TIMEOUT_MS = 15_000;
const USER_AGENT = 'worknet-test-worker/1.0';

const { values: options } = parseArgs({
	options: {
		coordinator: { type: 'string' },
		key: { type: 'string' },
		region: { type: 'string', default: 'unknown' },
		rounds: { type: 'string', default: '1' },
		interval: { type: 'string', default: '30000' },
	},
});
const account = privateKeyToAccount(options.key);
const tally = { address: account.address, rounds: 0, tasks: 0, submitted: 0,
	accepted: 0, earnedMicros: 0, errors: [], failures: [] };

async function poll() {
	const query = new URLSearchParams({ address: account.address,
		region: options.region });
	const response = await fetch(
		`${options.coordinator}/v1/worker/tasks?${query}`,
		{ signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
	if (!response.ok)
		throw new Error(`poll: ${response.status} ` +
			await response.text());
	return response.json();
}

// The outcome of one check, as the result's fields.
async function check(task) {
	const start = Date.now();
	try {
		const response = await fetch(task.url, {
			method: 'GET', redirect: 'follow',
			headers: { 'User-Agent': USER_AGENT },
			signal: AbortSignal.timeout(task.timeoutMs) });
		await response.arrayBuffer();
		return { success: response.status === task.expectedStatus,
			responseTimeMs: Date.now() - start,
			statusCode: response.status };
	} catch (error) {
		return { success: false, responseTimeMs: Date.now() - start,
			error: String(error.cause?.message ?? error.message) };
	}
}

async function signedResult(task) {
	const outcome = await check(task);
	const taskId = task.id;
	const workerAddress = account.address;
	const timestamp = Date.now();
	const { success } = outcome;
	const message = JSON.stringify({ taskId, workerAddress, timestamp,
		success });
	const signature = await account.signMessage({ message });
	return { taskId, workerAddress, timestamp, ...outcome, signature };
}

// All results, no more than ten checks at a time.
async function carryOut(tasks) {
	const results = [];
	const waiting = [...tasks];
	const lane = async () => {
		for (let task; (task = waiting.shift()) !== undefined;)
			results.push(await signedResult(task));
	};
	await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, lane));
	return results;
}

// "0.000300" as 300, without a float.
function micros(usdc) {
	const [, whole, rest] = /^(\d+)\.(\d{6})$/.exec(usdc);
	return Number(whole) * 1_000_000 + Number(rest);
}

async function submit(results) {
	const response = await fetch(
		`${options.coordinator}/v1/worker/results`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify(results),
			signal: AbortSignal.timeout(SUBMIT_TIMEOUT_MS) });
	if (!response.ok)
		throw new Error(`submit: ${response.status} ` +
			await response.text());
	const answer = await response.json();
	tally.submitted += results.length;
	tally.accepted += answer.accepted;
	tally.earnedMicros += micros(answer.earned);
	tally.errors.push(...(answer.errors ?? []));
}

// Never tries anything again: the next round is soon enough.
async function round() {
	try {
		const tasks = await poll();
		tally.tasks += tasks.length;
		if (tasks.length > 0)
			await submit(await carryOut(tasks));
	} catch (error) {
		tally.failures.push(String(error.cause?.message ??
			error.message));
	}
	tally.rounds++;
}

let running = false;
let stopping = false;
const rounds = Number(options.rounds);

async function tick() {
	if (running || stopping)
		return;
	running = true;
	await round();
	running = false;
	if (stopping || tally.rounds === rounds)
		finish();
}

// Connections that are kept would let the process wait for seconds.
function finish() {
	process.stdout.write(`${JSON.stringify(tally)}\n`,
		() => process.exit(0));
}

process.on('SIGTERM', () => {
	stopping = true;
	if (!running)
		finish();
});
setInterval(tick, Number(options.interval));
tick();
