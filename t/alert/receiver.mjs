// Receivers of alerts for alerts.t, on loopback: POST /NAME. What they do is
// said by the file DIR/NAME when a request comes: "200", "429 7" (with
// Retry-After), "302" (to /other), "hang", "close"; without the file it is 204.
// Each request is a line of JSON in DIR/log, with which of the secrets of
// DIR/secrets.json ({NAME: [SECRET]}) its signatures are made: as a receiver
// does it by the text of Standard Webhooks, with node's own HMAC.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const dir = process.argv[2];

function read(name, otherwise) {
	return existsSync(`${dir}/${name}`) ?
	    readFileSync(`${dir}/${name}`, 'utf8').trim() : otherwise;
}

function verified(secret, headers, body) {
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const text = headers['webhook-id'] + '.' +
	    headers['webhook-timestamp'] + '.';
	const mac = createHmac('sha256', key).update(text).update(body)
	    .digest();

	return (headers['webhook-signature'] ?? '').split(' ').some((part) => {
		const [version, signature] = part.split(',');
		const bytes = Buffer.from(signature ?? '', 'base64');

		return version === 'v1' && bytes.length === mac.length &&
		    timingSafeEqual(bytes, mac);
	});
}

const server = createServer((request, response) => {
	const name = request.url.slice(1), parts = [];

	request.on('data', (part) => parts.push(part));
	request.on('end', () => {
		const body = Buffer.concat(parts);
		const all = JSON.parse(read('secrets.json', '{}'));
		const secrets = all[name] ?? [];
		const [mode, after] = read(name, '204').split(' ');

		appendFileSync(`${dir}/log`, JSON.stringify({ name,
		    method: request.method, headers: request.headers,
		    body: body.toString('utf8'), at: Date.now(), verified:
		    secrets.map((s) => verified(s, request.headers, body)) }) +
		    '\n');
		if (mode === 'hang')
			return;
		if (mode === 'close') {
			request.socket.destroy();
			return;
		}
		response.statusCode = Number(mode);
		if (after !== undefined)
			response.setHeader('Retry-After', after);
		if (mode === '302')
			response.setHeader('Location', '/other');
		response.end(mode === '204' ? undefined : 'x'.repeat(100000));
	});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
