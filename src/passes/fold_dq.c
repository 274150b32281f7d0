/* fold_dq: dequantised weights that no integer row took. */
#include "passes/lib_match.h"

static hn_status run(hn_pass_ctx *c)
{
    return hn_fold(c, true);
}

const hn_pass hn_pass_fold_dq = {
    .name = "fold_dq",
    .doc = "Constant folding that includes DequantizeLinear of constants: after qdq, what is left of them is computed "
           "in float.",
    .run = run,
};
