/* gen_coverage: prints the second part of docs/ops.md from rows and drivers. Run by `make docs`. */
#include <stdio.h>

#include "device/coverage.h"
#include "ops/ops.h"

int main(void)
{
    hn_env env;
    hn_buf page = {0};
    hn_env_init(&env);
    hn_status st = hn_device_coverage(&env, &hn_ops, &page);
    if (st == HN_OK && fwrite(page.data, 1, page.size, stdout) != page.size) st = HN_IO;
    if (fflush(stdout) != 0) st = HN_IO;
    hn_buf_fini(&env, &page);
    if (st != HN_OK) fprintf(stderr, "gen_coverage: %s\n", hn_status_name(st));
    return st == HN_OK ? 0 : 1;
}
