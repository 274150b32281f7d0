/* session: the public view of optimize/session.h. */
#include "api/api.h"

#include <stddef.h>
#include <string.h>

/* Lists are handed out as they are. */
_Static_assert(sizeof(hone_tensor) == sizeof(hn_tensor) && offsetof(hone_tensor, dims) == offsetof(hn_tensor, dims) &&
                   offsetof(hone_tensor, data) == offsetof(hn_tensor, data) &&
                   offsetof(hone_tensor, bytes) == offsetof(hn_tensor, bytes),
               "the public tensor is the inner one");
_Static_assert((int)HONE_SEQUENCE == (int)HN_SEQ && (int)HONE_OPTIONAL == (int)HN_OPT && (int)HONE_MAP == (int)HN_MAP,
               "the public numbers of lists are the inner ones");

hone_status hone_session_open(hone_env *e, const char *path, hone_session **out)
{
    hn_error_clear(&e->env);
    *out = NULL;
    hone_session *s = hn_zalloc(&e->env, sizeof *s);
    if (!s) return HONE_NOMEM;
    s->env = &e->env;
    hn_status st = hn_session_open(&e->env, path, NULL, &s->inner);
    if (st != HN_OK) {
        hn_free(&e->env, s);
        return (hone_status)st;
    }
    *out = s;
    return HONE_OK;
}

void hone_session_close(hone_env *e, hone_session *s)
{
    if (!s) return;
    hn_session_close(&e->env, s->inner);
    hn_free(&e->env, s);
}

size_t hone_session_inputs(const hone_session *s)
{
    return hn_session_inputs(s->inner);
}
size_t hone_session_outputs(const hone_session *s)
{
    return hn_session_outputs(s->inner);
}
const char *hone_session_input_name(const hone_session *s, size_t i)
{
    return hn_session_input_name(s->inner, i);
}
const char *hone_session_output_name(const hone_session *s, size_t i)
{
    return hn_session_output_name(s->inner, i);
}

hone_status hone_session_input_type(const hone_session *s, size_t i, hone_tensor *out)
{
    *out = (hone_tensor){0};
    if (i >= hn_session_inputs(s->inner)) {
        hn_error_clear(s->env);
        return (hone_status)hn_fail(s->env, HN_INPUT, "input %zu of a model with %zu inputs", i,
                                    hn_session_inputs(s->inner));
    }
    const hn_type *t = hn_session_input_type(s->inner, i);
    if (t->kind != HN_KIND_TENSOR) {
        out->dtype = (int)hn_type_list_dtype(t);
        out->rank = 1;
        out->dims[0] = -1;
        return HONE_OK;
    }
    out->dtype = (int)t->dtype;
    out->rank = t->rank;
    for (int d = 0; d < t->rank; d++) out->dims[d] = t->dims[d] < 0 ? -1 : t->dims[d];
    return HONE_OK;
}

/* What a caller gives, checked, entries of lists included. */
static hn_status view(hn_env *env, hn_arena *arena, const hone_tensor *in, int depth, hn_tensor *out)
{
    hn_dtype dtype = (hn_dtype)in->dtype;
    if (!hn_dtype_is_list(dtype)) {
        if (!hn_dtype_valid(in->dtype)) return hn_fail(env, HN_INPUT, "%d is not an element type", in->dtype);
        return hn_tensor_view(env, out, dtype, in->rank, in->dims, in->data, in->bytes);
    }
    if (depth >= HN_MAX_NESTING) return hn_fail(env, HN_LIMIT, "lists nested more than %d deep", (int)HN_MAX_NESTING);
    HN_TRY(hn_tensor_view(env, out, dtype, in->rank, in->dims, in->data, in->bytes));
    size_t n = hn_tensor_elems(out);
    HN_TRY(hn_tensor_list(env, arena, out, dtype, n));
    for (size_t i = 0; i < n; i++)
        HN_TRY(view(env, arena, (const hone_tensor *)in->data + i, depth + 1, hn_tensor_item(out, i)));
    return HN_OK;
}

hone_status hone_session_run(hone_env *e, hone_session *s, const hone_tensor *in, hone_tensor *out)
{
    hn_error_clear(&e->env);
    hn_arena tmp = {0};
    size_t nin = hn_session_inputs(s->inner), nout = hn_session_outputs(s->inner);
    hn_tensor *views = hn_arena_array(&e->env, &tmp, nin + 1, sizeof *views);
    const hn_tensor **refs = hn_arena_array(&e->env, &tmp, nin + 1, sizeof *refs);
    hn_tensor *got = hn_arena_array(&e->env, &tmp, nout + 1, sizeof *got);
    hn_status st = views && refs && got ? HN_OK : HN_NOMEM;
    for (size_t i = 0; i < nin && st == HN_OK; i++) {
        st = hn_context(&e->env, view(&e->env, &tmp, &in[i], 0, &views[i]), "input %zu", i);
        refs[i] = &views[i];
    }
    if (st == HN_OK) st = hn_session_run(&e->env, s->inner, refs, got);
    for (size_t i = 0; i < nout && st == HN_OK; i++) {
        out[i] =
            (hone_tensor){.dtype = (int)got[i].dtype, .rank = got[i].rank, .data = got[i].data, .bytes = got[i].bytes};
        memcpy(out[i].dims, got[i].dims, sizeof out[i].dims);
    }
    hn_arena_fini(&e->env, &tmp);
    return (hone_status)st;
}
