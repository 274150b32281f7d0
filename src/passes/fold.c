/* fold: constant folding. */
#include "passes/lib_match.h"

static hn_status run(hn_pass_ctx *c)
{
    return hn_fold(c, false);
}

const hn_pass hn_pass_fold = {
    .name = "fold",
    .doc = "Computes nodes whose inputs are all constant, through the rows' references, and Shape and Size where dims "
           "are known; "
           "types are inferred on the way, so chains from Shape to Reshape fold. Random rows and dequantised weights "
           "are kept, "
           "and nothing is folded that would grow beyond 16 times its inputs and 1 MiB.",
    .run = run,
};
