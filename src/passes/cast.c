/* cast: conversions that cancel. */
#include "passes/lib_match.h"

/* Whether every value of `a` is a value of `b`. */
static bool exact(hn_dtype a, hn_dtype b)
{
    uint32_t ab = HN_BIT(a), bb = HN_BIT(b);
    if (a == b) return true;
    if (a == HN_BOOL) return (bb & HN_T_NUM) != 0;
    if ((ab & HN_T_INT) != 0 && (bb & HN_T_INT) != 0) {
        unsigned from = hn_dtype_bits(a), to = hn_dtype_bits(b);
        if (hn_dtype_is_signed(a)) return hn_dtype_is_signed(b) && to >= from;
        return hn_dtype_is_signed(b) ? to > from : to >= from;
    }
    if ((ab & HN_T_INT) != 0) return (hn_dtype_bits(a) <= 16 && b == HN_F32) || (hn_dtype_bits(a) <= 32 && b == HN_F64);
    if (a == HN_F16 || a == HN_BF16) return b == HN_F32 || b == HN_F64;
    return a == HN_F32 && b == HN_F64;
}

/* Whether a -> b -> c is a -> c. Integers wrap, floats on the way to integers saturate: that must not matter. */
static bool merges(hn_dtype a, hn_dtype b, hn_dtype c)
{
    bool ints = (HN_BIT(a) & HN_T_INT) != 0 && (HN_BIT(c) & HN_T_INT) != 0;
    return exact(a, b) && (!ints || !hn_dtype_is_float(b) || exact(a, c));
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        bool like = hn_node_is(n, "CastLike");
        if (!like && !hn_node_is(n, "Cast")) continue;
        hn_dtype to = n->out[0]->type.dtype;
        const hn_node *before = hn_made_by(n->in[0], "Cast");
        hn_value *x =
            before != NULL && merges(before->in[0]->type.dtype, n->in[0]->type.dtype, to) ? before->in[0] : n->in[0];
        if (to == HN_NONE || x->type.dtype == HN_NONE || (x == n->in[0] && !like && x->type.dtype != to)) continue;
        hn_rw rw = hn_rw_at(c->graph, n);
        if (x->type.dtype != to) {
            hn_node *cast = hn_rw_node(&rw, "Cast", 1, &x, 1, (const hn_rw_attr[]){HN_A_INT("to", to), {0}});
            if (cast == NULL) return hn_rw_status(&rw);
            HN_TRY(hn_node_copy_attrs(cast, n));
            HN_TRY(hn_node_set_int(cast, "to", to));
            x = cast->out[0];
        }
        HN_TRY(hn_replace_first(c, &rw, n, x));
    }
    return HN_OK;
}

const hn_pass hn_pass_cast = {
    .name = "cast",
    .doc = "Removes casts to the type at hand, merges a cast with the one before it when that one loses nothing, and "
           "writes "
           "CastLike as Cast.",
    .run = run,
};
