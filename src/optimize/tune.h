/* tune: times the drivers and kernels that can do a node, in turn, on this machine. The rule's pick stays unless
 * another is faster by more than 3 % and in nearly every round. */
#ifndef HN_OPTIMIZE_TUNE_H
#define HN_OPTIMIZE_TUNE_H

#include "device/choices.h"

/* A node as it was timed; rows[0] is the rule's pick. */
typedef struct hn_tuned {
    const hn_node *node; /* the first with this key */
    size_t uses;         /* nodes with this key */
    hn_choice *rows;
    size_t count, taken; /* rows[taken] is the one to take */
} hn_tuned;

typedef struct hn_tune_options {
    double budget_s; /* nodes that have not begun by then are left to the rule; 0: none */
    void (*progress)(void *self, size_t done, size_t total);
    void *self;
} hn_tune_options;

typedef struct hn_tune_result {
    hn_tuned *nodes; /* that have a choice: two candidates or more; dearest first */
    size_t count;
    size_t left; /* of them not begun when time ran out: the last ones, with count 0 */
} hn_tune_result;

/* Every node of the graph and its regions whose types are known. Rows go into `choices`; tables are in the arena. */
hn_status hn_tune_graph(hn_env *env, hn_arena *arena, const hn_machine *m, const hn_graph *g, const hn_tune_options *o,
                        hn_choices *choices, hn_tune_result *out) HN_MUST_CHECK;

#endif
