// When Chromium, which has nothing of it yet, shows a page: ms from the start of
// the request to the first frame after all of it is loaded.
// usage: node shown.mjs CHROMIUM URL
import { chromium } from 'playwright-core';

const [program, url] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: program,
	args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();

await page.goto('about:blank');
await page.goto(url, { waitUntil: 'load' });
const ms = await page.evaluate(() => new Promise((done) =>
	requestAnimationFrame(() => setTimeout(() => done(performance.now())))));
console.log(Math.round(ms));
await browser.close();
