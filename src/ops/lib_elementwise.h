/* lib_elementwise: what a hone.Elementwise node says, read once for inference, reference, cost and drivers; and which
 * nodes can be steps of one. */
#ifndef HN_OPS_LIB_ELEMENTWISE_H
#define HN_OPS_LIB_ELEMENTWISE_H

#include "ops/lib_nn.h"

enum { HN_ELEM_STEPS = 16, HN_ELEM_INPUTS = 12, HN_ELEM_ARGS = 3, HN_ELEM_OUTPUTS = 4 };

typedef struct hn_elem_step {
    const hn_op *op;
    size_t nin;
    int arg[HN_ELEM_ARGS]; /* an input of the node; or that of them and the steps before: nin + step; -1: absent */
    double a, b;           /* the attributes of the op, in the order of the table */
} hn_elem_step;

typedef struct hn_elem {
    size_t count, nkeep;
    hn_elem_step step[HN_ELEM_STEPS];
    int keep[HN_ELEM_OUTPUTS]; /* steps whose results are outputs, rising */
} hn_elem;

/* HN_INPUT names the node when its attributes contradict each other. */
hn_status hn_elem_read(hn_env *env, const hn_node *node, hn_elem *e) HN_MUST_CHECK;
/* Whether node n can be a step, as far as its op tells; *a and *b get its attributes. */
bool hn_elem_takes(const hn_node *n, double *a, double *b);
/* The other way: the attributes of a step. attr[] is written and linked; NULL when the op has none. */
hn_attr *hn_elem_attrs(const hn_elem_step *s, hn_attr attr[2]);

/* Does an operator that is a step give bools, which no step may keep? */
bool hn_elem_gives_bool(const hn_op *op);

#endif
