// What is fixed: chains, USDC's addresses and EIP-712 domains, the keys that every anvil knows.
import { readFileSync } from 'node:fs';

const fixed = JSON.parse(readFileSync(new URL('token.json', import.meta.url), 'utf8'));

// The domain name differs per chain; a signature made with the other one is worthless.
export const CHAINS = {
  8453: {
    network: 'eip155:8453',
    networkV1: 'base',
    token: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
    tokenName: 'USD Coin',
    domainSeparator: '0x02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f',
  },
  84532: {
    network: 'eip155:84532',
    networkV1: 'base-sepolia',
    token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
    tokenName: 'USDC',
    domainSeparator: '0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818',
  },
  // No production token here, so no separator to compare with, and x402 v1 has no name for it.
  31337: {
    network: 'eip155:31337',
    networkV1: null,
    token: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
    tokenName: 'USDC',
    domainSeparator: null,
  },
};

export const TOKEN_VERSION = '2';

// Where nearly every chain has it; what /verify of a facilitator asks to explain a failed simulation.
export const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11';

// TEST KEYS, public: the development accounts of anvil's (and hardhat's) standard mnemonic.
// Whoever sends real money to one of these addresses loses it within seconds.
export const TEST_ACCOUNTS = {
  facilitator: { // account 0: pays the gas of settlements
    address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
    key: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  },
  treasury: { // account 1: pays the workers unless --treasury names another
    address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
    key: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  },
  poor: { // account 2: never gets a token
    address: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
    key: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  },
  stranger: { // account 8: transactions that aren't ours; its key stays inside anvil
    address: fixed.stranger,
  },
  admin: { // account 9: mints, blacklists, pauses; its key stays inside anvil
    address: fixed.admin,
  },
};

// Selectors and topics, so that chain.js needs no package; rig.test.js checks them. The two
// functions with authorizations are those with v, r, s. t/lib/PayoutTest.pm reads the same file.
export const { SELECTOR, TOPIC } = fixed;
