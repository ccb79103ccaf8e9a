// The pages in a real browser, in TAP for browser.t: light and dark, wide and
// narrow, by keyboard, with axe-core, under the policy that they are sent with.
// usage: node browser.mjs ORIGIN CHROMIUM SCREENSHOTS|'' PATH...
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(
	createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
	'best-practice'];
const [origin, program, shots, ...paths] = process.argv.slice(2);
let n = 0;

function is(got, expected, name) {
	const good = JSON.stringify(got) === JSON.stringify(expected);

	console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${name}`);
	if (!good)
		console.log(`# got ${JSON.stringify(got)}`);
}

const called = (path) => path.replace(/^\/+|\/+$/g, '').replace(/\W+/g, '-') ||
	'home';

// What goes wrong in a page, or leaves this host.
function listen(page, wrong) {
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

// One load of the page, which is then shown in each way.
async function look(browser, path) {
	const context = await browser.newContext();
	const page = await context.newPage();
	const wrong = [];

	listen(page, wrong);
	await page.goto(origin + path);
	await page.evaluate(axe);
	for (const colorScheme of ['light', 'dark'])
		for (const width of [360, 1280])
			await look_at(page, path, colorScheme, width);
	is(wrong, [], `${path}: nothing is refused, and nothing comes from elsewhere`);
	is(await context.cookies(), [], '... and it leaves no cookie');
	if (shots) {
		await page.emulateMedia({ media: 'print', colorScheme: 'light' });
		await page.screenshot({ fullPage: true,
			path: `${shots}/${called(path)}-print.png` });
		await page.emulateMedia({ media: 'screen' });
	}
	await by_keyboard(page);
	await context.close();
}

async function look_at(page, path, colorScheme, width) {
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
			path: `${shots}/${called(path)}-${colorScheme}-${width}.png` });
}

// Each link and each table that scrolls can be reached, and is seen to be.
async function by_keyboard(page) {
	const all = await page.evaluate(() => document.querySelectorAll(
		'a[href], [tabindex="0"]').length);
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

const browser = await chromium.launch({ executablePath: program,
	args: ['--no-sandbox', '--disable-gpu'] });
try {
	for (const path of paths)
		await look(browser, path);
} finally {
	await browser.close();
}
console.log(`1..${n}`);
