// Pages that tell how something is now are read anew each minute, while somebody
// looks: their parts take the place of what they were. All else stays, and who
// moves through the page isn't disturbed. Other scripts hear of it: "again".
'use strict';

(() => {
const AGAIN_MS = 60000;

function put(part, now) {
	const open = [...part.querySelectorAll('details')].map((e) => e.open);

	now.querySelectorAll('details').forEach((e, i) => {
		e.open = open[i] ?? false;
	});
	part.replaceWith(document.adoptNode(now));
}

async function again() {
	const at = document.activeElement;

	if (document.hidden || !(at === document.body || at.type === 'search') ||
		!getSelection().isCollapsed)
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
				put(part, now);
		}
		document.dispatchEvent(new Event('again'));
	} catch {
		// Nobody answers: what is shown says of when it is.
	}
}

setInterval(again, AGAIN_MS);
})();
