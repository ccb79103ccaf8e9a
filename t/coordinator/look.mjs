// What tests look at in a browser, in TAP: a page in light and dark, wide and
// narrow, by keyboard, with axe-core. Used by browser.mjs and wallet.mjs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(
	createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
	'best-practice'];
let n = 0;

export function is(got, expected, name) {
	const good = JSON.stringify(got) === JSON.stringify(expected);

	console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${name}`);
	if (!good)
		console.log(`# got ${JSON.stringify(got)}`);
}

// Runs what with a browser, and says how many tests there were.
export async function with_browser(program, what) {
	const browser = await chromium.launch({ executablePath: program,
		args: ['--no-sandbox', '--disable-gpu'] });
	try {
		await what(browser);
	} finally {
		await browser.close();
	}
	console.log(`1..${n}`);
}

// What goes wrong in a page, or leaves this host.
export function listen(page, origin, wrong) {
	page.on('console', (m) => {
		if (m.type() === 'error' || m.type() === 'warning')
			wrong.push(m.text());
	});
	page.on('pageerror', (e) => wrong.push(String(e)));
	page.on('dialog', (d) => { wrong.push('a dialog'); d.dismiss(); });
	page.on('request', (r) => {
		if (!r.url().startsWith(`${origin}/`))
			wrong.push(`asks ${r.url()}`);
	});
	page.on('response', (r) => {
		if (r.status() >= 400)
			wrong.push(`${r.status()} ${r.url()}`);
	});
}

// The page in each way; its images go to shots, unless that is ''.
export async function look_at(page, path, name, shots) {
	await page.evaluate(axe);
	for (const colorScheme of ['light', 'dark'])
		for (const width of [360, 1280])
			await look_once(page, path, name, shots, colorScheme, width);
}

async function look_once(page, path, name, shots, colorScheme, width) {
	await page.emulateMedia({ colorScheme });
	await page.setViewportSize({ width, height: 800 });
	is(await page.evaluate(() => document.documentElement.scrollWidth <=
		document.documentElement.clientWidth), true,
	`${path}, ${colorScheme}, ${width} px: it is no wider than the screen`);
	const found = await page.evaluate((rules) => axe.run({ runOnly: rules }),
		RULES);
	is(found.violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [],
		'... axe-core finds nothing');
	if (shots)
		await page.screenshot({ fullPage: true,
			path: `${shots}/${name}-${colorScheme}-${width}.png` });
}

// Each link, button and field, and each table that scrolls, can be reached, and is seen to be.
export async function by_keyboard(page) {
	const all = await page.evaluate(() => [...document.querySelectorAll(
		'a[href], [tabindex="0"], button, input, summary')].filter((e) =>
		e.checkVisibility()).length);
	const seen = new Set();
	let hidden = 0;

	for (let i = 0; i < all; i++) {
		await page.keyboard.press('Tab');
		const at = await page.evaluate(() => {
			const e = document.activeElement;
			return [[...document.querySelectorAll('*')].indexOf(e),
				getComputedStyle(e).outlineStyle !== 'none'];
		});
		seen.add(at[0]);
		hidden += at[1] ? 0 : 1;
	}
	is([seen.size, hidden], [all, 0], '... all of it by keyboard alone');
}
