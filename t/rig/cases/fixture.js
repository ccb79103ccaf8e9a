// What all cases share: a rig per chain, started once.
import { after } from 'node:test';
import { TEST_ACCOUNTS } from '../facts.js';
import { startRig } from '../testing.js';

export const CHAIN_IDS = [84532, 8453];
export const HASH = /^0x[0-9a-f]{64}$/;
export const treasury = TEST_ACCOUNTS.treasury.address;

// A receipt that doesn't come within 1.5 s is "pending" here, and not only after 3 minutes.
export const rigs = Object.fromEntries(await Promise.all(CHAIN_IDS.map(async (id) =>
  [id, await startRig(['--chain-id', String(id), '--confirmation-timeout', '1500'])])));
export const main = rigs[84532];
export const pids = Object.values(rigs).flatMap(({ rig }) => [rig.pid, rig.anvilPid]);

export const stopRigs = () => Promise.all(Object.values(rigs).map((r) => {
  r.chain.close();
  return r.stop();
}));
after(stopRigs);

export const balance = async (chain, address) => Number(await chain.balanceOf(address));
