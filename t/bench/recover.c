/*
 * What any verifier must at least do: the CPU time of one
 * secp256k1_ecdsa_recover, with the context that the program uses, over many
 * distinct signatures that are parsed already. One thread a core, as the
 * coordinator keeps all of them busy.
 *
 * usage: recover THREADS MILLISECONDS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "eth/sign.h"

#define THREADS_MAX 64
#define SIGNATURES  1024 /* of each thread */
#define CLOCK_EVERY 32	 /* recoveries; asking it costs, too */

struct signature {
	uint8_t digest[KECCAK256_LEN];
	secp256k1_ecdsa_recoverable_signature parsed;
};

struct worker {
	pthread_t thread;
	struct signature *signatures; /* owned */
	int64_t cpu_ns;		      /* to spend */
	int64_t spent_ns;
	int64_t n;
};

static int64_t
cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static enum rc
signature_make(struct signature *s, uint64_t seed, struct err *e)
{
	uint8_t sig[SIGNATURE_LEN];
	struct eth_key key;
	enum rc rc;

	keccak256(s->digest, &seed, sizeof(seed));
	keccak256(key.b, s->digest, sizeof(s->digest));
	rc = eth_sign(sig, s->digest, &key, e);
	if (rc == RC_OK &&
	    secp256k1_ecdsa_recoverable_signature_parse_compact(
		secp256k1_context_static, &s->parsed, sig, sig[64] - 27) != 1)
		rc = err_set(e, RC_INVALID, "can't parse a signature");
	return rc;
}

static enum rc
worker_make(struct worker *w, uint64_t number, int64_t ms, struct err *e)
{
	enum rc rc = RC_OK;
	uint64_t i;

	*w = (struct worker){ .cpu_ns = ms * 1000000 };
	w->signatures = calloc(SIGNATURES, sizeof(w->signatures[0]));
	if (w->signatures == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; rc == RC_OK && i < SIGNATURES; i++)
		rc = signature_make(
		    &w->signatures[i], number * SIGNATURES + i + 1, e);
	return rc;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct signature *s;
	secp256k1_pubkey pubkey;
	int64_t start_ns = cpu_ns();

	do {
		s = &w->signatures[w->n++ % SIGNATURES];
		CHECK(secp256k1_ecdsa_recover(secp256k1_context_static, &pubkey,
			  &s->parsed, s->digest) == 1);
		if (w->n % CLOCK_EVERY == 0)
			w->spent_ns = cpu_ns() - start_ns;
	} while (w->spent_ns < w->cpu_ns);
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	int i, threads = argc == 3 ? atoi(argv[1]) : 0;
	int64_t ms = argc == 3 ? atoll(argv[2]) : 0, n = 0, spent_ns = 0;
	struct err e = ERR_INIT;

	if (threads < 1 || threads > THREADS_MAX || ms < 1) {
		fputs("usage: recover THREADS MILLISECONDS\n", stderr);
		return 2;
	}
	for (i = 0; i < threads; i++)
		if (worker_make(&workers[i], (uint64_t)i, ms, &e) != RC_OK) {
			fprintf(stderr, "recover: %s\n", e.msg);
			return EXIT_FAILURE;
		}
	for (i = 0; i < threads; i++)
		CHECK(pthread_create(&workers[i].thread, NULL, worker_main,
			  &workers[i]) == 0);
	for (i = 0; i < threads; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		n += workers[i].n;
		spent_ns += workers[i].spent_ns;
		free(workers[i].signatures);
	}
	printf("{\"recovered\":%lld,\"ns\":%.1f}\n", (long long)n,
	    (double)spent_ns / (double)n);
	return EXIT_SUCCESS;
}
