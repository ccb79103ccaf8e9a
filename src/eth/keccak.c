#include "eth/keccak.h"

#include <string.h>

#define LANES  25 /* of 64 bits: the 1600-bit state */
#define ROUNDS 24

/* The constants of the step iota (The Keccak reference 3.0, section 1.2). */
static const uint64_t round_constants[ROUNDS] = {
	0x0000000000000001,
	0x0000000000008082,
	0x800000000000808a,
	0x8000000080008000,
	0x000000000000808b,
	0x0000000080000001,
	0x8000000080008081,
	0x8000000000008009,
	0x000000000000008a,
	0x0000000000000088,
	0x0000000080008009,
	0x000000008000000a,
	0x000000008000808b,
	0x800000000000008b,
	0x8000000000008089,
	0x8000000000008003,
	0x8000000000008002,
	0x8000000000000080,
	0x000000000000800a,
	0x800000008000000a,
	0x8000000080008081,
	0x8000000000008080,
	0x0000000080000001,
	0x8000000080008008,
};

static inline uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* The step chi for one plane of five lanes. */
static inline void
chi(uint64_t out[static 5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3,
    uint64_t b4)
{
	out[0] = b0 ^ (~b1 & b2);
	out[1] = b1 ^ (~b2 & b3);
	out[2] = b2 ^ (~b3 & b4);
	out[3] = b3 ^ (~b4 & b0);
	out[4] = b4 ^ (~b0 & b1);
}

/*
 * One round without iota; lane (x, y) is a[x + 5 * y]. Theta gives d0 to d4;
 * rho (the rotations) and pi (the order) are folded into the reads, one plane
 * of the output at a time, so that few lanes are alive at once. All indices
 * are constant: the compiler keeps the lanes in registers or on the stack.
 */
static inline void
keccak_round(uint64_t out[static LANES], const uint64_t a[static LANES])
{
	uint64_t b0, b1, b2, b3, b4, c0, c1, c2, c3, c4, d0, d1, d2, d3, d4;

	c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
	c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
	c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
	c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
	c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
	d0 = c4 ^ rotate(c1, 1);
	d1 = c0 ^ rotate(c2, 1);
	d2 = c1 ^ rotate(c3, 1);
	d3 = c2 ^ rotate(c4, 1);
	d4 = c3 ^ rotate(c0, 1);

	b0 = a[0] ^ d0;
	b1 = rotate(a[6] ^ d1, 44);
	b2 = rotate(a[12] ^ d2, 43);
	b3 = rotate(a[18] ^ d3, 21);
	b4 = rotate(a[24] ^ d4, 14);
	chi(out + 0, b0, b1, b2, b3, b4);

	b0 = rotate(a[3] ^ d3, 28);
	b1 = rotate(a[9] ^ d4, 20);
	b2 = rotate(a[10] ^ d0, 3);
	b3 = rotate(a[16] ^ d1, 45);
	b4 = rotate(a[22] ^ d2, 61);
	chi(out + 5, b0, b1, b2, b3, b4);

	b0 = rotate(a[1] ^ d1, 1);
	b1 = rotate(a[7] ^ d2, 6);
	b2 = rotate(a[13] ^ d3, 25);
	b3 = rotate(a[19] ^ d4, 8);
	b4 = rotate(a[20] ^ d0, 18);
	chi(out + 10, b0, b1, b2, b3, b4);

	b0 = rotate(a[4] ^ d4, 27);
	b1 = rotate(a[5] ^ d0, 36);
	b2 = rotate(a[11] ^ d1, 10);
	b3 = rotate(a[17] ^ d2, 15);
	b4 = rotate(a[23] ^ d3, 56);
	chi(out + 15, b0, b1, b2, b3, b4);

	b0 = rotate(a[2] ^ d2, 62);
	b1 = rotate(a[8] ^ d3, 55);
	b2 = rotate(a[14] ^ d4, 39);
	b3 = rotate(a[15] ^ d0, 41);
	b4 = rotate(a[21] ^ d1, 2);
	chi(out + 20, b0, b1, b2, b3, b4);
}

/* Two rounds at a time: the state moves to other and back. */
static void
keccak_permute(uint64_t state[static LANES])
{
	uint64_t here[LANES], other[LANES];
	unsigned i;

	memcpy(here, state, sizeof(here));
	for (i = 0; i < ROUNDS; i += 2) {
		keccak_round(other, here);
		other[0] ^= round_constants[i];
		keccak_round(here, other);
		here[0] ^= round_constants[i + 1];
	}
	memcpy(state, here, sizeof(here));
}

/* Eight bytes as a lane, little-endian on any machine. */
static inline uint64_t
lane_load(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	    (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	    (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static void
absorb(uint64_t state[static LANES], const uint8_t block[static KECCAK256_RATE])
{
	size_t i;

	for (i = 0; i < KECCAK256_RATE / 8; i++)
		state[i] ^= lane_load(block + 8 * i);
	keccak_permute(state);
}

void
keccak_init(struct keccak *k)
{
	memset(k->state, 0, sizeof(k->state));
	k->pos = 0;
}

void
keccak_update(struct keccak *k, const void *p, size_t len)
{
	const uint8_t *in = p;
	size_t n;

	while (len > 0) {
		n = sizeof(k->block) - k->pos;
		if (n > len)
			n = len;
		memcpy(k->block + k->pos, in, n);
		k->pos += n;
		in += n;
		len -= n;
		if (k->pos == sizeof(k->block)) {
			absorb(k->state, k->block);
			k->pos = 0;
		}
	}
}

void
keccak_final(struct keccak *k, uint8_t out[static KECCAK256_LEN])
{
	size_t i;

	/* The padding of the submission, 10*1; FIPS 202 would say 0x06. */
	memset(k->block + k->pos, 0, sizeof(k->block) - k->pos);
	k->block[k->pos] = 0x01;
	k->block[sizeof(k->block) - 1] |= 0x80;
	absorb(k->state, k->block);
	for (i = 0; i < KECCAK256_LEN; i++)
		out[i] = (uint8_t)(k->state[i / 8] >> (8 * (i % 8)));
}

void
keccak256(uint8_t out[static KECCAK256_LEN], const void *p, size_t len)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, p, len);
	keccak_final(&k, out);
}
