// A task's page. Where the pointer is on the bars, it tells that day's row of the
// table. uPlot draws the response times that the page's images show, of more
// days, and an hour's numbers are told, by pointer or by keyboard. All text goes
// through textContent.
'use strict';

(() => {
const day = document.createElement('p');

function say_day(event) {
	const days = document.querySelectorAll('#days tbody tr'); // the newest first
	const { left, width } = event.currentTarget.getBoundingClientRect();
	const at = Math.floor((event.clientX - left) / width * days.length);
	const row = days[days.length - 1 - at];

	if (!row)
		return;
	const [name, uptime, least, most, coverage] = [...row.cells].map((e) =>
		e.textContent);
	day.textContent = `${name}: ${uptime}; at least ${least}, at most ` +
		`${most}, coverage ${coverage}`;
}

day.className = 'said note';
day.textContent = 'Point at a day; the table below has them all.';
function place() {
	const bars = document.querySelector('main svg.bars');

	bars.after(day);
	bars.addEventListener('pointermove', say_day);
}
place();
document.addEventListener('again', place);
})();

(() => {
const HOUR_MS = 3600000;
const HEIGHT = 220;
const DAYS = [1, 7, 30, 90];
const HOUR_TICKS = [1, 2, 3, 6, 12].map((h) => h * 3600);
const DAY_TICKS = [1, 2, 3, 7, 14, 28].map((d) => d * 24 * 3600);
const LINES = [['p50Ms', '--link', []], ['p95Ms', '--warn', [6, 4]]];

const box = document.getElementById('responses');
if (!box)
	return;
const said = document.createElement('p');
const picture = document.createElement('div');
const buttons = new Map();
let told, chart, at = -1, shown = 7;

const name = (hour) => hour.region === null ? 'any region' : hour.region;
const color = (of) => getComputedStyle(box).getPropertyValue(of).trim();
const when = (ms) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

// What there is of the hour in that place of the chart.
function say(place) {
	const ms = told.fromMs + place * HOUR_MS;
	const all = told.hours.filter((hour) => hour.hourMs === ms);

	at = place;
	said.textContent = `${when(ms)} UTC: ` + (all.map((hour) =>
		`${name(hour)}: half within ${hour.p50Ms} ms, 95 of 100 within ` +
		`${hour.p95Ms} ms, longest ${hour.maxMs} ms, of ${hour.results}`)
		.join('; ') || 'nothing counted');
}

// Of each region two lines, with gaps where nothing is.
function series() {
	const n = (told.toMs - told.fromMs) / HOUR_MS;
	const all = [{}];
	const data = [Array.from({ length: n }, (_, i) =>
		told.fromMs / 1000 + i * 3600)];

	for (const region of new Set(told.hours.map(name)))
		for (const [key, ink, dash] of LINES) {
			const line = new Array(n).fill(null);

			for (const hour of told.hours)
				if (name(hour) === region)
					line[(hour.hourMs - told.fromMs) /
						HOUR_MS] = hour[key];
			data.push(line);
			all.push({ label: `${region} ${key}`, width: 1.5,
				stroke: color(ink), dash, points: { size: 4 } });
		}
	return [all, data];
}

function draw() {
	const [all, data] = series();
	const few = told.toMs - told.fromMs <= 2 * 24 * HOUR_MS;
	const axis = { stroke: color('--ink'), font: '12px system-ui, sans-serif',
		grid: { stroke: color('--line'), width: 1 },
		ticks: { stroke: color('--line'), width: 1 } };

	chart?.destroy();
	chart = new uPlot({ width: box.clientWidth, height: HEIGHT,
		legend: { show: false }, tzDate: (s) =>
			uPlot.tzDate(new Date(s * 1000), 'Etc/UTC'),
		cursor: { drag: { x: false, y: false }, y: false },
		scales: { y: { range: (u, least, most) => [0, (most || 10) * 1.1] } },
		axes: [{ ...axis, incrs: few ? HOUR_TICKS : DAY_TICKS, space: 50,
			values: (u, marks) => marks.map((s) => when(s * 1000)
				.slice(...(few ? [11] : [5, 10]))) },
		{ ...axis, size: 70, values: (u, marks) =>
			marks.map((ms) => `${ms} ms`) }],
		series: all, hooks: { setCursor: [(u) => {
			if (u.cursor.idx !== null && u.cursor.idx !== at)
				say(u.cursor.idx);
		}] } }, data, picture);
}

async function read(days) {
	try {
		const r = await fetch(`${box.dataset.from}?days=${days}`);
		return r.ok ? await r.json() : null;
	} catch {
		return null;
	}
}

function take(answer) {
	told = answer;
	box.querySelectorAll('svg, .scale').forEach((e) =>
		e.classList.add('drawn'));
	draw();
}

async function show(days) {
	const answer = await read(days);

	if (!answer) {
		said.textContent = 'The coordinator does not answer.';
		return;
	}
	at = -1;
	shown = days;
	said.textContent = 'Point at an hour, or go there with the arrow keys.';
	for (const [of, button] of buttons)
		button.setAttribute('aria-pressed', String(of === days));
	take(answer);
}

// The same days as they are now, and of the hour that was told what is known.
async function again() {
	const days = shown;
	const answer = await read(days);

	if (!answer || !told || days !== shown)
		return;
	const place = at + (told.fromMs - answer.fromMs) / HOUR_MS;
	take(answer);
	if (at >= 0 && place >= 0)
		say(place);
}

// One hour on, or back.
function step(event) {
	const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
	const last = chart ? chart.data[0].length - 1 : 0;

	if (!by || !chart)
		return;
	event.preventDefault();
	const next = at < 0 ? last : Math.min(Math.max(at + by, 0), last);
	chart.setCursor({ left: chart.valToPos(chart.data[0][next], 'x'),
		top: 0 });
	say(next);
}

const choice = document.createElement('p');
for (const days of DAYS) {
	const button = document.createElement('button');

	button.type = 'button';
	button.textContent = days === 1 ? '1 day' : `${days} days`;
	button.addEventListener('click', () => show(days));
	buttons.set(days, button);
	choice.append(button);
}
choice.className = 'choice';
picture.tabIndex = 0;
picture.className = 'picture';
picture.setAttribute('role', 'img');
picture.setAttribute('aria-label',
	'Response times by the hour; the arrow keys go through them');
picture.addEventListener('keydown', step);
said.setAttribute('aria-live', 'polite');
said.className = 'said note';
box.append(choice, picture, said);
new ResizeObserver(() => {
	if (chart && chart.width !== box.clientWidth)
		chart.setSize({ width: box.clientWidth, height: HEIGHT });
}).observe(box);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
	if (chart)
		draw();
});
document.addEventListener('again', again);
show(shown);
})();
