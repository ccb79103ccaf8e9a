// The first page: its tasks can be looked through, and it is read anew each
// minute, while somebody looks at it. All text goes through textContent.
'use strict';

(() => {
const AGAIN_MS = 60000;
const label = document.createElement('label');
const input = document.createElement('input');
const said = document.createElement('span');

// Only rows that have all words somewhere stay.
function look() {
	const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
	const rows = [...document.querySelectorAll('#tasks tbody tr')];
	let n = 0;

	for (const row of rows) {
		const text = row.textContent.toLowerCase();

		row.hidden = !words.every((word) => text.includes(word));
		n += !row.hidden;
	}
	said.textContent = words.length > 0 ? `${n} of ${rows.length}` : '';
}

// What the server says now, in the place of what it said: the sentence and the
// tables. The field stays, and who moves through the page isn't disturbed.
async function again() {
	const at = document.activeElement;

	if (document.hidden || (at !== document.body && at !== input))
		return;
	try {
		const r = await fetch(location.href);
		if (!r.ok)
			return;
		const page = new DOMParser().parseFromString(await r.text(),
			'text/html');
		for (const part of document.querySelectorAll('[data-part]')) {
			const now = page.querySelector(
				`[data-part="${part.dataset.part}"]`);
			if (now)
				part.replaceWith(document.adoptNode(now));
		}
		look();
	} catch {
		// Nobody answers: what is shown says of when it is.
	}
}

input.type = 'search';
input.autocomplete = 'off';
input.addEventListener('input', look);
said.setAttribute('aria-live', 'polite');
said.className = 'note';
label.append('Find a task: ', input, ' ', said);
const place = document.createElement('p');
place.append(label);
document.querySelector('#tasks')?.before(place);
setInterval(again, AGAIN_MS);
})();
