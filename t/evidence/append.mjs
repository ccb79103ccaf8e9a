// An operator who has the log's key and adds entries that worknet-log doesn't.
//
// node append.mjs SITE SECRET-KEY-FILE ENTRY...
//
// Only of a log that has less than 256 leaves, and still has then.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { checkpointText, leafHash, readCheckpoint, readNote, readSecret, root,
    signNote } from './tlog.mjs';

const [, , site, secretPath, ...added] = process.argv;
const { size } = readCheckpoint(readNote(readFileSync(`${site}/checkpoint`)).text);
const bundle = readFileSync(`${site}/tile/entries/000.p/${size}`);
const entries = [];
for (let at = 0; at < bundle.length;) {
	const end = at + 2 + bundle.readUInt16BE(at);
	entries.push(bundle.subarray(at + 2, end));
	at = end;
}
entries.push(...added.map((text) => Buffer.from(text)));
if (entries.length >= 256)
	throw new Error('too many entries');
const hashes = entries.map(leafHash);
const put = (folder, parts) => {
	mkdirSync(`${site}/tile/${folder}/000.p`, { recursive: true });
	writeFileSync(`${site}/tile/${folder}/000.p/${entries.length}`,
	    Buffer.concat(parts));
};
put('entries', entries.flatMap((entry) => {
	const length = Buffer.alloc(2);
	length.writeUInt16BE(entry.length);
	return [length, entry];
}));
put('0', hashes);
const by = readSecret(readFileSync(secretPath, 'utf8'));
writeFileSync(`${site}/checkpoint`, signNote(checkpointText({ origin: by.name,
    size: entries.length, root: root(hashes) }), by));
