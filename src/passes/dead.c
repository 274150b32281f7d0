/* dead: nodes, optional outputs and captures that nobody reads. */
#include "passes/lib_match.h"

static hn_status run(hn_pass_ctx *c)
{
    return hn_dead_sweep(c->graph, &c->changes);
}

const hn_pass hn_pass_dead = {
    .name = "dead",
    .doc = "Removes nodes none of whose outputs is read, optional outputs that are not read, and captures that no "
           "region reads.",
    .run = run,
};
