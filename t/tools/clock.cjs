// A program in JavaScript has the clock of the coordinator beside it: the file
// WN_FAULT_CLOCK has its milliseconds (t/tools/fault.c). node --require THIS.
const { readFileSync } = require('node:fs');

let last = 0;
Date.now = () => {
	// While it is written the file is empty. Never the same twice: two
	// results of a worker for one task are told apart by their time.
	last = Math.max(last + 1,
		Number(readFileSync(process.env.WN_FAULT_CLOCK)));
	return last;
};
