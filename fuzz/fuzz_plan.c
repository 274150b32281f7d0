/* fuzz_plan: plan files. The checksum is made to fit, so that the tables are read; what loads must pass the plan
 * checker again. The constants of a corpus file may be left out: zeros stand for them. */
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "plan/plan.h"
#include "test/support/planfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 20) return 0;
    hn_env env;
    hn_env_init(&env);
    size_t whole = (size + HN_PLAN_PAGE - 1) / HN_PLAN_PAGE * HN_PLAN_PAGE;
    uint64_t constants = 0;
    if (size >= HN_PLAN_HEADER) memcpy(&constants, data + 32, sizeof constants);
    /* Room for the constants that the header speaks of. */
    if (constants >= size && constants <= whole) whole += 16 * HN_PLAN_PAGE;
    uint8_t *file = hn_zalloc(&env, whole + 1);
    if (file == NULL) return 0;
    if (size > 0) memcpy(file, data, size);
    planfile_seal(file, whole);
    hn_plan *p = NULL;
    if (hn_plan_load_bytes(&env, file, whole, &hn_ops, &p) == HN_OK && hn_plan_check(&env, p) != HN_OK) abort();
    hn_plan_free(&env, p);
    hn_free(&env, file);
    return 0;
}
