// Signed x402 bodies, made by viem: an independent second opinion on what worknet-payout makes.
import { randomBytes } from 'node:crypto';
import { privateKeyToAccount } from 'viem/accounts';
import { CHAINS, TOKEN_VERSION } from './facts.js';

const TYPES = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
  CancelAuthorization: [
    { name: 'authorizer', type: 'address' },
    { name: 'nonce', type: 'bytes32' },
  ],
};

export const nowS = () => Math.floor(Date.now() / 1000);
export const randomNonce = () => `0x${randomBytes(32).toString('hex')}`;

export function domainOf({ chainId, token, tokenName }) {
  const chain = CHAINS[chainId];
  return {
    name: tokenName ?? chain.tokenName,
    version: TOKEN_VERSION,
    chainId,
    verifyingContract: token ?? chain.token,
  };
}

// EIP-712 over EIP-3009's struct; all integers of the result are decimal strings, as on the wire.
export async function signAuthorization({ key, domain, to, value, validAfter = 0, validBefore,
  nonce = randomNonce() }) {
  const account = privateKeyToAccount(key);
  const authorization = {
    from: account.address,
    to,
    value: String(value),
    validAfter: String(validAfter),
    validBefore: String(validBefore ?? nowS() + 300),
    nonce,
  };
  const signature = await account.signTypedData({
    domain,
    types: { TransferWithAuthorization: TYPES.TransferWithAuthorization },
    primaryType: 'TransferWithAuthorization',
    message: {
      ...authorization,
      value: BigInt(authorization.value),
      validAfter: BigInt(authorization.validAfter),
      validBefore: BigInt(authorization.validBefore),
    },
  });
  return { signature, authorization };
}

export function signCancellation({ key, domain, nonce }) {
  const account = privateKeyToAccount(key);
  return account.signTypedData({
    domain,
    types: { CancelAuthorization: TYPES.CancelAuthorization },
    primaryType: 'CancelAuthorization',
    message: { authorizer: account.address, nonce },
  });
}

const RESOURCE = {
  url: 'https://payout.example/1', description: 'payout', mimeType: 'application/json',
};

export function bodyV2({ chainId, domain, signed, payTo, amount }) {
  const { to, value } = signed.authorization;
  const requirements = {
    scheme: 'exact',
    network: CHAINS[chainId].network,
    amount: String(amount ?? value),
    asset: domain.verifyingContract,
    payTo: payTo ?? to,
    maxTimeoutSeconds: 300,
    extra: { name: domain.name, version: domain.version },
  };
  return {
    x402Version: 2,
    paymentPayload: { x402Version: 2, resource: RESOURCE, accepted: requirements, payload: signed },
    paymentRequirements: requirements,
  };
}

export function bodyV1({ chainId, domain, signed, payTo, amount }) {
  const { to, value } = signed.authorization;
  const network = CHAINS[chainId].networkV1;
  return {
    x402Version: 1,
    paymentPayload: { x402Version: 1, scheme: 'exact', network, payload: signed },
    paymentRequirements: {
      scheme: 'exact',
      network,
      maxAmountRequired: String(amount ?? value),
      resource: RESOURCE.url,
      description: RESOURCE.description,
      mimeType: RESOURCE.mimeType,
      payTo: payTo ?? to,
      maxTimeoutSeconds: 300,
      asset: domain.verifyingContract,
      extra: { name: domain.name, version: domain.version },
    },
  };
}

export const BODY = { 1: bodyV1, 2: bodyV2 };
