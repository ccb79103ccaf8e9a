// The pages in a real browser, in TAP for browser.t, under the policy that they
// are sent with.
// usage: node browser.mjs ORIGIN CHROMIUM SCREENSHOTS|'' PATH...
import { by_keyboard, is, listen, look_at, with_browser } from './look.mjs';

const [origin, program, shots, ...paths] = process.argv.slice(2);

const called = (path) => path.replace(/^\/+|\/+$/g, '').replace(/\W+/g, '-') ||
	'home';

// The chart is uPlot's, and tells what the JSON says of each hour.
async function look_at_chart(page, path) {
	const text = () => page.locator('#responses .said').textContent();
	const told = (days) => page.evaluate(async (n) => (await fetch(
		`${document.getElementById('responses').dataset.from}?days=${n}`))
		.json(), days);

	is(await page.locator('#responses svg').first().isVisible(), false,
		`${path}: the chart is drawn in the place of the images`);
	for (const days of [90, 7]) {
		await page.locator('#responses').getByRole('button',
			{ name: `${days} days` }).click();
		await page.locator(`#responses [aria-pressed="true"]`,
			{ hasText: `${days} days` }).waitFor();
		await page.locator('#responses .picture').focus();
		await page.keyboard.press('ArrowLeft');
		await page.keyboard.press('ArrowLeft');
		const json = await told(days);
		const ms = json.toMs - 2 * 3600000;
		const hour = json.hours.find((h) => h.hourMs === ms);
		is(await text(), `${new Date(ms).toISOString().slice(0, 16)
			.replace('T', ' ')} UTC: any region: half within ` +
			`${hour.p50Ms} ms, 95 of 100 within ${hour.p95Ms} ms, ` +
			`longest ${hour.maxMs} ms, of ${hour.results}`,
		`... ${days} days by the arrow keys, each hour as the JSON has it`);
	}
	const at = await page.locator('#responses .u-over').boundingBox();
	await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
	is(/UTC: .*half within \d+ ms/.test(await text()), true,
		'... and where the pointer is');
}

// A day's row of the table is told where the pointer is on its bar.
async function look_at_days(page, path) {
	const row = await page.evaluate(() => [...document.querySelectorAll(
		'#days tbody tr')].at(-1).textContent);

	await page.locator('main svg.bars').hover({ position: { x: 1, y: 9 } });
	const text = await page.locator('[data-part="figures"] .said').textContent();
	is(row.startsWith(text.slice(0, 10)) && /coverage/.test(text), true,
		`${path}: the first bar is the table's last row`);
}

// Of each page with tables of figures: on a phone these are seen at once, up to
// the column of that title; a row isn't taller than a screen.
const FIGURES = { '/': 'Uptime', '/task/': 'Coverage', '/worker/': 'What it is',
	'/transfers': 'Why' };

async function look_at_figures(page, path) {
	const key = path.endsWith('/transfers') ? '/transfers' :
		Object.keys(FIGURES).reverse().find((k) => path.startsWith(k));

	await page.setViewportSize({ width: 360, height: 800 });
	is(await page.evaluate((title) => {
		const th = [...document.querySelectorAll('table:first-of-type th')]
			.find((e) => e.textContent === title);
		return Math.round(th.getBoundingClientRect().right) <= innerWidth;
	}, FIGURES[key]), true, `${path}: a phone shows ${FIGURES[key]} at once`);
	is(await page.evaluate(() => [...document.querySelectorAll('tr')].filter(
		(e) => e.getBoundingClientRect().height > 300).length), 0,
	'... and no row that is taller than what is in it');
	await page.setViewportSize({ width: 1280, height: 800 });
}

// The first page is looked through, and read anew after a minute.
async function look_through(browser) {
	const page = await browser.newPage();
	const rows = page.locator('#tasks tbody tr:visible');
	const text = () => page.locator('footer').textContent();

	await page.clock.install();
	await page.goto(`${origin}/`);
	const all = await rows.count();
	await page.getByRole('searchbox').fill('EXAMPLE down');
	is([await rows.count(), await page.locator('label span').textContent()],
		[1, `1 of ${all}`], '/: tasks are found by what they are, and how');
	const before = await page.locator('#tasks').elementHandle();
	const asked = page.waitForResponse(`${origin}/`);
	await page.clock.fastForward(61000);
	await asked;
	await page.waitForFunction((e) => !e.isConnected, before);
	is([await rows.count(), await page.getByRole('searchbox').inputValue(),
		/As of/.test(await text())], [1, 'EXAMPLE down', true],
		'... also when the page was read anew');
	await page.getByRole('link', { name: 'API' }).focus();
	const same = await page.locator('#tasks').elementHandle();
	await page.clock.fastForward(61000);
	is(await same.evaluate((e) => e.isConnected), true,
		'... which disturbs nobody who moves through it');
	await page.close();
}

// The chart, too: of the days and the hour that were asked for.
async function chart_again(page, path) {
	const asked = `**${await page.locator('#responses').getAttribute(
		'data-from')}?days=7`;
	const said = () => page.locator('#responses .said').textContent();

	await page.locator('#responses .picture').focus();
	await page.keyboard.press('ArrowLeft');
	const hour = (await said()).slice(0, 20);
	await page.evaluate(() => document.activeElement.blur());
	await page.route(asked, async (r) => {
		const answer = await r.fetch();
		const json = await answer.json();
		json.hours.forEach((h) => { h.p50Ms = 4321; });
		await r.fulfill({ response: answer, json });
	});
	await page.clock.fastForward(61000);
	await page.waitForFunction(() => document.querySelector(
		'#responses .said').textContent.includes(' 4321 ms'));
	is([(await said()).startsWith(hour), await page.locator(
		'#responses svg').first().isVisible()], [true, false],
		`${path}: ... and the chart is of now, with the hour that was told`);
	await page.unroute(asked);
}

// So are a task's and a worker's page, which keep what was opened, and whose
// script still tells of days.
async function look_again(browser, path) {
	const page = await browser.newPage();
	const part = page.locator('[data-part]').first();

	await page.clock.install();
	await page.goto(origin + path);
	if (path.startsWith('/task/'))
		await page.locator('#days').evaluate((e) => { e.open = true; });
	const before = await part.elementHandle();
	const asked = page.waitForResponse(origin + path);
	await page.clock.fastForward(61000);
	await asked;
	await page.waitForFunction((e) => !e.isConnected, before);
	is(await part.isVisible(), true, `${path}: it is read anew each minute`);
	if (path.startsWith('/task/')) {
		is(await page.locator('#days').evaluate((e) => e.open), true,
			'... and what was opened stays so');
		await look_at_days(page, path);
		await chart_again(page, path);
	}
	await page.route(origin + path, (r) => r.fulfill({ status: 503, body: '' }));
	const refused = page.waitForResponse(origin + path);
	await page.clock.fastForward(61000);
	await refused;
	is(await part.isVisible(), true,
		'... and while nobody answers, what was known is shown');
	await page.close();
}

// One load of the page, which is then shown in each way.
async function look(browser, path) {
	const context = await browser.newContext({ httpCredentials:
		{ username: 'ops', password: 'secret', origin } });
	const page = await context.newPage();
	const wrong = [];

	listen(page, origin, wrong);
	await page.goto(origin + path);
	const has_chart = await page.locator('#responses').count() > 0;
	if (has_chart)
		await page.locator('#responses canvas').waitFor();
	await look_at(page, path, called(path), shots);
	is(wrong, [], `${path}: nothing is refused, and nothing comes from elsewhere`);
	is(await context.cookies(), [], '... and it leaves no cookie');
	if (/^\/($|task|worker)/.test(path))
		await look_at_figures(page, path);
	await page.emulateMedia({ media: 'print', colorScheme: 'light' });
	is(await page.evaluate(() => {
		const all = [...document.querySelectorAll('[class^="bar-"]')].filter(
			(e) => e.matches('span')).map((e) => getComputedStyle(e));
		return [new Set(all.map((s) => s.backgroundColor)).size === all.length,
			all.every((s) => s.printColorAdjust === 'exact')];
	}), [true, true], '... on paper, too, each kind of days looks its own way');
	if (shots)
		await page.screenshot({ fullPage: true,
			path: `${shots}/${called(path)}-print.png` });
	await page.emulateMedia({ media: 'screen' });
	await by_keyboard(page);
	if (path.startsWith('/task/'))
		await look_at_days(page, path);
	if (has_chart)
		await look_at_chart(page, path);
	await context.close();
}

await with_browser(program, async (browser) => {
	for (const path of paths)
		await look(browser, path);
	await look_through(browser);
	for (const path of paths.filter((p) => /^\/(task\/c|worker\/\w+$)/.test(p)))
		await look_again(browser, path);
});
