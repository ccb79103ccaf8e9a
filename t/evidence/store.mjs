// A strict object store on loopback. It recomputes each signature by AWS's
// documents (Signature Version 4; GOOG4 with Google's names), and refuses what a
// lenient one lets pass: a header that isn't signed, or there twice, a body of
// another hash, a PUT without a condition or a checksum. It has faults.
//
//	store.mjs DIR		prints its port; objects are files in DIR/objects
//	store.mjs --vectors FILE	verifies the requests of AWS's documents
//
// DIR/control.json, read anew for each request, says { kind: "s3" | "gcs" |
// "swift", id, secret, region, bucket, skew_ms, faults: [{ on, match, times, do }]
// }. DIR/journal has a line for each request: method, name, status, why.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';

const SKEW_MS = 15 * 60 * 1000;
const GRAMMARS = {
	'AWS4-HMAC-SHA256': { start: 'AWS4', end: 'aws4_request',
		date: 'x-amz-date', hash: 'x-amz-content-sha256' },
	'GOOG4-HMAC-SHA256': { start: 'GOOG4', end: 'goog4_request',
		date: 'x-goog-date', hash: 'x-goog-content-sha256' },
};

const sha256 = (bytes) =>
	crypto.createHash('sha256').update(bytes).digest('hex');
const hmac = (key, text) =>
	crypto.createHmac('sha256', key).update(text).digest();
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g,
	(c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

class Refused extends Error {
	constructor(status, code, why) {
		super(why ?? code);
		Object.assign(this, { status, code });
	}
}

// What must be signed if it is sent.
const mustSign = (name) => /^x-(amz|goog)-/.test(name) ||
	['host', 'content-type', 'content-md5', 'if-none-match'].includes(name);

// The request's grammar; it throws unless the signature is that of the secret.
function verify(method, url, headers, { id, secret, region, service }) {
	const m = /^(\S+) Credential=([^, ]+), ?SignedHeaders=([^, ]+), ?Signature=([0-9a-f]{64})$/
		.exec(headers.authorization ?? '');
	const g = m && GRAMMARS[m[1]];

	if (!g)
		throw new Refused(403, 'AccessDenied', 'no signature');
	const [of, day, where, what, end] = m[2].split('/');
	if (of !== id)
		throw new Refused(403, 'InvalidAccessKeyId');
	const signed = m[3].split(';');
	if (signed.join() !== [...new Set(signed)].sort().join())
		throw new Refused(403, 'SignatureDoesNotMatch', 'not in order');
	for (const name of Object.keys(headers))
		if (mustSign(name) && !signed.includes(name))
			throw new Refused(403, 'AccessDenied', `${name} isn't signed`);
	for (const name of ['host', g.date, g.hash])
		if (headers[name] === undefined)
			throw new Refused(400, 'InvalidRequest', `no ${name}`);
	const time = headers[g.date];
	if (end !== g.end || where !== region || what !== service ||
	    day !== time.slice(0, 8))
		throw new Refused(400, 'AuthorizationHeaderMalformed');
	const [path, query = ''] = url.split('?');
	const canonical = [method,
		path.split('/').map((s) => encode(decodeURIComponent(s))).join('/'),
		query.split('&').filter((s) => s !== '').map((s) =>
			s.split('=').concat('').slice(0, 2)
				.map((t) => encode(decodeURIComponent(t))).join('='))
			.sort().join('&'),
		...signed.map((n) => `${n}:${headers[n].trim().replace(/ +/g, ' ')}`),
		'', m[3], headers[g.hash]].join('\n');
	const key = [day, where, what, end].reduce(hmac, g.start + secret);
	const want = hmac(key, [m[1], time, [day, where, what, end].join('/'),
		sha256(canonical)].join('\n')).toString('hex');
	if (want !== m[4])
		throw new Refused(403, 'SignatureDoesNotMatch', canonical);
	return { ...g, ms: Date.parse(time.replace(
		/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')) };
}

if (process.argv[2] === '--vectors') {
	const v = JSON.parse(fs.readFileSync(process.argv[3]));
	for (const r of v.requests) {
		const how = { ...v, region: 'us-east-1', service: 's3' };
		verify(r.method, r.url, r.headers, how);
		for (const name of ['x-amz-date', 'host'])
			try {
				verify(r.method, r.url, { ...r.headers,
					[name]: r.headers[name].replace('0', '1') + '1' }, how);
				throw new Error(`${name} may be another one`);
			} catch (e) {
				if (!(e instanceof Refused))
					throw e;
			}
	}
	console.log(`${v.requests.length} requests`);
	process.exit(0);
}

// ---- The store ----

const dir = process.argv[2];
const fileOf = (name) => `${dir}/objects/${encodeURIComponent(name)}`;
let control, controlText, left;

function controlRead() {
	const text = fs.readFileSync(`${dir}/control.json`, 'utf8');

	if (text === controlText)
		return;
	controlText = text;
	control = JSON.parse(text);
	left = (control.faults ?? []).map((f) => f.times ?? Infinity);
}

function faultOf(method, name) {
	const i = (control.faults ?? []).findIndex((f, n) => left[n] > 0 &&
		f.on === method && new RegExp(f.match ?? '').test(name));

	if (i >= 0)
		left[i]--;
	return i < 0 ? undefined : control.faults[i].do;
}

function checkPut(headers, body) {
	const md5 = headers['content-md5'], sum = headers['x-amz-checksum-sha256'];
	const none = headers['if-none-match'];
	const zero = headers['x-goog-if-generation-match'];

	if (control.kind === 'swift' && none !== undefined)
		throw new Refused(501, 'NotImplemented');
	if (control.kind === 's3' && none !== '*')
		throw new Refused(400, 'InvalidRequest', 'no If-None-Match: *');
	if (control.kind === 'gcs' && zero !== '0')
		throw new Refused(400, 'InvalidRequest', 'no generation');
	if (control.kind === 'gcs' ? md5 === undefined : sum === undefined)
		throw new Refused(400, 'InvalidRequest', 'no checksum');
	if (Object.keys(headers).some((n) => n.startsWith('x-amz-')) ===
	    (control.kind === 'gcs'))
		throw new Refused(400, 'InvalidRequest', "headers of another's");
	for (const [want, how] of [[md5, 'md5'], [sum, 'sha256']])
		if (want !== undefined && want !==
		    crypto.createHash(how).update(body).digest('base64'))
			throw new Refused(400, 'BadDigest', how);
	if (!headers['content-type'])
		throw new Refused(400, 'InvalidRequest', 'no Content-Type');
}

// Status, body and headers for a request that is as it should be.
function serve(method, name, headers, body) {
	const file = fileOf(name);

	if (method === 'GET')
		return fs.existsSync(file) ? [200, fs.readFileSync(file), {}]
			: [404, '<Error><Code>NoSuchKey</Code></Error>', {}];
	if (method !== 'PUT')
		throw new Refused(405, 'MethodNotAllowed');
	checkPut(headers, body);
	if (control.kind !== 'swift' && fs.existsSync(file))
		throw new Refused(412, 'PreconditionFailed');
	if (fs.existsSync(file))
		fs.appendFileSync(`${dir}/journal`, `OVERWRITTEN ${name}\n`);
	fs.writeFileSync(file, body);
	return [200, '', { ETag: `"${crypto.createHash('md5').update(body)
		.digest('hex')}"` }];
}

function answer(req, body) {
	const headers = req.headers, seen = new Set();

	for (let i = 0; i < req.rawHeaders.length; i += 2) {
		const name = req.rawHeaders[i].toLowerCase();
		if (seen.has(name))
			throw new Refused(400, 'InvalidRequest', `${name} twice`);
		seen.add(name);
	}
	const g = verify(req.method, req.url, headers, { ...control,
		region: control.kind === 'gcs' ? 'auto' : control.region,
		service: control.kind === 'gcs' ? 'storage' : 's3' });
	if ((g.start === 'GOOG4') !== (control.kind === 'gcs'))
		throw new Refused(400, 'InvalidRequest', 'signed for another');
	if (Math.abs(Date.now() + (control.skew_ms ?? 0) - g.ms) > SKEW_MS)
		throw new Refused(403, 'RequestTimeTooSkewed');
	if (headers[g.hash] !== sha256(body))
		throw new Refused(400, 'XAmzContentSHA256Mismatch');
	const path = decodeURIComponent(req.url).slice(1);
	if (!path.startsWith(`${control.bucket}/`))
		throw new Refused(404, 'NoSuchBucket');
	return serve(req.method, path.slice(control.bucket.length + 1), headers,
		body);
}

const ERRORS = { 409: 'ConditionalRequestConflict', 429: 'TooManyRequests',
	500: 'InternalError', 503: 'SlowDown', 403: 'AccessDenied' };

function respond(req, res, body) {
	const name = decodeURIComponent(req.url).split('/').slice(2).join('/');
	const note = (status, why = '') => fs.appendFileSync(`${dir}/journal`,
		`${req.method} ${name} ${status} ${why}`.trimEnd()
			.replace(/\n/g, ' | ') + '\n');
	const fault = faultOf(req.method, name);
	let result;

	if (fault === 'hang')
		return note(0, fault);
	if (fault === 'reset') {
		note(0, fault);
		return req.socket.destroy();
	}
	if (fault === 'redirect') {
		note(307, fault);
		res.writeHead(307, { Location:
			`http://127.0.0.1:${req.socket.localPort}/elsewhere/${name}` });
		return res.end();
	}
	if (ERRORS[fault] !== undefined) {
		note(fault);
		res.writeHead(Number(fault), fault === '503'
			? { 'Retry-After': '1' } : {});
		return res.end(`<Error><Code>${ERRORS[fault]}</Code></Error>`);
	}
	try {
		result = answer(req, body);
	} catch (e) {
		if (!(e instanceof Refused))
			throw e;
		note(e.status, `${e.code} ${e.message === e.code ? '' : e.message}`);
		res.writeHead(e.status);
		// As S3 does, it says what it was told.
		return res.end(`<?xml version="1.0"?><Error><Code>${e.code}</Code>` +
			`<AWSAccessKeyId>${control.id}</AWSAccessKeyId></Error>`);
	}
	const [status, bytes, more] = result;
	note(status, fault);
	if (fault === 'lost')
		return req.socket.destroy();
	if (fault === 'etag')
		more.ETag = '"d41d8cd98f00b204e9800998ecf8427e"';
	res.writeHead(status, { ...more, 'Content-Length': bytes.length });
	if (fault !== 'half')
		return res.end(bytes);
	res.write(bytes.subarray(0, bytes.length / 2), () => req.socket.destroy());
}

const server = http.createServer((req, res) => {
	const parts = [];

	controlRead();
	if (faultOf('BODY', req.url) === 'reset')
		return req.once('data', () => req.socket.destroy());
	req.on('data', (p) => parts.push(p));
	req.on('error', () => {});
	req.on('end', () => respond(req, res, Buffer.concat(parts)));
});
fs.mkdirSync(`${dir}/objects`, { recursive: true });
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
// Whoever started it is gone: so is it.
process.stdin.on('end', () => process.exit(0)).resume();
