// What a submission holds: each result is refused for a reason, or paid.

import { isAddress, verifyMessage } from 'viem';

const CLOCK_SKEW_MS = 60_000;
const HALF_ORDER = BigInt('0x7fffffffffffffffffffffffffffffff' +
	'5d576e7357a4501ddfe92f46681b20a0');
const TASK_ID = /^[A-Za-z0-9_.:-]{1,64}$/;
const SIGNATURE = /^0x[0-9a-fA-F]{130}$/;

const isCount = (n) => Number.isSafeInteger(n) && n >= 0;
const isText = (s) => typeof s === 'string';

const FIELDS = {
	taskId: { required: true, valid: (s) => isText(s) && TASK_ID.test(s) },
	workerAddress: { required: true, valid: (s) => isText(s) &&
		isAddress(s) },
	timestamp: { required: true, valid: isCount },
	success: { required: true, valid: (b) => typeof b === 'boolean' },
	signature: { required: true, valid: (s) => isText(s) &&
		SIGNATURE.test(s) },
	responseTimeMs: { valid: isCount },
	statusCode: { valid: (n) => isCount(n) && n >= 100 && n <= 999 },
	error: { valid: (s) => isText(s) && Buffer.byteLength(s) <= 1024 },
};

function malformed(result) {
	if (result === null || typeof result !== 'object' ||
	    Array.isArray(result))
		return 'not an object';
	for (const [name, { required, valid }] of Object.entries(FIELDS)) {
		if (result[name] === undefined) {
			if (required)
				return `missing ${name}`;
		} else if (!valid(result[name])) {
			return `invalid ${name}`;
		}
	}
	return undefined;
}

// Everything that is cheaper than the signature.
function refusal(ledger, claim, now, windowMs) {
	const { result } = claim;
	const reason = malformed(result);
	if (reason !== undefined)
		return reason;
	claim.task = ledger.task(result.taskId);
	if (claim.task === undefined)
		return 'unknown task';
	const age = now - result.timestamp;
	if (age < -CLOCK_SKEW_MS)
		return 'timestamp in the future';
	if (age > windowMs)
		return `result too old (${Math.floor(age / 1000)}s)`;
	claim.worker = result.workerAddress.toLowerCase();
	return ledger.slotOf(result, claim.worker, now).reason;
}

async function isSigned({ taskId, workerAddress, timestamp, success,
	signature }) {
	// EIP-2: viem accepts a high s.
	if (BigInt(`0x${signature.slice(66, 130)}`) > HALF_ORDER)
		return false;
	try {
		return await verifyMessage({ address: workerAddress, signature,
			message: JSON.stringify({ taskId, workerAddress,
				timestamp, success }) });
	} catch {
		return false; // r, s or v out of range
	}
}

const usdc = (micros) => `${Math.floor(micros / 1e6)}.` +
	String(micros % 1e6).padStart(6, '0');

// Verifies and pays; the answer to the worker.
export async function settle(ledger, results, now, windowMs) {
	const claims = results.map((result) => ({ result }));
	for (const claim of claims)
		claim.reason = refusal(ledger, claim, now, windowMs);
	await Promise.all(claims.filter((claim) => !claim.reason)
		.map(async (claim) => {
			if (!await isSigned(claim.result))
				claim.reason = 'invalid signature';
		}));
	const valid = claims.filter((claim) => !claim.reason);
	if (valid.length > 0)
		ledger.credit(valid, now);
	const paid = claims.filter((claim) => !claim.reason);
	const errors = claims.flatMap(({ result, reason }, i) => reason ?
		[`${TASK_ID.test(result?.taskId) ? result.taskId : `#${i}`}: ` +
			reason] : []);
	return {
		accepted: paid.length,
		earned: usdc(paid.reduce((sum, { reward }) => sum + reward, 0)),
		...(errors.length > 0 && { errors }),
	};
}
