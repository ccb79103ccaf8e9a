// Compiles TestUSDC.sol with solc from npm. A second each time, so the result is kept under
// node_modules/.cache, named by the hash of the source and the compiler's version.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { sha256 } from './control.js';
import { writeAtomically } from './lifecycle.js';

const require = createRequire(import.meta.url);
const SOURCE = fileURLToPath(new URL('TestUSDC.sol', import.meta.url));
const CACHE = fileURLToPath(new URL('../node_modules/.cache/worknet-rig', import.meta.url));
const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: 'cancun',
  outputSelection: { '*': { '*': ['abi', 'evm.deployedBytecode.object', 'evm.methodIdentifiers'] } },
};

function compile(source) {
  const solc = require('solc');
  const output = JSON.parse(solc.compile(JSON.stringify({
    language: 'Solidity', sources: { 'TestUSDC.sol': { content: source } }, settings: SETTINGS,
  })));
  const errors = (output.errors ?? []).filter((e) => e.severity === 'error');
  if (errors.length)
    throw new Error(errors.map((e) => e.formattedMessage).join('\n'));
  const contract = output.contracts['TestUSDC.sol'].TestUSDC;
  return {
    abi: contract.abi,
    code: `0x${contract.evm.deployedBytecode.object}`,
    selectors: contract.evm.methodIdentifiers,
  };
}

// { abi, code: what goes to anvil_setCode, selectors: { 'name(types)': hex without 0x } }
export function compileToken() {
  const source = readFileSync(SOURCE, 'utf8');
  const version = require('solc/package.json').version;
  const path = join(CACHE, `${sha256(source + version + JSON.stringify(SETTINGS))}.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    const token = compile(source);
    try {
      mkdirSync(CACHE, { recursive: true });
      writeAtomically(path, JSON.stringify(token));
    } catch {
      // A read-only tree only costs the second again.
    }
    return token;
  }
}

// Multicall3's creation code. viem ships it but doesn't export it; its version is pinned.
export async function multicall3CreationCode() {
  const viem = dirname(require.resolve('viem/package.json'));
  const file = pathToFileURL(join(viem, '_esm', 'constants', 'contracts.js'));
  return (await import(file.href)).multicall3Bytecode;
}
