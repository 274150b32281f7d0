/* data: environment first, then the places relative to the source tree and the working folder. */
#define _XOPEN_SOURCE 700
#include "support/data.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *hn_test_source(void)
{
    const char *s = getenv("HONE_SOURCE");
    return s != NULL ? s : access("src/LAYERS", R_OK) == 0 ? "." : "../..";
}

bool hn_test_data(const char *name, char *dst, size_t dst_bytes)
{
    const char *root = getenv("HONE_DATA");
    int n = root != NULL && root[0] != '\0' ? snprintf(dst, dst_bytes, "%s/%s", root, name)
                                            : snprintf(dst, dst_bytes, "%s/../shared/data/%s", hn_test_source(), name);
    return n > 0 && (size_t)n < dst_bytes && access(dst, R_OK) == 0;
}

void hn_test_need_data(const char *name, char *dst, size_t dst_bytes)
{
    if (hn_test_data(name, dst, dst_bytes)) return;
    printf("SKIP %s is not below HONE_DATA\n", name);
    fflush(stdout);
    skip();
}

void hn_test_tmpdir(char *dst, size_t dst_bytes)
{
    const char *build = getenv("HONE_BUILD");
    int n = snprintf(dst, dst_bytes, "%s/hone-test-XXXXXX", build != NULL ? build : "/tmp");
    if (n < 0 || (size_t)n >= dst_bytes || mkdtemp(dst) == NULL) fail_msg("cannot make a folder %s", dst);
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *where)
{
    (void)info;
    (void)flag;
    (void)where;
    return remove(path);
}

void hn_test_rmdir(const char *path)
{
    if (strstr(path, "hone-test-") == NULL) fail_msg("%s is not a test's folder", path);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
