#include "uptime/account.h"

#include <stdlib.h>
#include <string.h>

#define GROW_FIRST 16 /* elements of an array that begins to grow */

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "uptime: no memory");
}

/* Makes room for one more element of size bytes at *array. */
static enum rc
grow(void **array, size_t n, size_t *cap, size_t size, struct err *e)
{
	size_t more = *cap == 0 ? GROW_FIRST : 2 * *cap;
	void *p;

	if (n < *cap)
		return RC_OK;
	p = reallocarray(*array, more, size);
	if (p == NULL)
		return no_memory(e);
	*array = p;
	*cap = more;
	return RC_OK;
}

static enum rc
slice_keep(
    struct uptime_account *a, const struct uptime_slice *slice, struct err *e)
{
	void *array = a->slices;
	enum rc rc;

	rc = grow(&array, a->slices_n, &a->slices_cap, sizeof(*slice), e);
	a->slices = array;
	if (rc == RC_OK)
		a->slices[a->slices_n++] = *slice;
	return rc;
}

/* The one that the state has open. */
static enum rc
incident_open(struct uptime_account *a, struct err *e)
{
	struct uptime_incident i = { .from_ms = a->state.open_ms,
		.to_ms = INT64_MAX,
		.networks_n = a->state.networks_n };
	size_t before = a->incidents_cap;
	void *array = a->incidents;
	enum rc rc;

	rc = grow(&array, a->incidents_n, &a->incidents_cap, sizeof(i), e);
	a->incidents = array;
	if (rc == RC_OK && a->incidents_cap != before) {
		array = reallocarray(
		    a->spans, a->incidents_cap, sizeof(a->spans[0]));
		if (array == NULL)
			return no_memory(e);
		a->spans = array;
	}
	if (rc != RC_OK)
		return rc;
	i.networks = calloc(i.networks_n + 1, sizeof(i.networks[0]));
	if (i.networks == NULL)
		return no_memory(e);
	memcpy(i.networks, a->state.networks,
	    i.networks_n * sizeof(i.networks[0]));
	a->spans[a->incidents_n] = (struct uptime_span){ i.from_ms, i.to_ms };
	a->incidents[a->incidents_n++] = i;
	return RC_OK;
}

static void
incident_end(struct uptime_account *a, enum uptime_event how, int64_t at_ms)
{
	struct uptime_incident *i = &a->incidents[a->incidents_n - 1];

	i->ended = how;
	i->to_ms = a->spans[a->incidents_n - 1].to_ms = at_ms;
}

enum rc
account_begin(
    struct uptime_account *a, const struct uptime_state *state, struct err *e)
{
	*a = (struct uptime_account){ .changed_ms = INT64_MAX };
	if (state == NULL)
		uptime_begin(&a->state);
	else
		a->state = *state;
	return a->state.open_ms == UPTIME_NO_TIME ? RC_OK : incident_open(a, e);
}

void
account_free(struct uptime_account *a)
{
	size_t i;

	for (i = 0; i < a->incidents_n; i++)
		free(a->incidents[i].networks);
	free(a->incidents);
	free(a->spans);
	free(a->slices);
	memset(a, 0, sizeof(*a));
}

enum rc
account_slice(struct uptime_account *a, const struct uptime_slice *slice,
    const int64_t *networks, size_t n, struct err *e)
{
	enum uptime_event event;
	int64_t at_ms;
	enum rc rc;

	rc = slice_keep(a, slice, e);
	if (rc != RC_OK)
		return rc;
	event = uptime_step(&a->state, slice, networks, n, &at_ms);
	if (event == UPTIME_NOTHING)
		return RC_OK;
	if (event == UPTIME_OPENED) {
		at_ms = a->state.open_ms;
		rc = incident_open(a, e);
	} else
		incident_end(a, event, at_ms);
	if (at_ms < a->changed_ms)
		a->changed_ms = at_ms;
	return rc;
}

enum rc
account_before(
    struct uptime_account *a, const struct uptime_slice *slice, struct err *e)
{
	return slice_keep(a, slice, e);
}

int64_t
account_settled(const struct uptime_account *a)
{
	return a->state.run_n > 0 ? a->state.run_ms : INT64_MAX;
}

void
account_count(const struct uptime_account *a, const struct uptime_frame *f,
    const struct uptime_span *period, struct uptime_time *t,
    struct uptime_time *hidden)
{
	struct uptime_frame frame = *f;
	size_t i;

	frame.incidents = a->spans;
	frame.incidents_n = a->incidents_n;
	for (i = 0; i < a->slices_n; i++)
		uptime_count(t, hidden, &a->slices[i], &frame, period);
}

void
account_forget(struct uptime_account *a, int64_t until_ms)
{
	size_t gone = 0;

	while (gone < a->slices_n && a->slices[gone].to_ms <= until_ms)
		gone++;
	if (gone == 0)
		return;
	a->slices_n -= gone;
	memmove(
	    a->slices, a->slices + gone, a->slices_n * sizeof(a->slices[0]));
}
