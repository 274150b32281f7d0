/* session: the public view of optimize/session.h. */
#include "api/api.h"

#include <string.h>

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
    out->dtype = (int)t->dtype;
    out->rank = t->rank;
    for (int d = 0; d < t->rank; d++) out->dims[d] = t->dims[d] < 0 ? -1 : t->dims[d];
    return HONE_OK;
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
        if (!hn_dtype_valid(in[i].dtype))
            st = hn_fail(&e->env, HN_INPUT, "input %zu: %d is not an element type", i, in[i].dtype);
        else
            st = hn_tensor_view(&e->env, &views[i], (hn_dtype)in[i].dtype, in[i].rank, in[i].dims, in[i].data,
                                in[i].bytes);
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
