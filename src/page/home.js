// The first page: its tasks can be looked through. All text goes through
// textContent.
'use strict';

(() => {
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

input.type = 'search';
input.autocomplete = 'off';
input.addEventListener('input', look);
said.setAttribute('aria-live', 'polite');
said.className = 'note';
label.append('Find a task: ', input, ' ', said);
const place = document.createElement('p');
place.append(label);
document.querySelector('#tasks')?.before(place);
document.addEventListener('again', look);
})();
