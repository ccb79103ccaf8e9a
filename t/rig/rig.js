// A real chain, a token at USDC's address and a real x402 facilitator, for one test or one demo.
//
//   node rig.js --dir DIR [--chain-id 84532|8453|31337] [options, see README]
//
// Writes DIR/rig.json when all is ready, prints "rig ready", and stays until it is told to stop.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeFunctionData, getAddress } from 'viem';
import { startAnvil } from './anvil.js';
import { Chain } from './chain.js';
import { startFacilitator } from './facilitator.js';
import { startScripted } from './facilitator-scripted.js';
import { CHAINS, MULTICALL3, SELECTOR, TEST_ACCOUNTS, TOKEN_VERSION } from './facts.js';
import { endWithParent, integer, writeAtomically } from './lifecycle.js';
import { startRpcProxy } from './rpc-proxy.js';
import { compileToken, multicall3CreationCode } from './token.js';

const OPTIONS = {
  dir: { type: 'string' },
  'chain-id': { type: 'string', default: '84532' },
  treasury: { type: 'string' },
  fund: { type: 'string', default: '1000000000' }, // micro-USDC
  token: { type: 'string' },
  'token-name': { type: 'string' },
  'block-time': { type: 'string' },
  'no-mining': { type: 'boolean', default: false },
  'slots-in-an-epoch': { type: 'string', default: '2' },
  racy: { type: 'boolean', default: false },
  'verify-first': { type: 'boolean', default: false },
  'confirmation-timeout': { type: 'string', default: '180000' },
  'rpc-port': { type: 'string', default: '0' },
  'facilitator-port': { type: 'string', default: '0' },
  'scripted-port': { type: 'string', default: '0' },
  'rpc-proxy-port': { type: 'string', default: '0' },
  nodes: { type: 'string', default: '3' },
  stdin: { type: 'boolean', default: false },
  'no-parent-watch': { type: 'boolean', default: false },
};

function readOptions() {
  const { values } = parseArgs({ options: OPTIONS });
  if (!values.dir)
    throw new Error('--dir DIR is missing');
  const chain = CHAINS[values['chain-id']];
  if (!chain)
    throw new Error(`--chain-id: got ${values['chain-id']}, expected ${Object.keys(CHAINS)}`);
  const number = (name, limits) => integer(values[name], `--${name}`, limits);
  const port = (name) => number(name, { max: 65535 });
  return {
    dir: values.dir,
    chainId: Number(values['chain-id']),
    chain,
    token: getAddress(values.token ?? chain.token),
    tokenName: values['token-name'] ?? chain.tokenName,
    ownTreasury: values.treasury !== undefined,
    treasury: getAddress(values.treasury ?? TEST_ACCOUNTS.treasury.address),
    fund: number('fund'),
    blockTime: values['block-time'] && number('block-time', { min: 1 }),
    mining: !values['no-mining'],
    slotsInEpoch: number('slots-in-an-epoch', { min: 1 }),
    racy: values.racy,
    verifyFirst: values['verify-first'],
    confirmationTimeoutMs: number('confirmation-timeout', { min: 1 }),
    ports: {
      rpc: port('rpc-port'),
      facilitator: port('facilitator-port'),
      scripted: port('scripted-port'),
      rpcProxy: port('rpc-proxy-port'),
    },
    nodes: number('nodes', { min: 1, max: 100 }),
    stdin: values.stdin,
    watchParent: !values['no-parent-watch'],
  };
}

// The code goes to USDC's own address, so that the programs under test use production's constants.
async function placeContracts(chain, o) {
  const { abi, code } = compileToken();
  await chain.setCode(o.token, code);
  await chain.send({
    to: o.token,
    data: encodeFunctionData({ abi, functionName: 'initialize', args: [o.tokenName] }),
  });
  // Creation code, called and not sent, returns the code to place.
  const creation = { data: await multicall3CreationCode() };
  await chain.setCode(MULTICALL3, await chain.rpc('eth_call', [creation]));
  const separator = await chain.call(SELECTOR.DOMAIN_SEPARATOR);
  // Unless somebody asked for a wrong domain on purpose.
  const production = o.token === o.chain.token && o.tokenName === o.chain.tokenName;
  if (production && o.chain.domainSeparator && separator !== o.chain.domainSeparator)
    throw new Error(`DOMAIN_SEPARATOR: got ${separator}, expected ${o.chain.domainSeparator}`);
  if (o.fund > 0)
    await chain.mint(o.treasury, o.fund);
  // So that `finalized` (2 epochs behind) already knows the token.
  await chain.mine(2 * o.slotsInEpoch);
  return separator;
}

// Starts the parts in their order; `started` collects how to stop them, also when a later one fails.
async function start(o, started) {
  mkdirSync(o.dir, { recursive: true, mode: 0o700 });
  rmSync(join(o.dir, 'rig.json'), { force: true }); // of an earlier rig that was killed
  const anvil = await startAnvil({
    logFile: join(o.dir, 'anvil.log'), chainId: o.chainId, port: o.ports.rpc,
    slotsInEpoch: o.slotsInEpoch, onSpawn: (stop) => started.push(stop),
  });
  const chain = new Chain({ rpc: anvil.url, token: o.token });
  started.push(() => chain.close());
  const domainSeparator = await placeContracts(chain, o);
  // Only now: until here a block per transaction, at once.
  if (!o.mining)
    await chain.setAutomine(false);
  else if (o.blockTime)
    await chain.setBlockTime(o.blockTime);

  const facilitatorRpc = await startRpcProxy({ upstream: anvil.url, token: o.token });
  started.push(facilitatorRpc.close);
  const facilitator = await startFacilitator({
    rpcUrl: facilitatorRpc.url, chainId: o.chainId, network: o.chain.network,
    networkV1: o.chain.networkV1, key: TEST_ACCOUNTS.facilitator.key, racy: o.racy,
    verifyFirst: o.verifyFirst, confirmationTimeoutMs: o.confirmationTimeoutMs,
    port: o.ports.facilitator,
  });
  started.push(facilitator.close);
  const scripted = await startScripted({
    upstream: facilitator.url, rpc: anvil.url, port: o.ports.scripted,
  });
  started.push(scripted.close);
  const nodes = await Promise.all(Array.from({ length: o.nodes }, (_, i) => startRpcProxy({
    upstream: anvil.url, token: o.token, port: i === 0 ? o.ports.rpcProxy : 0 })));
  started.push(...nodes.map((node) => node.close));

  return { anvil, rig: {
    rpc: anvil.url,
    rpcProxy: nodes[0].url,
    nodes: nodes.map((node) => node.url),
    facilitator: facilitator.url,
    scripted: scripted.url,
    facilitatorRpc: facilitatorRpc.url,
    chainId: o.chainId,
    network: o.chain.network,
    networkV1: o.chain.networkV1,
    token: o.token,
    tokenName: o.tokenName,
    tokenVersion: TOKEN_VERSION,
    domainSeparator,
    treasury: o.treasury,
    ...(!o.ownTreasury && { treasuryKey: TEST_ACCOUNTS.treasury.key }),
    facilitatorAddress: TEST_ACCOUNTS.facilitator.address,
    pid: process.pid,
    anvilPid: anvil.pid,
    dir: o.dir,
  } };
}

async function main() {
  const o = readOptions();
  const file = join(o.dir, 'rig.json');
  const started = [];
  let stopped = false;
  const stop = async () => {
    stopped = true;
    rmSync(file, { force: true });
    for (const end of started.splice(0).reverse())
      await end();
  };
  const end = endWithParent(stop, o);
  try {
    const { anvil, rig } = await start(o, started);
    if (stopped)
      return; // told to end while starting
    anvil.exited.then((how) => {
      if (started.length)
        process.stderr.write(`rig: anvil ended by itself (${how})\n`);
      end('anvil ended', 1);
    });
    writeAtomically(file, `${JSON.stringify(rig, null, 2)}\n`);
    process.stdout.write('rig ready\n');
  } catch (e) {
    if (!stopped)
      process.stderr.write(`rig: ${e.message}\n`);
    await end('start failed', 1);
  }
}

main().catch((e) => {
  process.stderr.write(`rig: ${e.message}\n`);
  process.exitCode = 2;
});
