/* file: layout of a saved plan. Little-endian.
 *
 *   0   8  magic "HONEPLAN"
 *   8   4  version
 *   12  4  hn_build_id: parameters of drivers are plain data that only the build that wrote them reads alike
 *   16  8  bytes of the file
 *   24  8  bytes of the tables, which start at byte 48
 *   32  8  offset of the constants (page-aligned)
 *   40  8  hn_checksum of the tables
 *
 * Texts in the tables end in a zero byte and arrays start at multiples of HN_PLAN_UNIT in the file, so that a loaded
 * plan uses both where they lie.
 *
 * The tables hold one plan and, inside its control steps, the plans of regions, or their text form where the shapes are
 * known only at run time; every plan has its own span of the constants. A plan file is code, as an executable is: the
 * checksum finds damage, not malice. */
#ifndef HN_PLAN_FILE_H
#define HN_PLAN_FILE_H

enum { HN_PLAN_VERSION = 6, HN_PLAN_HEADER = 48, HN_PLAN_UNIT = 16, HN_PLAN_PAGE = 4096, HN_PLAN_NESTING = 8 };
#define HN_PLAN_MAGIC "HONEPLAN"
/* How a region is told. */
enum { HN_PLAN_REGION_NONE, HN_PLAN_REGION_PLAN, HN_PLAN_REGION_TEXT };

#endif
