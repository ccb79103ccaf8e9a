/*
 * Overload: which requests are admitted, and which are refused.
 */
#include <unistd.h>

#include "serve/load.h"
#include "t/unit/tap.h"

#define AT_ONCE 8 /* of which 6 are at work under overload */

static int
admit(struct load *l, int n, size_t behind)
{
	int admitted = 0;

	while (n-- > 0)
		admitted += load_admit(l, behind);
	return admitted;
}

static void
done(struct load *l, int n)
{
	while (n-- > 0)
		load_done(l);
}

int
main(void)
{
	struct load l;

	load_init(&l, AT_ONCE);
	tap_is_int(
	    admit(&l, AT_ONCE, 0), AT_ONCE, "a burst is admitted: it may wait");
	done(&l, AT_ONCE);
	tap_is_int(admit(&l, AT_ONCE - 1, 0), AT_ONCE - 1,
	    "and so is the next, when there was time between them");
	(void)sleep(3); /* longer than a queue may stand */
	tap_is_int(admit(&l, 1, 0), 0,
	    "when most have worked for long, the others refuse");
	done(&l, 1);
	tap_is_int(admit(&l, 2, 0), 0, "as long as that is so");
	done(&l, 1);
	tap_is_int(admit(&l, 2, 0), 1, "and take what there is room for");
	done(&l, 4);
	tap_is_int(admit(&l, AT_ONCE - 2, 0), AT_ONCE - 2,
	    "until half of them have time again: then all are admitted");
	done(&l, AT_ONCE);
	tap_is_int(admit(&l, 1, AT_ONCE), 1, "one with many behind it, too");
	done(&l, 1);
	(void)sleep(3);
	tap_is_int(admit(&l, AT_ONCE, AT_ONCE), AT_ONCE - 2,
	    "when many have waited for long, only most are");
	done(&l, AT_ONCE - 2);
	load_init(&l, 1);
	(void)sleep(3);
	tap_is_int(admit(&l, 1, 1), 1, "where one is the most, it is admitted");
	done(&l, 1);
	tap_is_int(admit(&l, 1, 0), 1,
	    "and the others again, once nothing waits behind it");
	return tap_done();
}
