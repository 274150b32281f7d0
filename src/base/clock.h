/* clock: monotonic time. */
#ifndef HN_BASE_CLOCK_H
#define HN_BASE_CLOCK_H

#include <stdint.h>

uint64_t hn_clock_ns(void);
uint64_t hn_process_peak_rss_bytes(void);

#endif
