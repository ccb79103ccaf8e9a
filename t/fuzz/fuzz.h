/*
 * A fuzz target is one function, which libFuzzer calls with what it made up
 * (--enable-fuzz), or replay.c with each file of a corpus (make check).
 */
#ifndef WORKNET_T_FUZZ_FUZZ_H
#define WORKNET_T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
