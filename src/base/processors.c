#include "base/processors.h"

#include <unistd.h>

size_t
processors_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 1 ? (size_t)n : 1;
}
