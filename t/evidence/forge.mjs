// Somebody who tampers with an export of the log.
//
// node forge.mjs EXPORT OUT SECRET-KEY-FILE KIND...
//
// Some change what lies in it; others are the operator, who has the log's key
// and logs what isn't so: the whole export is made anew then, as a log of its
// own. OUT/0 is of the first kind, and so on. node forge.mjs --kinds lists all
// kinds.

import { cpSync } from 'node:fs';
import { take } from './copy.mjs';
import { clean } from './forge-clean.mjs';
import { files } from './forge-files.mjs';
import { logged } from './forge-log.mjs';
import { readings } from './forge-readings.mjs';
import { rounds } from './forge-rounds.mjs';

const [, , from, outs, secretPath, ...wanted] = process.argv;
const kinds = { ...clean, ...files, ...logged, ...rounds, ...readings };

if (from === '--kinds') {
	console.log(Object.keys(kinds).join('\n'));
} else {
	for (const [i, kind] of wanted.entries()) {
		take(`${outs}/${i}`, secretPath);
		cpSync(from, `${outs}/${i}`, { recursive: true });
		await kinds[kind]();
	}
}
