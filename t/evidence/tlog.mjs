// A transparency log by its specifications (C2SP, RFC 6962), with node alone:
// what verify.mjs and forge.mjs share. Nothing of worknet's is in it.

import { createHash, createPrivateKey, createPublicKey, sign, verify }
    from 'node:crypto';

export class Refused extends Error {}
export const refuse = (text) => { throw new Refused(text); };

const sha256 = (...parts) => {
	const h = createHash('sha256');
	for (const part of parts)
		h.update(part);
	return h.digest();
};
export const hex256 = (bytes) => sha256(bytes).toString('hex');
export const leafHash = (entry) => sha256(Buffer.of(0), entry);
const nodeHash = (l, r) => sha256(Buffer.of(1), l, r);

// ---- The tree ----

const SIZE_MAX = 2 ** 53, NAME_MAX = 200, NOTE_MAX = 65536, PROOF_MAX = 64;

const split = (n) => {
	let k = 1;
	while (k * 2 < n)
		k *= 2;
	return k;
};

export function root(leaves) {
	if (leaves.length === 0)
		return sha256('');
	if (leaves.length === 1)
		return leaves[0];
	const k = split(leaves.length);
	return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

export function inclusion(i, leaves) {
	if (leaves.length === 1)
		return [];
	const k = split(leaves.length);
	return i < k ?
	    [...inclusion(i, leaves.slice(0, k)), root(leaves.slice(k))] :
	    [...inclusion(i - k, leaves.slice(k)), root(leaves.slice(0, k))];
}

// RFC 6962, section 2.1.2: that the tree continues the one of its first m.
export function consistency(m, leaves, whole = true) {
	if (m === leaves.length)
		return whole ? [] : [root(leaves)];
	const k = split(leaves.length);
	return m <= k ?
	    [...consistency(m, leaves.slice(0, k), whole), root(leaves.slice(k))] :
	    [...consistency(m - k, leaves.slice(k), false),
		root(leaves.slice(0, k))];
}

export function continues(m, oldRoot, n, newRoot, proof) {
	const walk = (m, n, whole, len) => {
		if (m === n && whole)
			return len === 0 ? [oldRoot, oldRoot] : undefined;
		if (m === n)
			return len === 1 ? [proof[0], proof[0]] : undefined;
		if (len === 0)
			return undefined;
		const k = split(n), last = proof[len - 1];
		const below = m <= k ? walk(m, k, whole, len - 1) :
		    walk(m - k, n - k, false, len - 1);
		return below && (m <= k ? [below[0], nodeHash(below[1], last)] :
		    below.map((h) => nodeHash(last, h)));
	};
	const got = m >= 1 && m <= n ? walk(m, n, true, proof.length) : undefined;
	return got !== undefined && got[0].equals(oldRoot) &&
	    got[1].equals(newRoot);
}

// The root to which the proof leads from leaf i of size; undefined: nowhere.
export function climb(i, size, leaf, proof) {
	const walk = (i, size, n) => {
		if (size === 1)
			return n === 0 ? leaf : undefined;
		if (n === 0)
			return undefined;
		const k = split(size);
		const below = i < k ? walk(i, k, n - 1) :
		    walk(i - k, size - k, n - 1);
		if (below === undefined)
			return undefined;
		return i < k ? nodeHash(below, proof[n - 1]) :
		    nodeHash(proof[n - 1], below);
	};
	return i < size ? walk(i, size, proof.length) : undefined;
}

// ---- Notes ----

export function base64(text) {
	const bytes = Buffer.from(text, 'base64');
	if (bytes.toString('base64') !== text)
		refuse(`"${text.slice(0, 20)}" isn't base64`);
	return bytes;
}

export const keyId = (name, type, pub) =>
    sha256(name, Buffer.of(10, type), pub).subarray(0, 4);

const isName = (name) => Buffer.byteLength(name) <= NAME_MAX &&
    /^[^+\0-\x20\x7f\p{White_Space}]+$/u.test(name);

export function readKey(vkey) {
	const [, name, id, rest] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey)
	    ?? refuse('a key is NAME+ID+BASE64');
	const raw = base64(rest);
	const key = { name, type: raw[0], pub: raw.subarray(1) };
	if (!isName(name) || key.pub.length !== 32 || ![1, 4].includes(key.type))
		refuse('a key is NAME+ID+BASE64, of type 1 or 4');
	key.id = keyId(name, key.type, key.pub);
	if (key.id.toString('hex') !== id)
		refuse('the key\'s id isn\'t that of this key');
	return key;
}

const publicKey = (pub) => createPublicKey({ format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: pub.toString('base64url') } });

// The seed of a key in Go's form, and its public half.
export function readSecret(text) {
	const [, name, , rest] =
	    /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+(\S+)\s*$/.exec(text);
	return secretOf(name, base64(rest).subarray(1));
}

export function secretOf(name, seed, type = 1) {
	const key = createPrivateKey({ format: 'der', type: 'pkcs8',
	    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420',
		'hex'), seed]) });
	const pub = Buffer.from(
	    createPublicKey(key).export({ format: 'jwk' }).x, 'base64url');
	return { name, type, key, pub, id: keyId(name, type, pub) };
}

export const vkeyOf = (s) => `${s.name}+${s.id.toString('hex')}+` +
    Buffer.concat([Buffer.of(s.type), s.pub]).toString('base64');

const cosigned = (text, time) =>
    Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);

export const signNote = (text, s) => `${text}\n${signature(text, s)}`;
export function signature(text, s, time) {
	const body = s.type === 1 ? sign(null, Buffer.from(text), s.key) :
	    Buffer.concat([time64(time), sign(null, cosigned(text, time), s.key)]);
	return `\u2014 ${s.name} ` +
	    `${Buffer.concat([s.id, body]).toString('base64')}\n`;
}

const time64 = (time) => {
	const b = Buffer.alloc(8);
	b.writeBigUInt64BE(BigInt(time));
	return b;
};

export function readNote(bytes) {
	const note = bytes.toString('utf8');
	if (bytes.length > NOTE_MAX || !Buffer.from(note).equals(bytes) || /[\0-\x09\x0b-\x1f\x7f]/.test(note))
		refuse('the note has control characters, or isn\'t UTF-8');
	const at = note.lastIndexOf('\n\n');
	if (at < 0 || !note.endsWith('\n') || at + 2 === note.length)
		refuse('the note isn\'t a text, an empty line and signatures');
	const signatures = note.slice(at + 2, -1).split('\n').map((line) => {
		const m = /^\u2014 ([^ +]+) (\S+)$/.exec(line) ??
		    refuse('the note: a line is no signature');
		const raw = base64(m[2]);
		if (!isName(m[1]) || raw.length <= 4 || raw.length > 4096)
			refuse('the note: a signature isn\'t a name and base64');
		return { name: m[1], id: raw.subarray(0, 4), body: raw.subarray(4) };
	});
	if (signatures.length > 64)
		refuse('the note has more than 64 signatures');
	return { text: note.slice(0, at + 1), signatures };
}

// The time of a cosignature, 0 of a signature; undefined: there is none.
export function signedBy(note, key) {
	let time;
	const bad = () => refuse(`the signature of ${key.name} isn't by its key, or isn't of this text`);
	for (const s of note.signatures) {
		if (s.name !== key.name || !s.id.equals(key.id))
			continue;
		const timed = key.type === 4 ? 8 : 0;
		if (s.body.length !== 64 + timed)
			bad();
		time = timed ? Number(s.body.readBigUInt64BE()) : 0;
		const text = timed ? cosigned(note.text, time) :
		    Buffer.from(note.text);
		// In ms it is an integer of JavaScript.
		if (time > Number.MAX_SAFE_INTEGER / 1000 || !verify(null, text,
		    publicKey(key.pub), s.body.subarray(timed)))
			bad();
	}
	return time;
}

export const integer = (text) => /^(0|[1-9]\d{0,15})$/.test(text) &&
    BigInt(text) <= SIZE_MAX ? Number(text) : refuse(`${text} isn't a number without leading zeros`);

export function readCheckpoint(text) {
	const lines = text.split('\n');
	if (lines.length !== 4 || lines[0] === '' || lines[3] !== '')
		refuse('a checkpoint is three lines: origin, size and root');
	const hash = base64(lines[2]);
	if (Buffer.byteLength(lines[0]) > NAME_MAX || hash.length !== 32)
		refuse('the checkpoint\'s origin, or its root, has another length');
	return { origin: lines[0], size: integer(lines[1]), root: hash };
}

export const checkpointText = (c) =>
    `${c.origin}\n${c.size}\n${c.root.toString('base64')}\n`;

// ---- Policies ----

const MEMBERS = { witnesses: 64, groups: 32 };

export function readPolicy(bytes) {
	const policy = { logs: [], witnesses: new Map(), groups: new Map(),
	    authorities: new Map() };
	const known = new Set();
	const need = (ok) => ok || refuse('policy: a line isn\'t as it must be');
	const key = (word, type) => {
		const vkey = Buffer.from(word, 'latin1').toString('utf8');
		const k = readKey(vkey);
		const pub = k.pub.toString('hex');
		need(Buffer.from(vkey).equals(Buffer.from(word, 'latin1')) &&
		    k.type === type);
		if (known.has(pub))
			refuse('the same key has two names, and would count twice');
		known.add(pub);
		return k;
	};
	const isMember = (name) => policy.witnesses.has(name) ||
	    policy.groups.has(name);
	const add = (what, name, value) => {
		need(policy[what].size < MEMBERS[what] && name.length <= 128 &&
		    name !== 'none' && !isMember(name));
		policy[what].set(name, value());
	};
	const group = (needs, members) => {
		need(members.length >= 1 && members.length <= 95 &&
		    new Set(members).size === members.length &&
		    members.every(isMember));
		const n = needs === 'any' ? 1 : needs === 'all' ? members.length :
		    integer(needs);
		need(n >= 1 && n <= members.length);
		return { needs: n, members };
	};
	const lines = {
		log: (vkey, ...rest) => need(rest.length <= 1 &&
		    policy.logs.length < 16) && policy.logs.push(key(vkey, 1)),
		witness: (name, vkey, ...rest) => need(rest.length <= 1) &&
		    add('witnesses', name, () => key(vkey, 4)),
		group: (name, needs, ...members) =>
		    add('groups', name, () => group(needs, members)),
		authority: (name, text, ...rest) => {
			need(rest.length === 0 && policy.authorities.size < 8 &&
			    !policy.authorities.has(name) &&
			    /^[A-Za-z0-9-][A-Za-z0-9.-]{0,127}$/.test(name));
			const certificate = base64(text);
			if ([...policy.authorities.values()].some((c) =>
			    c.equals(certificate)))
				refuse('the same certificate has two names, and would count twice');
			need(certificate.length <= 4096);
			policy.authorities.set(name, certificate);
		},
		quorum: (name, ...rest) => {
			need(rest.length === 0 && policy.quorum === undefined &&
			    (name === 'none' || isMember(name)));
			policy.quorum = name;
		},
	};
	for (const line of bytes.toString('latin1').split('\n')) {
		const [word, ...rest] = line.split(/[ \t]+/).filter((w) => w !== '');
		if (word === undefined || word.startsWith('#'))
			continue;
		need(Object.hasOwn(lines, word) && rest.length >= (word === 'log' ||
		    word === 'quorum' ? 1 : word === 'group' ? 3 : 2));
		lines[word](...rest);
	}
	return policy.logs.length > 0 && policy.quorum ? policy :
	    refuse('the policy needs a log and a quorum');
}

export function checkNote(bytes, policy) {
	const note = readNote(bytes);
	const c = readCheckpoint(note.text);
	const keys = policy.logs.filter((k) => k.name === c.origin);
	if (keys.length === 0)
		refuse(`the checkpoint is of ${c.origin}, which the policy doesn't have as a log`);
	if (keys.filter((k) => signedBy(note, k) !== undefined).length === 0)
		refuse(`there is no signature by the key of ${c.origin}`);
	const times = new Map();
	for (const [name, key] of policy.witnesses) {
		const time = signedBy(note, key);
		if (time !== undefined)
			times.set(name, time);
	}
	const met = (name) => {
		const g = policy.groups.get(name);
		return g ? g.members.filter(met).length >= g.needs :
		    times.has(name);
	};
	if (policy.quorum !== 'none' && !met(policy.quorum))
		refuse(`the checkpoint has cosignatures of ${times.size} witnesses of the policy, which isn't its quorum`);
	return { ...c, witnesses: times.size,
	    firstSeen: times.size ? Math.min(...times.values()) * 1000 : null };
}

// ---- Proof files ----

const HEAD = 'c2sp.org/tlog-proof@v1';

export function readProof(bytes) {
	const text = bytes.toString('latin1');
	const at = text.indexOf('\n\n');
	const lines = text.slice(0, at).split('\n');
	if (at < 0 || lines.shift() !== HEAD)
		refuse('it isn\'t a proof file');
	const extra = lines[0]?.startsWith('extra ') ?
	    base64(lines.shift().slice(6)) : undefined;
	const index = lines.shift();
	if (!index?.startsWith('index '))
		refuse('a proof has an index');
	const path = lines.map(base64);
	if (path.length > PROOF_MAX || path.some((h) => h.length !== 32) ||
	    extra?.length > 65535)
		refuse('the proof\'s hashes, or its entry, have another length');
	return { entry: extra, index: integer(index.slice(6)), path,
	    note: bytes.subarray(at + 2) };
}

export const proofText = (p) => `${HEAD}\n` +
    `extra ${p.entry.toString('base64')}\nindex ${p.index}\n` +
    p.path.map((h) => `${h.toString('base64')}\n`).join('') + `\n${p.note}`;
