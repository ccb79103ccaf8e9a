// How a misbehaving server is told what to do, and what it remembers: POST and GET /control.
//
// POST one step or an array of steps: {"mode": NAME, "times": N, ...parameters}.
//   with "times":    the next N matching requests get this mode, after those already scripted;
//   without it:      the mode of every request from now on; what was scripted is dropped.
// POST {"reset": true} forgets the records too and goes back to the mode of the start.
// POST {"go": true} ends the delays of what is being answered.
// An unknown mode or parameter is a 400: a typing error must not look like a passing test.
import { createHash } from 'node:crypto';
import { parseJson, readBody, sendJson } from './http.js';

export const sha256 = (data) => createHash('sha256').update(data).digest('hex');

export class Control {
  // modes: names; parameters: what a step may carry; first: the mode of the start;
  // keep: how many records to hold (the count goes on); checkMore: what else throws at a step.
  constructor({ modes, parameters, first, keep = 10000, checkMore = () => {} }) {
    Object.assign(this, { modes: new Set(modes), parameters: new Set(parameters), first, keep,
      checkMore });
    this.reset();
    this.go();
  }

  go() {
    this.going?.end();
    const going = {};
    going.ended = new Promise((resolve) => { going.end = resolve; });
    this.going = going;
  }

  reset() {
    this.standing = { ...this.first };
    this.script = [];
    this.count = 0;
    this.counts = {};
    this.requests = [];
  }

  check(step) {
    if (step === null || typeof step !== 'object')
      throw new Error('a step is an object');
    if (!this.modes.has(step.mode))
      throw new Error(`mode: got ${step.mode}, expected one of ${[...this.modes].join(' ')}`);
    if (step.times !== undefined && !(Number.isInteger(step.times) && step.times > 0))
      throw new Error('times: a positive integer');
    for (const key of Object.keys(step))
      if (key !== 'mode' && key !== 'times' && !this.parameters.has(key))
        throw new Error(`unknown parameter ${key}`);
    this.checkMore(step);
  }

  apply(order) {
    if (order?.reset === true)
      return this.reset();
    if (order?.go === true)
      return this.go();
    const steps = Array.isArray(order) ? order : [order];
    steps.forEach((step) => this.check(step)); // check everything, then change
    for (const step of steps) {
      if (step.times !== undefined) {
        this.script.push({ ...step });
      } else {
        this.script = [];
        this.standing = { ...step };
      }
    }
  }

  // The step for a request: the first scripted one that matches it, else the standing one, else
  // `pass`: steps limited to other methods or paths don't concern this request.
  next(matches) {
    const step = this.script.find(matches);
    if (step) {
      if (--step.times === 0)
        this.script.splice(this.script.indexOf(step), 1);
      return step;
    }
    return matches(this.standing) ? this.standing : { mode: 'pass' };
  }

  record(key, entry) {
    const stored = { n: ++this.count, at: Date.now(), ...entry };
    this.counts[key] = (this.counts[key] ?? 0) + 1;
    this.requests.push(stored);
    if (this.requests.length > this.keep)
      this.requests.shift();
    return stored;
  }

  status() {
    const { standing, script, count, counts, requests } = this;
    return { mode: standing.mode, standing, script, count, counts, requests };
  }

  // Answers /control; false when the request is another one.
  async serve(req, res, extra = {}) {
    if (new URL(req.url, 'http://x').pathname !== '/control')
      return false;
    if (req.method === 'POST') {
      const order = parseJson((await readBody(req)).toString());
      try {
        this.apply(order);
      } catch (e) {
        sendJson(res, 400, { error: e.message });
        return true;
      }
    }
    // A POST is answered without the records: they can be large, and nobody reads them there.
    const { requests, ...rest } = this.status();
    sendJson(res, 200, { ...rest, ...extra, ...(req.method === 'GET' && { requests }) });
    return true;
  }
}
