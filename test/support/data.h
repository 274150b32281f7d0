/* data: where tests find real models and data sets, and files to write. Nothing of it is in the repository, so a test
 * that needs it skips, and the skip is counted. */
#ifndef HN_TEST_SUPPORT_DATA_H
#define HN_TEST_SUPPORT_DATA_H

#include <stdbool.h>
#include <stddef.h>

/* Path of a file or folder below HONE_DATA (default: ../shared/data beside the source tree) into dst; false when it is
 * absent. */
bool hn_test_data(const char *name, char *dst, size_t dst_bytes);
/* The same; prints "SKIP NAME ..." and leaves the running cmocka case as skipped when it is absent. */
void hn_test_need_data(const char *name, char *dst, size_t dst_bytes);
/* A fresh empty folder for this process below the build folder; remove it with hn_test_rmdir. */
void hn_test_tmpdir(char *dst, size_t dst_bytes);
/* Removes a folder with all in it; only below a folder from hn_test_tmpdir. */
void hn_test_rmdir(const char *path);
/* The source tree's own folder. */
const char *hn_test_source(void);

#endif
