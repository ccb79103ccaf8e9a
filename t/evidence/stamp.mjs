// Timestamps (RFC 3161; the signature is CMS, RFC 5652) with node alone: whether
// an answer of an authority has a stamp of a SHA-256, and of when.

import { X509Certificate, createHash, verify } from 'node:crypto';
import { Refused, refuse } from './tlog.mjs';

const OID = {
	signedData: '1.2.840.113549.1.7.2',
	stamp: '1.2.840.113549.1.9.16.1.4',
	contentType: '1.2.840.113549.1.9.3',
	messageDigest: '1.2.840.113549.1.9.4',
	certificate: '1.2.840.113549.1.9.16.2.12',
	certificateV2: '1.2.840.113549.1.9.16.2.47',
	timeStamping: '1.3.6.1.5.5.7.3.8',
};
const DIGESTS = { '1.3.14.3.2.26': 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256',
    '2.16.840.1.101.3.4.2.2': 'sha384', '2.16.840.1.101.3.4.2.3': 'sha512' };

// ---- DER ----

class Malformed extends Error {}
const need = (ok) => { if (!ok) throw new Malformed(); };

function element(b, at = 0) {
	need(at + 2 <= b.length);
	let len = b[at + 1], head = 2;
	if (len & 0x80) {
		const n = len & 0x7f;
		need(n >= 1 && n <= 4 && at + 2 + n <= b.length);
		len = b.readUIntBE(at + 2, n);
		head += n;
	}
	need(at + head + len <= b.length);
	return { tag: b[at], whole: b.subarray(at, at + head + len),
	    value: b.subarray(at + head, at + head + len) };
}

function inside(e) {
	const all = [];
	for (let at = 0; at < e.value.length;) {
		const one = element(e.value, at);
		all.push(one);
		at += one.whole.length;
	}
	return all;
}

function oid(e) {
	need(e?.tag === 6 && e.value.length > 0);
	const n = [];
	let value = 0;
	for (const byte of e.value) {
		value = value * 128 + (byte & 0x7f);
		if (!(byte & 0x80)) {
			n.push(value);
			value = 0;
		}
	}
	const first = Math.min(2, Math.floor(n[0] / 40));
	return [first, n[0] - 40 * first, ...n.slice(1)].join('.');
}

const is = (e, tag) => { need(e?.tag === tag); return e; };

// The name of an algorithm; its parameters tell nothing here.
function algorithm(e) {
	const [name, , ...more] = inside(is(e, 0x30));
	need(more.length === 0);
	return oid(name);
}

// A name as it is compared: without the case of letters, or how many blanks.
const nameOf = (e) => JSON.stringify(inside(is(e, 0x30)).map((part) =>
    inside(is(part, 0x31)).map((pair) => {
	const [type, text] = inside(is(pair, 0x30));
	need([12, 19, 20, 22, 26, 28, 30].includes(text?.tag)); // a string
	return [oid(type), text.value.toString('latin1')
	    .replace(/[A-Z]/g, (c) => c.toLowerCase()).trim()
	    .replace(/\s+/g, ' ')];
    })));

function issuerOf(certificate) {
	const [tbs] = inside(element(certificate.raw));
	const fields = inside(tbs).filter((f) => f.tag !== 0xa0);
	return nameOf(fields[2]);
}

// ---- What is in an answer ----

function read(bytes) {
	const whole = is(element(bytes), 0x30);
	need(whole.whole.length === bytes.length);
	const [status, token] = inside(whole);
	const granted = is(inside(is(status, 0x30))[0], 2).value.at(-1);
	if (granted > 1)
		refuse(`the authority refuses: status ${granted}`);
	if (!token)
		refuse('the answer has no stamp');
	const [type, content] = inside(is(token, 0x30));
	need(oid(type) === OID.signedData);
	const parts = inside(is(inside(is(content, 0xa0))[0], 0x30));
	need(is(parts[0], 2).value.length > 0);
	const digests = inside(is(parts[1], 0x31)).map(algorithm);
	const [what, text] = inside(is(parts[2], 0x30));
	need(oid(what) === OID.stamp);
	const info = is(inside(is(text, 0xa0))[0], 4).value;
	const certificates = parts.filter((p) => p.tag === 0xa0)
	    .flatMap(inside).map((c) => c.whole);
	const signers = inside(is(parts.at(-1), 0x31));
	need(signers.length === 1);
	return { info, certificates, digests, signer: inside(is(signers[0], 0x30)) };
}

function readInfo(info) {
	const [version, , imprint, , time] = inside(is(element(info), 0x30));
	need(version?.tag === 2 && time?.tag === 0x18);
	const [what, hash] = inside(is(imprint, 0x30));
	const m = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/.exec(
	    time.value.toString('latin1'));
	need(m);
	return { algorithm: algorithm(what), hash: is(hash, 4).value,
	    at: Date.UTC(m[1], m[2] - 1, m[3], m[4], m[5], m[6]) };
}

// ---- Who signed it ----

const bad = (why) => refuse(`the stamp's signature: ${why}`);

// That a certificate leads to the trusted one, at that time.
function leads(from, anchor, others, at, depth = 0) {
	if (!(at >= Date.parse(from.validFrom) && at <= Date.parse(from.validTo)))
		return false;
	if (from.raw.equals(anchor.raw))
		return true;
	return depth < 8 && [anchor, ...others].some((x) =>
	    !x.raw.equals(from.raw) && x.ca && from.checkIssued(x) &&
	    from.verify(x.publicKey) && leads(x, anchor, others, at, depth + 1));
}

function checkSigner(stamp, anchor, at) {
	const [, id, digestOf, attributes, signedBy, signature] = stamp.signer;
	const name = algorithm(digestOf);
	const digest = DIGESTS[name] ?? bad('of a digest that isn\'t known');
	if (!stamp.digests.includes(name))
		bad('of a digest that isn\'t among those that are told');
	const hash = (name, bytes) => createHash(name).update(bytes).digest();
	const [issuer, number] = inside(is(id, 0x30)), issuerName = nameOf(issuer);
	const serial = is(number, 2).value.toString('hex').replace(/^(00)+/, '');
	algorithm(signedBy);
	const all = stamp.certificates.map((c) => new X509Certificate(c));
	const signer = [...all, anchor].find((c) => c.serialNumber.toLowerCase()
	    .replace(/^(00)+/, '') === serial && issuerOf(c) === issuerName) ?? bad('its certificate is missing');
	const said = new Map(inside(is(attributes, 0xa0)).map((a) => {
		const [type, values] = inside(a);
		return [oid(type), inside(is(values, 0x31))[0]];
	}));
	if (!said.get(OID.messageDigest)?.value.equals(hash(digest, stamp.info)) ||
	    oid(said.get(OID.contentType)) !== OID.stamp)
		bad('of something else');
	const v2 = said.get(OID.certificateV2);
	const named = inside(inside(inside(is(v2 ??
	    said.get(OID.certificate), 0x30))[0])[0]);
	const by = v2 && named[0].tag === 0x30 ?
	    DIGESTS[oid(inside(named.shift())[0])] : v2 ? 'sha256' : 'sha1';
	if (!hash(by, signer.raw).equals(named[0].value))
		bad('names another certificate');
	const signed = Buffer.from(attributes.whole);
	signed[0] = 0x31;
	if (!verify(digest, signed, signer.publicKey, is(signature, 4).value))
		bad('isn\'t one');
	if (JSON.stringify(signer.keyUsage) !== `["${OID.timeStamping}"]`)
		bad('by a certificate that isn\'t for stamps');
	if (!leads(signer, anchor, all, at))
		bad('by nobody who is trusted');
}

// Unix milliseconds.
export function checkStamp(bytes, hash, certificate) {
	try {
		const stamp = read(bytes), info = readInfo(stamp.info);
		if (DIGESTS[info.algorithm] !== 'sha256' || !info.hash.equals(hash))
			refuse('the stamp is of something else');
		checkSigner(stamp, new X509Certificate(certificate), info.at);
		return info.at;
	} catch (error) {
		if (error instanceof Refused)
			throw error;
		return refuse(error instanceof Malformed ?
		    'it isn\'t a timestamp\'s answer' :
		    `the stamp's signature: ${error.message}`);
	}
}
