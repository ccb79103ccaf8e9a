// What people would pick instead: the coordinator's two routes as a small
// service in Node.js, with viem and better-sqlite3, and no framework, which
// would only cost it more.
//
// node server.js --db FILE --socket PATH [--window MS]

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { isAddress } from 'viem';

import { openLedger } from './ledger.js';
import { settle } from './results.js';

const BODY_MAX = 256 * 1024;
const RESULTS_MAX = 50;

const { values: options } = parseArgs({
	options: {
		db: { type: 'string' },
		socket: { type: 'string' },
		window: { type: 'string', default: '300000' },
	},
});
const windowMs = Number(options.window);
const ledger = openLedger(options.db, windowMs);

class Refused extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

async function readBody(request) {
	const chunks = [];
	let length = 0;
	for await (const chunk of request) {
		length += chunk.length;
		if (length > BODY_MAX)
			throw new Refused(413, 'body too large');
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString();
}

function getTasks(request, query) {
	const address = query.get('address');
	if (!address?.startsWith('0x'))
		throw new Refused(400, 'address required');
	if (!isAddress(address))
		throw new Refused(400, 'invalid address');
	const tasks = ledger.give(address.toLowerCase(),
		query.get('region') ?? '', Date.now());
	return tasks.map((task) => ({
		id: task.id,
		type: 'http_check',
		url: task.url,
		expectedStatus: task.expected_status,
		timeoutMs: task.timeout_ms,
		rewardMicros: task.reward_micros,
		...(task.region !== '' && { region: task.region }),
	}));
}

function parseResults(body) {
	let results;
	try {
		results = JSON.parse(body);
	} catch {
		throw new Refused(400, 'invalid JSON');
	}
	if (!Array.isArray(results) || results.length === 0)
		throw new Refused(400, 'results must be non-empty array');
	if (results.length > RESULTS_MAX)
		throw new Refused(400, `max ${RESULTS_MAX} results per batch`);
	return results;
}

async function postResults(request) {
	const results = parseResults(await readBody(request));
	return settle(ledger, results, Date.now(), windowMs);
}

const ROUTES = {
	'/v1/worker/tasks': { method: 'GET', handle: getTasks },
	'/v1/worker/results': { method: 'POST', handle: postResults },
	'/health': { method: 'GET', handle: () => ({ status: 'ok' }) },
};

function answer(response, status, value, headers) {
	const body = JSON.stringify(value);
	response.writeHead(status, { 'Content-Type': 'application/json',
		'Content-Length': Buffer.byteLength(body),
		'Cache-Control': 'no-store', ...headers });
	response.end(body);
}

async function serve(request, response) {
	const [path, query] = request.url.split('?', 2);
	const route = ROUTES[path.replace(/^\/api(?=\/)/, '')];
	if (route === undefined)
		return answer(response, 404, { error: 'not found' });
	if (request.method !== route.method)
		return answer(response, 405, { error: 'method not allowed' },
			{ Allow: route.method });
	try {
		answer(response, 200, await route.handle(request,
			new URLSearchParams(query)));
	} catch (error) {
		if (error instanceof Refused)
			return answer(response, error.status,
				{ error: error.message });
		console.error(error);
		answer(response, 503, { error: 'try again later' },
			{ 'Retry-After': '5' });
	}
}

const server = createServer(serve);
server.keepAliveTimeout = 75_000;
server.listen({ path: options.socket, backlog: 1024 }, () =>
	console.error(`${options.socket}: serving with Node.js ` +
		process.version));
process.on('SIGTERM', () => {
	server.close(() => ledger.close());
	server.closeAllConnections();
});
