// A rig as these cases use it: what they sign is made by the probe, in C.
import { randomBytes } from 'node:crypto';
import { startRig } from '../../rig/testing.js';
import { dir, file, probe } from './tap.mjs';

export const NAMES = { 8453: 'base', 84532: 'base-sepolia' };
export const randomHash = () => `0x${randomBytes(32).toString('hex')}`;
export const randomAddress = async () => {
  const { getAddress } = await import('viem');
  return getAddress(`0x${randomBytes(20).toString('hex')}`);
};

export class Rig {
  constructor(started) {
    Object.assign(this, started);
    this.name = NAMES[this.rig.chainId];
    this.payouts = 0;
  }

  // The chain's clock: it is warped, and only goes forward.
  async now() {
    return (await this.chain.block()).timestamp;
  }

  // A signed body in a file: { path, text, json, to, value, nonce, validBefore }.
  async sign({ version = 2, to, value = 10000, validAfter = 0, validBefore, nonce = randomHash(),
    key = this.rig.treasuryKey } = {}) {
    to ??= await randomAddress();
    validBefore ??= Math.max(await this.now(), Math.floor(Date.now() / 1000)) + 3600;
    const made = await probe('sign', version, this.name, key, to, value, validAfter, validBefore,
      nonce, ++this.payouts);
    if (made.code !== 0)
      throw new Error(`sign: ${made.err}`);
    return { path: file(made.out), text: made.out, json: JSON.parse(made.out), to, value, nonce,
      validBefore };
  }

  // sent: how many of them are sent at all, when the facilitator asks for a long pause.
  async settle(made, { url = this.rig.facilitator, atOnce = 1, timeoutMs = 20000, again = '',
    cdpId = '', cdpFile = '', sent = [made].flat().length } = {}) {
    const paths = [made].flat().map((m) => m.path);
    const { json, err, code } = await probe('settle', url, this.name, atOnce, timeoutMs, again,
      cdpId, cdpFile, ...paths);
    if (code !== 0 || json.length !== sent)
      throw new Error(`settle: ${json.length} answers: ${err}`);
    return Array.isArray(made) ? json.sort((a, b) => a.index - b.index) : json[0];
  }

  async judge(made, { rpcs = this.rig.rpc, finality = 'finalized', from = 0, hint = '' } = {}) {
    const paths = [made].flat().map((m) => m.path);
    const { json, err, code } = await probe('judge', rpcs, this.name, finality, from, hint,
      ...paths);
    if (code !== 0 || json.length !== paths.length)
      throw new Error(`judge: ${json.length} verdicts: ${err}`);
    return Array.isArray(made) ? json : json[0];
  }

  // Blocks enough that what is in the latest one now is finalized.
  finalize() {
    return this.chain.mine(5);
  }
}

export async function withRig(chainId, run, args = []) {
  const started = await startRig(['--chain-id', String(chainId), ...args]);
  try {
    await run(new Rig(started));
  } finally {
    started.chain.close();
    await started.stop();
  }
}

export { dir };
