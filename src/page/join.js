// The page /join: a wallet (EIP-1193, found by EIP-6963) signs that its address
// wants to work here (EIP-4361), and what became of it is shown from then on.
// All text of others goes through textContent.
'use strict';

(() => {
const NAME_MAX = 40; // of a wallet: whatever it calls itself
const AGAIN_MS = 10000;
const REGION = /^[A-Za-z0-9._-]{0,32}$/;
const STATES = {
	open: 'Everybody may work here: start the worker.',
	waiting: 'It has asked to be admitted. The operator reads that, and ' +
		'the answer is shown here and on its page.',
	admitted: 'The operator has admitted it: start the worker.',
	suspended: 'The operator has suspended it: it is given nothing.',
	unknown: 'The operator has not admitted it.',
};

const part = (id) => document.getElementById(id);
const api = part('wallet').dataset.api;
const wallets = new Map(); // providers, by what they call themselves
let again;

function say(text, isWrong) {
	part('join-said').textContent = text;
	part('join-said').className = isWrong ? 'down' : '';
}

// The answer's JSON; an error says what the coordinator said.
async function ask(path, body) {
	const answer = await fetch(api + path, body === undefined ? { cache: 'no-cache' } : {
		method: 'POST', headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify(body) });
	const said = await answer.json().catch(() => ({}));

	if (!answer.ok)
		throw new Error(said.error || `status ${answer.status}`);
	return said;
}

function hex(text) {
	return '0x' + [...new TextEncoder().encode(text)].map((byte) =>
		byte.toString(16).padStart(2, '0')).join('');
}

function usdc(micros) {
	return `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}`;
}

// As pages write spans: in the largest unit that gives a whole number.
function span(ms) {
	const [unit, name] = [[86400000, 'd'], [3600000, 'h'], [60000, 'min'],
		[1000, 's'], [1, 'ms']].find(([n]) => ms >= n && ms % n === 0);

	return `${ms / unit} ${name}`;
}

function gets(is) {
	const after = is.payableAfterMs === 0 ? 'at once'
		: `${span(is.payableAfterMs)} after each credit`;

	return `What it earns at first is payable ${after}` +
		(is.thresholdMicros === null ? '.'
			: `, and sent from ${usdc(is.thresholdMicros)} USDC on.`);
}

function show(is, region) {
	const link = part('join-page');

	part('join-address').textContent = is.address;
	link.href = `/worker/${is.address}`;
	part('join-state').textContent = is.works
		? 'It was given work: its page has all that it earned.'
		: STATES[is.state] || is.state;
	part('join-gets').textContent = gets(is);
	if (region !== '')
		for (const span of document.querySelectorAll('.of-region'))
			span.textContent = region;
	part('join-result').hidden = false;
	clearTimeout(again);
	if (!is.works)
		again = setTimeout(look, AGAIN_MS, is.address, region);
}

// What became of it; a coordinator that doesn't answer is asked again.
async function look(address, region) {
	try {
		show(await ask(`/v1/join/${address}`), region);
	} catch (error) {
		again = setTimeout(look, AGAIN_MS, address, region);
	}
}

async function join(provider) {
	const region = part('join-region').value.trim();

	if (!REGION.test(region))
		throw new Error('A region is up to 32 of A-Z a-z 0-9 . _ -');
	say('The wallet asks you for an account ...');
	const [account] = await provider.request({
		method: 'eth_requestAccounts' });
	const text = await ask(`/v1/join/text?address=${account}` +
		`&region=${region}`);
	say('The wallet shows you what you sign ...');
	const signature = await provider.request({ method: 'personal_sign',
		params: [hex(text.message), account] });
	const is = await ask('/v1/join', { address: text.address, region,
		nonce: text.nonce, issuedAtMs: text.issuedAtMs, signature });
	say('Signed, and received.');
	show(is, region);
}

async function pressed(button, provider) {
	button.disabled = true;
	try {
		await join(provider);
	} catch (error) {
		// 4001: its owner said no (EIP-1193).
		say(error.code === 4001 ? 'You said no in the wallet.'
			: String(error.message || error).slice(0, 300), true);
	}
	button.disabled = false;
	button.focus();
}

function offer(name, provider) {
	if (wallets.has(provider))
		return;
	const button = document.createElement('button');

	wallets.set(provider, button);
	button.type = 'button';
	button.textContent = `Sign with ${name.slice(0, NAME_MAX)}`;
	button.addEventListener('click', () => pressed(button, provider));
	part('join-wallets').append(button);
	part('join-none').hidden = true;
}

window.addEventListener('eip6963:announceProvider', (event) => {
	const { info, provider } = event.detail || {};

	if (provider && typeof provider.request === 'function')
		offer(String((info && info.name) || 'a wallet'), provider);
});
part('wallet').hidden = false;
window.dispatchEvent(new Event('eip6963:requestProvider'));
// One that doesn't announce itself.
if (wallets.size === 0 && window.ethereum &&
    typeof window.ethereum.request === 'function')
	offer('the wallet of this browser', window.ethereum);
})();
