// The real x402 facilitator (@x402/core, @x402/evm) behind node's http server: v2 and, where the
// chain has a v1 name, v1 bodies. Answers 200 for every outcome of the scheme, 400 for a body
// without the two parts, 500 for what the library throws.
import { x402Facilitator } from '@x402/core/facilitator';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/facilitator';
import { createNonceManager, createWalletClient, defineChain, http, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { jsonRpc } from 'viem/nonce';
import { sha256 } from './control.js';
import { parseJson, readBody, sendJson, serve } from './http.js';

const ABORTED = 'Settlement aborted: ';

function makeSigner({ rpcUrl, chainId, key, racy, confirmationTimeoutMs }) {
  const nonceManager = racy ? undefined : createNonceManager({ source: jsonRpc() });
  const account = privateKeyToAccount(key, { nonceManager });
  const client = createWalletClient({
    account,
    chain: defineChain({
      id: chainId,
      name: 'rig',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [rpcUrl] } },
    }),
    transport: http(rpcUrl),
    pollingInterval: 50, // how soon a mined receipt is seen; viem's 4 s would slow every test
  }).extend(publicActions);
  const send = (args) => client.writeContract({ ...args, args: args.args ?? [] });
  // viem's manager never goes back: after evm_revert (a reorganisation), or a settlement that takes
  // a number and is then refused by eth_estimateGas, it would leave a gap, and every later
  // transaction would wait in the pool for ever. So they go to the node one after the other, each
  // with the node's own count; only their receipts are waited for together.
  let sent = Promise.resolve();
  const writeContract = (args) => {
    if (racy)
      return send(args);
    const hash = sent.then(() => {
      nonceManager.reset({ address: account.address, chainId });
      return send(args);
    });
    sent = hash.catch(() => {});
    return hash;
  };
  return toFacilitatorEvmSigner({
    address: account.address,
    getCode: (args) => client.getCode(args),
    readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
    verifyTypedData: (args) => client.verifyTypedData(args),
    writeContract,
    sendTransaction: (args) => client.sendTransaction(args),
    waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
  }, { confirmationTimeoutMs });
}

// Some facilitators settle only what they have verified before, and know it by this hash.
function requireVerifyFirst(facilitator) {
  const verified = new Set();
  const id = ({ paymentPayload }) => sha256(JSON.stringify(paymentPayload));
  facilitator.onAfterVerify(async (context) => { verified.add(id(context)); });
  facilitator.onBeforeSettle(async (context) => (verified.has(id(context)) ? undefined
    : { abort: true, reason: 'Payment must be verified before settlement' }));
}

async function carryOut(facilitator, action, req, res) {
  const body = parseJson((await readBody(req)).toString());
  if (!body?.paymentPayload || !body?.paymentRequirements)
    return sendJson(res, 400, { error: 'Missing paymentPayload or paymentRequirements' });
  try {
    const answer = await facilitator[action](body.paymentPayload, body.paymentRequirements);
    return sendJson(res, 200, answer);
  } catch (e) {
    // A hook's abort has neither a hash nor a network: the shape of the reference servers.
    if (e.message.startsWith(ABORTED))
      return sendJson(res, 200, {
        success: false, errorReason: e.message.slice(ABORTED.length), network: 'unknown',
      });
    return sendJson(res, 500, { error: e.message });
  }
}

export async function startFacilitator({ rpcUrl, chainId, network, networkV1, key, racy = false,
  confirmationTimeoutMs = 180000, verifyFirst = false, port = 0 }) {
  const signer = makeSigner({ rpcUrl, chainId, key, racy, confirmationTimeoutMs });
  const facilitator = new x402Facilitator().register(network, new ExactEvmScheme(signer));
  if (networkV1)
    facilitator.registerV1(networkV1, new ExactEvmSchemeV1(signer));
  if (verifyFirst)
    requireVerifyFirst(facilitator);
  return serve((req, res) => {
    const { pathname } = new URL(req.url, 'http://x');
    if (req.method === 'GET' && pathname === '/supported')
      return sendJson(res, 200, facilitator.getSupported());
    if (req.method === 'POST' && (pathname === '/settle' || pathname === '/verify'))
      return carryOut(facilitator, pathname.slice(1), req, res);
    return sendJson(res, 404, { error: 'Not found' });
  }, port);
}
