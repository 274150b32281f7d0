/* planfile: makes the checksum of a plan file fit its tables again, and version and build these, so that what reads the
 * tables can be tested. */
#ifndef HN_TEST_SUPPORT_PLANFILE_H
#define HN_TEST_SUPPORT_PLANFILE_H

#include <string.h>

#include "base/io.h"
#include "device/device.h"
#include "plan/file.h"

static inline void planfile_seal(uint8_t *file, size_t bytes)
{
    uint64_t size = bytes, tables;
    uint32_t version = HN_PLAN_VERSION;
    if (bytes < HN_PLAN_HEADER) return;
    memcpy(file + 8, &version, sizeof version);
    memcpy(file + 12, &hn_build_id, sizeof hn_build_id);
    memcpy(file + 16, &size, sizeof size);
    memcpy(&tables, file + 24, sizeof tables);
    if (tables > bytes - HN_PLAN_HEADER) return;
    uint64_t checksum = hn_checksum(file + HN_PLAN_HEADER, (size_t)tables);
    memcpy(file + 40, &checksum, sizeof checksum);
}

#endif
