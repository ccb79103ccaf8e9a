// Witnesses of a log and timestamp authorities, on loopback, which keep their
// rules strictly, or break one on purpose.
//
// node others.mjs DIRECTORY
//
// DIRECTORY/modes says who does what: lines "NAME MODE"; who isn't in it is
// honest. /wN/add-checkpoint is witness N (C2SP tlog-witness), /tN authority N,
// which answers by openssl ts. What is asked, and answered, is appended to
// DIRECTORY/asked: "NAME MODE OLD SIZE STATUS". DIRECTORY/clock is the time, in
// Unix milliseconds; DIRECTORY/site/policy names the log's keys. What a witness
// has seen is in DIRECTORY/seen/NAME, so that a test can take it away. Prints
// the witnesses' keys, then "port PORT", when it serves.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync,
    writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Refused, base64, continues, integer, readCheckpoint, readKey, readNote,
    secretOf, signature, signedBy, vkeyOf } from './tlog.mjs';

const dir = process.argv[2];
const WITNESSES = 3;
const file = (name) => `${dir}/${name}`;
const now = () => Math.floor(Number(readFileSync(file('clock'))) / 1000);
const modeOf = (name) => existsSync(file('modes')) ?
    readFileSync(file('modes'), 'utf8').match(
	new RegExp(`^${name} (\\S+)$`, 'm'))?.[1] ?? 'honest' : 'honest';

const seed = (n) => createHash('sha256').update(`a witness, ${n}`).digest();
const keys = Array.from({ length: WITNESSES }, (_, i) =>
    secretOf(`witness.example/w${i + 1}`, seed(i + 1), 4));
const stranger = secretOf('witness.example/stranger', seed('stranger'), 4);
const answer = (status, body, type = 'text/plain') => ({ status, body, type });

// ---- Witnesses ----

const seenBy = (name) => existsSync(file(`seen/${name}`)) ?
    JSON.parse(readFileSync(file(`seen/${name}`))) : { size: 0 };
function see(name, c, text) {
	mkdirSync(file('seen'), { recursive: true });
	writeFileSync(file(`seen/${name}.new`), JSON.stringify({ size: c.size,
	    root: c.root.toString('base64'), text }));
	renameSync(file(`seen/${name}.new`), file(`seen/${name}`));
}

function readQuestion(body) {
	const at = body.indexOf('\n\n');
	const [first, ...proof] = body.subarray(0, at).toString().split('\n');
	if (at < 0 || !first.startsWith('old ') || proof.length > 63)
		throw new Refused('a question is "old N", hashes, an empty line and a note');
	const note = readNote(body.subarray(at + 2));
	return { old: integer(first.slice(4)), proof: proof.map(base64), note,
	    checkpoint: readCheckpoint(note.text) };
}

function isSigned(note, origin) {
	const policy = readFileSync(file('site/policy'), 'utf8');
	const all = [...policy.matchAll(/^log (\S+)$/mg)].map((m) => readKey(m[1]))
	    .filter((k) => k.name === origin);
	if (all.length === 0)
		return answer(404, 'unknown origin\n');
	return all.some((k) => signedBy(note, k) !== undefined) ? undefined :
	    answer(403, 'no signature of a known key\n');
}

// By the specification.
function honest(name, key, q) {
	const c = q.checkpoint, seen = seenBy(name);
	const no = isSigned(q.note, c.origin);
	if (no)
		return no;
	if (q.old > c.size)
		return answer(400, 'old is more than the size\n');
	if (q.old !== seen.size)
		return answer(409, `${seen.size}\n`, 'text/x.tlog.size');
	if (q.old === c.size ? q.proof.length > 0 ||
	    (seen.root && seen.root !== c.root.toString('base64')) :
	    q.old === 0 ? q.proof.length > 0 :
	    !continues(q.old, base64(seen.root), c.size, c.root, q.proof))
		return answer(422, 'not the log that was seen\n');
	see(name, c, q.note.text);
	return answer(200, signature(q.note.text, key, now()));
}

const lies = {
	// A signature of the right name and id, by nobody.
	forged: (name, key, q) => answer(200, signature(q.note.text,
	    { ...key, key: stranger.key }, now())),
	// Of another witness, which is a good one.
	another: (name, key, q) => answer(200, signature(q.note.text, stranger,
	    now())),
	// Of the checkpoint before.
	older: (name, key) => answer(200, signature(seenBy(name).text ??
	    'worknet.example/log\n0\n' + base64('').toString('base64') + '\n',
	    key, now())),
	future: (name, key, q) => answer(200, signature(q.note.text, key,
	    now() + 10 * 86400)),
	// A longer text, which it signs.
	longer: (name, key, q) => answer(200,
	    `more of it\n\n${signature(`${q.note.text}\nmore of it\n`, key, now())}`),
	nothing: () => answer(200, ''),
	empty: () => answer(200, '\n'),
	many: (name, key, q) => answer(200,
	    signature(q.note.text, stranger, now()).repeat(200)),
	junk: () => answer(200, Buffer.from([0, 1, 2, 255])),
	ahead: (name, key, q) => answer(409, `${q.checkpoint.size + 1000}\n`),
	huge: () => answer(409, '99999999999999999999\n'),
	wordy: () => answer(409, 'I have seen more\n'),
	same: (name, key, q) => answer(409, `${q.old}\n`),
	moving: (name, key, q) => answer(409, `${Math.max(0, q.old - 1)}\n`),
	// Right about what was signed, and not about what is new.
	twofaced: (name, key, q) => q.old === q.checkpoint.size ?
	    answer(200, signature(q.note.text, key, now())) :
	    lies.forged(name, key, q),
	unknown: () => answer(404, 'unknown origin\n'),
	forbidden: () => answer(403, 'no\n'),
	broken: () => answer(500, '\x1b[31mno\n'),
	elsewhere: () => answer(302, ''),
};

// ---- Authorities ----

const openssl = (...args) => execFileSync('openssl', args, { env: {
    ...process.env, LD_PRELOAD: process.env.WN_FAULT_SO,
    WN_FAULT_CLOCK: file('clock') }, stdio: ['ignore', 'pipe', 'ignore'] });

function reply(signer, query) {
	writeFileSync(file('query.tsq'), query);
	openssl('ts', '-reply', '-config', file('tsa.cnf'), '-section', signer,
	    '-queryfile', file('query.tsq'), '-out', file('reply.tsr'));
	return readFileSync(file('reply.tsr'));
}

const flipped = (query, at) => {
	const other = Buffer.from(query);
	other[at] ^= 1;
	return other;
};
const hashAt = (query) => query.indexOf(Buffer.from([4, 32])) + 2;
const replies = {
	honest: (name, query) => reply(name, query),
	// By an authority of the same name that nobody has named.
	forged: (name, query) => reply('stranger', query),
	imprint: (name, query) => reply(name, flipped(query, hashAt(query))),
	// The nonce comes after the hash.
	nonce: (name, query) => reply(name, flipped(query, hashAt(query) + 40)),
	older: (name) => readFileSync(file(`${name}-older.tsr`)),
	refuses: (name) => reply(name, Buffer.from('no question')),
	junk: () => Buffer.from('no answer'),
	changed: (name, query) => {
		const r = reply(name, query);
		return flipped(r, r.length - 10);
	},
	longer: (name, query) => Buffer.concat([reply(name, query),
	    Buffer.of(0)]),
};

// ---- The server ----

function answerTo(name, mode, body) {
	if (name.startsWith('t')) {
		if (!replies[mode])
			return answer(500, 'no\n');
		const made = replies[mode](name, body);
		if (mode === 'honest')
			writeFileSync(file(`${name}-older.tsr`), made);
		return answer(200, made, 'application/timestamp-reply');
	}
	const key = keys[Number(name.slice(1)) - 1];
	const q = readQuestion(body);
	const said = (lies[mode] ?? honest)(name, key, q);
	appendFileSync(file('asked'),
	    `${name} ${mode} ${q.old} ${q.checkpoint.size} ${said.status}\n`);
	return said;
}

const server = createServer((request, response) => {
	const name = request.url.split('/')[1];
	const mode = modeOf(name), parts = [];
	request.on('data', (part) => parts.push(part));
	request.on('end', () => {
		if (mode === 'hang')
			return;
		if (mode === 'drop') {
			request.socket.destroy();
			return;
		}
		if (mode === 'endless') {
			response.writeHead(200);
			const more = () => {
				while (response.write('x'.repeat(65536)))
					;
			};
			response.on('drain', more);
			more();
			return;
		}
		let said;
		try {
			said = answerTo(name, mode, Buffer.concat(parts));
		} catch (error) {
			said = error instanceof Refused ?
			    answer(400, `${error.message}\n`) :
			    answer(500, `${error.stack}\n`);
			appendFileSync(file('asked'),
			    `${name} ${mode} ${error.stack}\n`);
		}
		response.writeHead(said.status, { 'content-type': said.type,
		    ...mode === 'elsewhere' ? { location: '/w1/add-checkpoint' } :
		    {} });
		response.end(said.body);
	});
});
// A test that is killed takes it along.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1000);
server.listen(0, '127.0.0.1', () => {
	for (const key of [...keys, stranger])
		console.log(vkeyOf(key));
	console.log(`port ${server.address().port}`);
});
