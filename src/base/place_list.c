#include "base/place_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mmdb.h"

/* The next word behind *list, which it leaves; of no length: there is none. */
static struct slice
word_next(const char **list)
{
	struct slice word;

	word.p = *list + strspn(*list, " ");
	word.len = strcspn(word.p, " ");
	*list = word.p + word.len;
	return word;
}

static bool
is_asn(struct slice word)
{
	size_t i;

	for (i = 0; i < word.len; i++)
		if (word.p[i] < '0' || word.p[i] > '9')
			return false;
	return word.len <= 10 && word.p[0] != '0' &&
	    strtoull(word.p, NULL, 10) <= UINT32_MAX;
}

bool
asn_list_is(const char *text)
{
	struct slice word;

	for (word = word_next(&text); word.len > 0; word = word_next(&text))
		if (!is_asn(word))
			return false;
	return true;
}

bool
asn_list_has(const char *list, uint32_t asn)
{
	struct slice word;

	for (word = word_next(&list); word.len > 0; word = word_next(&list))
		if (strtoull(word.p, NULL, 10) == asn)
			return true;
	return false;
}

/* A word's countries, which follow the last colon; of no length: none. */
static struct slice
countries_of(struct slice word)
{
	const char *colon = memrchr(word.p, ':', word.len);

	if (colon == NULL)
		return slice_of("");
	return (
	    struct slice){ colon + 1, word.len - (size_t)(colon + 1 - word.p) };
}

/* "DE,FR" */
static bool
are_countries(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (i % (COUNTRY_LEN + 1) == COUNTRY_LEN
			? s.p[i] != ','
			: s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return s.len % (COUNTRY_LEN + 1) == COUNTRY_LEN;
}

bool
region_list_is(const char *text)
{
	struct slice word, countries;
	size_t name;

	for (word = word_next(&text); word.len > 0; word = word_next(&text)) {
		countries = countries_of(word);
		name = word.len - countries.len;
		if (!are_countries(countries) || name < 2 ||
		    name - 1 > REGION_MAX)
			return false;
	}
	return true;
}

static bool
is_region(struct slice word, struct slice region)
{
	size_t i;

	if (word.len <= region.len || word.p[region.len] != ':')
		return false;
	for (i = 0; i < region.len; i++)
		if (word.p[i] != region.p[i] &&
		    !(word.p[i] == '+' && region.p[i] == ' '))
			return false;
	return true;
}

bool
region_list_names(
    const char *list, struct slice region, const char *country, bool *has)
{
	struct slice word, countries;
	bool names = false;
	size_t i;

	*has = false;
	for (word = word_next(&list); word.len > 0; word = word_next(&list)) {
		countries = countries_of(word);
		if (word.len - countries.len != region.len + 1 ||
		    !is_region(word, region))
			continue;
		names = true;
		for (i = 0; i < countries.len; i += COUNTRY_LEN + 1)
			*has |=
			    memcmp(countries.p + i, country, COUNTRY_LEN) == 0;
	}
	return names;
}

void
region_list_next(const char **list, char out[static REGION_MAX + 1])
{
	struct slice word = word_next(list), countries = countries_of(word);
	size_t i, len = word.len - countries.len;

	/* Without the colon; a list that was read has no longer names. */
	len = len == 0 ? 0 : len - 1;
	for (i = 0; i < len && i < REGION_MAX; i++)
		out[i] = word.p[i] == '+' ? ' ' : word.p[i];
	out[i] = '\0';
}
