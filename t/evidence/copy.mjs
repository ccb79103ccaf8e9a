// The copy of an export that somebody tampers with: its files.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readProof, readSecret } from './tlog.mjs';

export const HOUR = 3600_000;
export const seed = (n) => createHash('sha256').update(`seed ${n}`).digest();

// Which copy it is, and the file of the log's key.
let out, secretPath;
export const take = (directory, keyFile) =>
    ([out, secretPath] = [directory, keyFile]);

export const path = (name) => `${out}/${name}`;
export const get = (name) => readFileSync(path(name), 'utf8');
export const put = (name, text) => {
	mkdirSync(dirname(path(name)), { recursive: true });
	writeFileSync(path(name), text);
};
export const edit = (name, change) => put(name, change(get(name)));
export const secret = () => readSecret(readFileSync(secretPath, 'utf8'));
export const segmentFiles = () => readdirSync(path('segment'), { recursive: true })
    .filter((f) => f.endsWith('.ndjson')).sort().map((f) => `segment/${f}`);
export const leafOf = (pick) => readdirSync(path('leaf')).map((f) => {
	const p = readProof(readFileSync(path(`leaf/${f}`)));
	return { ...JSON.parse(p.entry), name: `leaf/${f}`, index: p.index, p };
}).sort((a, b) => a.index - b.index).filter(pick);
export const isSegment = (l) => l.type === 'worknet/segment/v1';
export const swap = (a, i, j) => {
	[a[i], a[j]] = [a[j], a[i]];
	return a;
};
export const pathOf = (s) => `segment/${new Date(s.to - HOUR).toISOString()
    .slice(0, 13).replace(/[-T]/g, '/')}/${s.task}.ndjson`;

export const drillsPath = (d) => `drills/${new Date(d.day * 24 * HOUR).toISOString()
    .slice(0, 10).replace(/-/g, '/')}/${d.task}.ndjson`;
export const is = (word) => (x) => (x.leaf ?? x).type === `worknet/${word}/v1`;
export const fileOf = (leaf) => isSegment(leaf) ? pathOf(leaf) :
    is('drills')(leaf) ? drillsPath(leaf) : undefined;
