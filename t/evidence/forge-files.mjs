// What strangers do to files of an export, without any key of the log.

import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { drillsPath, edit, get, is, isSegment, leafOf, path, pathOf, put, secret,
    seed, segmentFiles, swap } from './copy.mjs';
import { cosigned, madeAnew, succeeded, witness, witnessPolicy, witnessed }
    from './relog.mjs';
import { checkpointText, proofText, readCheckpoint, readNote, secretOf, signNote,
    vkeyOf } from './tlog.mjs';

const lines = (change) => edit(segmentFiles()[1], (text) =>
    change(text.trimEnd().split('\n')).join('\n') + '\n');
const anchorFile = () => readdirSync(path('anchor'))
    .map((f) => `anchor/${f}`).sort()[0];
const policy = (change) => () => edit('policy', change);
const witnessLine = (name) => `witness ${name} ${vkeyOf(secretOf(
    `witness.example/${name}`, seed(name), 4))}\n`;

export const files = {
	'maintenance left out': () =>
	    rmSync(path(leafOf(is('maintenance')).at(-1).name)),
	'newest definition left out': () =>
	    rmSync(path(leafOf(is('task')).at(-1).name)),
	'method left out': () => rmSync(path(leafOf(is('method'))[0].name)),
	'key of a day left out': () =>
	    rmSync(path(leafOf((l) => is('canary')(l) && l.key)[0].name)),
	'promise of a key left out': () =>
	    rmSync(path(leafOf((l) => is('canary')(l) && !l.key)[0].name)),
	'answer to a drill altered': () =>
	    edit(drillsPath(leafOf(is('drills'))[0]), (t) =>
		t.replace('"success":true', '"success":false')
		    .replace('"ms":', '"ms":1')),
	'key of a witness took over': () => {
		const log = get('policy').split('\n')[0];
		put('policy', `${log}\nwitness w1 ${vkeyOf(witness)}\nquorum none\n`);
		return succeeded(secret(), secretOf(secret().name, seed('w1')));
	},
	'key for witnesses took over': () =>
		succeeded(secret(), secretOf(secret().name, seed('next'), 4)),
	'key of a stranger took over': () =>
	    succeeded(secretOf(secret().name, seed('stranger'))),
	'line dropped': () => lines((l) => l.slice(1)),
	'line added': () => lines((l) => [...l, l.at(-1)]),
	'line altered': () => lines((l) => [l[0].replace('true', 'false')
	    .replace('"cycle":', '"cycle":1'), ...l.slice(1)]),
	'lines reordered': () => lines((l) => swap(l, 0, 1)),
	'files of two hours swapped': () => {
		const [a, b] = segmentFiles();
		const text = get(a);
		put(a, get(b));
		put(b, text);
	},
	'hour left out': () => {
		const s = leafOf(isSegment)[1];
		rmSync(path(s.name));
		rmSync(path(pathOf(s)));
	},
	'file left out': () => rmSync(path(segmentFiles()[1])),
	'definition left out': () => rmSync(path(leafOf(is('task'))[0].name)),
	'proof of another index': () => {
		const [a, b] = leafOf(isSegment);
		renameSync(path(a.name), path('x'));
		renameSync(path(b.name), path(a.name));
		renameSync(path('x'), path(b.name));
	},
	'index altered': () => {
		const l = leafOf(isSegment)[0];
		rmSync(path(l.name));
		put(`leaf/${l.index - 1}.tlog-proof`, proofText({ ...l.p,
		    index: l.index - 1 }));
	},
	'hash of a proof altered': () => {
		const l = leafOf(isSegment)[0];
		l.p.path[0][5] ^= 1;
		put(l.name, proofText(l.p));
	},
	'entry altered': () => {
		const l = leafOf(isSegment)[0];
		l.p.entry = Buffer.from(l.p.entry.toString()
		    .replace(/"missed":\d+/, '"missed":99999'));
		put(l.name, proofText(l.p));
	},
	'proof too long': () => {
		const l = leafOf(isSegment)[0];
		l.p.path.push(l.p.path[0]);
		put(l.name, proofText(l.p));
	},
	'root of another size': () => edit('checkpoint', (t) =>
	    t.replace(/\n(\d+)\n/, (m, n) => `\n${+n + 1}\n`)),
	'size with a leading zero': () => edit('checkpoint', (t) =>
	    t.replace(/\n(\d+)\n/, '\n0$1\n')),
	'second empty line': () => edit('checkpoint', (t) =>
	    t.replace('\n\n', '\n\nmore\n\n')),
	'base64 with junk': () => edit('checkpoint', (t) =>
	    t.replace(/=\n$/, '=!\n')),
	'checkpoint of another origin': () => {
		const c = readCheckpoint(readNote(Buffer.from(get('checkpoint'))).text);
		put('checkpoint', signNote(checkpointText({ ...c,
		    origin: 'other.example/log' }), secretOf('other.example/log',
		    seed('other'))));
	},
	'another key of the same name': () => {
		const n = readNote(Buffer.from(get('checkpoint')));
		put('checkpoint', signNote(n.text, secretOf(readCheckpoint(n.text)
		    .origin, seed('other'))));
	},
	'cosignature with another time': async () => {
		await witnessed();
		const forge = (note) => note.replace(/(\u2014 witness\S+ )(\S+)/,
		    (m, who, body) => {
			const b = Buffer.from(body, 'base64');
			b[11] ^= 1;
			return who + b.toString('base64');
		});
		edit('checkpoint', forge);
		for (const l of leafOf(() => true))
			edit(l.name, forge);
	},
	'witness not in the policy': async () => {
		await witnessed();
		const log = get('policy').split('\n')[0];
		put('policy', `${log}\nwitness w2 ${vkeyOf(secretOf(
		    'witness.example/w2', seed('w2'), 4))}\nquorum w2\n`);
	},
	'one key with two names': async () => {
		await witnessed();
		witnessPolicy('w1', 'w2');
	},
	'forked log': () => {
		const l = leafOf(isSegment)[0];
		const c = readCheckpoint(readNote(l.p.note).text);
		c.root = Buffer.from(c.root);
		c.root[0] ^= 1;
		put(l.name, proofText({ ...l.p,
		    note: signNote(checkpointText(c), secret()) }));
	},
	'hours before anchors left out': () => rmSync(path('since'),
	    { recursive: true }),
	'hour before an anchor that is none': async () => {
		await madeAnew();
		const l = leafOf(is('method'))[0];
		cpSync(path(l.name), path(l.name.replace('leaf', 'since')));
	},
	'hour before an anchor of another index': () => {
		const name = readdirSync(path('since'))[0];
		renameSync(path(`since/${name}`), path('since/1.tlog-proof'));
	},
	'anchor left out': async () => {
		await madeAnew();
		rmSync(path('anchor'), { recursive: true });
	},
	'anchor of another root': () => edit(anchorFile(), (text) =>
		text.replace(/^./, (c) => c === 'A' ? 'B' : 'A')),
	'anchor of another size': () => renameSync(path(anchorFile()),
	    path('anchor/1')),
	'anchor of no number': () => renameSync(path(anchorFile()),
	    path('anchor/01')),
	'anchor without its end': () => edit(anchorFile(), (text) =>
		text.trimEnd()),
	'hash of a proof of another length': () => {
		const l = leafOf(isSegment)[0];
		l.p.path[0] = Buffer.concat([l.p.path[0], Buffer.of(0)]);
		put(l.name, proofText(l.p));
	},
	'size past what is exact': () => {
		const c = readCheckpoint(readNote(Buffer.from(
		    get('checkpoint'))).text);
		put('checkpoint', signNote(checkpointText({ ...c,
		    size: '9007199254740994' }), secret()));
	},
	'cosignature cut short': async () => {
		await cosigned(1893456000)();
		edit('policy', (t) => `${t.split('\n')[0]}\n` +
		    `witness w1 ${vkeyOf(witness)}\nquorum none\n`);
		edit('checkpoint', (t) => t.replace(/(\u2014 witness\S+ )(\S+)/,
		    (m, who, body) => who + Buffer.from(body, 'base64')
		    .subarray(0, 6).toString('base64')));
	},
	'more signatures than a note has': () => {
		for (const name of ['checkpoint',
		    ...leafOf(() => true).map((l) => l.name)])
			edit(name, (t) => t + t.split('\n').at(-2)
			    .replace('worknet', 'other').concat('\n')
			    .repeat(64));
	},
	'more keys than a log has': () => {
		for (let i = 0; i < 65; i++)
			put(`key/${i}.tlog-proof`, 'more');
	},
	'policy with CR LF': policy((t) => t.replaceAll('\n', '\r\n')),
	'policy with a mark before it': policy((t) => `\ufeff${t}`),
	'policy with two quorums': policy((t) => `${t}quorum none\n`),
	'log\'s key in the place of a witness\'s': policy((t) =>
		`witness w1 ${t.split('\n')[0].split(' ')[1]
		    .replace('worknet', 'other')}\n${t}`),
	'witness\'s key in the place of a log\'s': policy((t) =>
		`log ${vkeyOf(witness)}\n${t}`),
	'group that counts one twice': policy((t) =>
		t.replace(/quorum.*/, `${witnessLine('w1')}group g 2 w1 w1\n` +
		    'quorum g')),
	'group that needs nobody': policy((t) =>
		t.replace(/quorum.*/, `${witnessLine('w1')}group g 0 w1\n` +
		    'quorum g')),
	'group that is in itself': policy((t) =>
		t.replace(/quorum.*/, `${witnessLine('w1')}group g any w1 g\n` +
		    'quorum g')),
	'certificate with two names': policy((t) =>
		t.replace(/quorum/, 'authority a AAAA\nauthority b AAAA\n' +
		    'quorum')),
};
