/* clock: monotonic time and the process's peak memory, as the operating system tells them. */
#include "base/clock.h"

#include <sys/resource.h>
#include <time.h>

uint64_t hn_clock_ns(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) return 0;
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

uint64_t hn_process_peak_rss_bytes(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
    return (uint64_t)u.ru_maxrss * 1024; /* Linux counts KiB */
}
