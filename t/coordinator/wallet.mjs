// A wallet in a real browser, in TAP for wallet.t: viem's account behind a
// provider of EIP-1193 that announces itself as EIP-6963 says.
// usage: node wallet.mjs ORIGIN CHROMIUM SCREENSHOTS|'' KEY
// Where the operator or the worker is to do something it says "# now WHAT", and
// goes on after a line of standard input.
import { createInterface } from 'node:readline/promises';
import { hexToString } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage, parseSiweMessage,
	validateSiweMessage } from 'viem/siwe';
import { by_keyboard, is, listen, look_at, with_browser } from './look.mjs';

const [origin, program, shots, key] = process.argv.slice(2);
const account = privateKeyToAccount(key);
const lines = createInterface({ input: process.stdin });
const input = lines[Symbol.asyncIterator]();
const hostile = '<img src=x onerror=alert(1)>'.repeat(3);
let says_no = false;

async function now(what) {
	console.log(`# now ${what}`);
	await input.next();
}

// What the wallet does of what the page asks.
async function wallet(method, params) {
	if (method === 'eth_requestAccounts')
		return [account.address];
	if (says_no || method !== 'personal_sign')
		return { code: says_no ? 4001 : 4200, message: 'no' };
	const text = hexToString(params[0]);
	const message = parseSiweMessage(text);
	is(createSiweMessage(message).replaceAll('.000Z', 'Z'), text,
		'the wallet is asked to sign what viem makes of EIP-4361, too');
	is(validateSiweMessage({ address: account.address, message,
		domain: new URL(origin).host, time: new Date() }), true,
	'... for its address, for this host, for now');
	is(params[1].toLowerCase(), account.address.toLowerCase(),
		'... with its account');
	return account.signMessage({ message: text });
}

function provide(hostile_name) {
	const provider = { request: async ({ method, params }) => {
		const answer = await window.walletAsked(method, params || []);
		if (answer && answer.code)
			throw Object.assign(new Error(answer.message), answer);
		return answer;
	} };
	const others = { request: async () => { throw new Error('not this one'); } };
	const announce = () => {
		for (const [name, p] of [['viem', provider], [hostile_name, others]])
			window.dispatchEvent(new CustomEvent('eip6963:announceProvider',
				{ detail: Object.freeze({ provider: p, info: { name,
					uuid: name, icon: 'https://evil.example/icon.svg',
					rdns: 'x' } }) }));
	};
	window.addEventListener('eip6963:requestProvider', announce);
}

const said = (page) => page.locator('#join-said');
const state = (page) => page.locator('#join-state');

// The line says so before long.
async function comes(locator, text, name) {
	await locator.filter({ hasText: text }).waitFor({ timeout: 60000 })
		.catch(() => {});
	is([name, (await locator.textContent()).includes(text)], [name, true], name);
}

async function sign(page) {
	await page.getByRole('button', { name: 'Sign with viem' }).focus();
	await page.keyboard.press('Enter');
}

async function joins(page) {
	await page.goto(`${origin}/join`);
	is(await page.getByRole('button').allTextContents(), ['Sign with viem',
		`Sign with ${hostile.slice(0, 40)}`], 'each wallet has a button');
	await by_keyboard(page);
	await page.getByLabel('Region').fill('eu <b>');
	await sign(page);
	await comes(said(page), 'A region is', 'what is no region isn\'t asked with');
	await page.getByLabel('Region').fill('eu-west');
	says_no = true;
	await sign(page);
	await comes(said(page), 'You said no', 'who says no in the wallet is told so');
	says_no = false;
	await sign(page);
	await comes(state(page), 'It has asked to be admitted',
		'who signs is told that it waits for the operator');
	is((await page.locator('.of-region').allTextContents()).join(),
		'eu-west,eu-west', '... has commands with its region');
	is(await page.locator('#join-page').getAttribute('href'),
		`/worker/${account.address}`, '... and its page');
	await comes(page.locator('#join-gets'), 'payable 1 s after each credit',
		'... and is told what it gets');
	await look_at(page, '/join, signed', 'join-signed', shots);
}

await with_browser(program, async (browser) => {
	const context = await browser.newContext();
	const page = await context.newPage();
	const wrong = [];

	listen(page, origin, wrong);
	await page.clock.install();
	await page.exposeFunction('walletAsked', wallet);
	await page.addInitScript(provide, hostile);
	await joins(page);
	await now('admit');
	await page.clock.fastForward(11000);
	await comes(state(page), 'The operator has admitted it',
		'the page tells when the operator has admitted it');
	await now('work');
	await page.clock.fastForward(11000);
	await comes(state(page), 'It was given work', '... and when it works');
	await page.locator('#join-page').click();
	await page.waitForURL(`${origin}/worker/${account.address}`);
	is(await page.locator('tr', { hasText: 'Earned' }).locator('td').first()
		.textContent(), '0.001000', 'its page has what it earned');
	await now('pay');
	const paid = page.locator('td.hash a').first();
	for (let i = 0; i < 60 && await paid.count() === 0; i++) {
		await page.clock.fastForward(61000);
		await new Promise((r) => setTimeout(r, 1000));
	}
	is([await page.locator('tr', { hasText: 'as the chain shows' }).locator('td')
		.first().textContent(), await page.locator('tr', { has: paid })
		.locator('td').nth(4).textContent()], ['0.001000', 'final'],
	'... then, by itself, what it was paid');
	is(/^https:\/\/sepolia\.basescan\.org\/tx\/0x[0-9a-f]{64}$/.test(
		await paid.getAttribute('href')), true, '... and its transaction');
	await look_at(page, '/worker, paid', 'worker-paid', shots);
	is(wrong, [], 'nothing is refused, and nothing comes from elsewhere');
	is(await context.cookies(), [], '... and there is no cookie');
	await context.close();
});
lines.close();
