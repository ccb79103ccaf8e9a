/*
 * Two lists of the configuration: autonomous systems ("3320 7018") and the
 * countries of regions ("eu-west:DE,FR us-east:US"; a blank in a region's name
 * is a '+'). Pure; any thread.
 */
#ifndef WORKNET_BASE_PLACE_LIST_H
#define WORKNET_BASE_PLACE_LIST_H

#include "base/buf.h"
#include "base/limits.h"

/* Whether text is such a list: what the others take. */
bool asn_list_is(const char *text);
bool region_list_is(const char *text);

bool asn_list_has(const char *list, uint32_t asn);

/*
 * Whether the region's countries are named: all that are, if it stands there
 * more than once. *has: country is one of them.
 */
bool region_list_names(
    const char *list, struct slice region, const char *country, bool *has);

/* The next region that the list names, *list goes past it; "" at the end. */
void region_list_next(const char **list, char out[static REGION_MAX + 1]);

#endif
