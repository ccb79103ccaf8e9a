// The pages in a real browser, in TAP for browser.t, under the policy that they
// are sent with.
// usage: node browser.mjs ORIGIN CHROMIUM SCREENSHOTS|'' PATH...
import { by_keyboard, is, listen, look_at, with_browser } from './look.mjs';

const [origin, program, shots, ...paths] = process.argv.slice(2);

const called = (path) => path.replace(/^\/+|\/+$/g, '').replace(/\W+/g, '-') ||
	'home';

// One load of the page, which is then shown in each way.
async function look(browser, path) {
	const context = await browser.newContext({ httpCredentials:
		{ username: 'ops', password: 'secret', origin } });
	const page = await context.newPage();
	const wrong = [];

	listen(page, origin, wrong);
	await page.goto(origin + path);
	await look_at(page, path, called(path), shots);
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

await with_browser(program, async (browser) => {
	for (const path of paths)
		await look(browser, path);
});
