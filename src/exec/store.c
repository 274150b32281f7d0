/* store: lists that grow in a Loop. Entries lie in blocks that are never moved, their records in an array that doubles
 * into a fresh block, so that appending copies the new entry alone and older views of the list stay valid. */
#include "base/size.h"
#include "exec/exec_priv.h"

#include <string.h>

enum { FIRST_ENTRIES = 64, FIRST_BYTES = 4096 };

void hn_store_reset(hn_store *s)
{
    s->nhead = s->nblock = s->used = s->held = 0;
    s->type = (hn_type){0};
    s->list = (hn_tensor){.dtype = HN_SEQ, .rank = 1, .data = s->head[0].data};
}

void hn_store_free(hn_env *env, hn_store *s)
{
    if (!s) return;
    for (size_t i = 0; i < HN_STORE_BLOCKS; i++) {
        hn_free(env, s->head[i].data);
        hn_free(env, s->block[i].data);
    }
    hn_free(env, s);
}

/* Room for one more record. */
static hn_status more_records(hn_env *env, hn_store *s)
{
    size_t bytes = s->list.bytes;
    if (s->head[s->nhead].cap >= bytes + sizeof(hn_tensor)) return HN_OK;
    size_t next = bytes ? s->nhead + 1 : s->nhead;
    if (next == HN_STORE_BLOCKS) return hn_fail(env, HN_LIMIT, "a sequence of too many entries");
    HN_TRY(hn_grow_to(env, &s->head[next], (sizeof(hn_tensor) * FIRST_ENTRIES) << next));
    HN_TRY(hn_work_add(env, (double)bytes));
    if (bytes) memcpy(s->head[next].data, s->list.data, bytes);
    s->nhead = next;
    s->list.data = s->head[next].data;
    return HN_OK;
}

static hn_status more_bytes(hn_env *env, hn_store *s, size_t bytes)
{
    while (s->block[s->nblock].cap < bytes || s->block[s->nblock].cap - bytes < s->used) {
        if (s->used && s->nblock + 1 == HN_STORE_BLOCKS) return hn_fail(env, HN_LIMIT, "a sequence of too many bytes");
        if (s->used) s->nblock++;
        s->used = 0;
        HN_TRY(hn_grow_to(env, &s->block[s->nblock], hn_max_size((size_t)FIRST_BYTES << s->nblock, bytes)));
    }
    return HN_OK;
}

hn_status hn_store_append(hn_env *env, hn_store *s, const hn_tensor *entry)
{
    size_t bytes;
    HN_TRY(hn_tensor_pack_bytes(env, entry, &bytes));
    HN_TRY(hn_work_add(env, (double)(bytes + sizeof *entry)));
    HN_TRY(more_records(env, s));
    HN_TRY(more_bytes(env, s, bytes));
    hn_tensor_pack(entry, (uint8_t *)s->block[s->nblock].data + s->used,
                   hn_tensor_item(&s->list, (size_t)s->list.dims[0]));
    s->used += bytes;
    s->list.dims[0]++;
    s->list.bytes += sizeof *entry;
    return HN_OK;
}

hn_status hn_store_copy(hn_env *env, hn_store *s, const hn_tensor *list)
{
    hn_store_reset(s);
    for (size_t i = 0, n = hn_tensor_elems(list); i < n; i++) HN_TRY(hn_store_append(env, s, hn_tensor_item(list, i)));
    return HN_OK;
}

bool hn_store_holds(hn_store *s, const hn_type *type, const hn_tensor *t)
{
    if (!s || t->data != s->list.data || t->dtype != HN_SEQ) return hn_type_holds(type, t);
    size_t from = hn_type_same(&s->type, type) ? s->held : 0;
    hn_tensor rest = *t;
    rest.data = hn_tensor_item(t, from);
    rest.dims[0] -= (int64_t)from;
    if (!hn_type_holds(type, &rest)) return false;
    s->type = *type;
    s->held = (size_t)t->dims[0];
    return true;
}

/* Whether step s is the last to read value v, and reads it once. */
static bool last_use(const hn_instance *inst, size_t s, uint32_t v)
{
    const hn_step *st = &inst->plan->steps[s];
    size_t times = 0;
    for (size_t k = 0; k < st->nin; k++) times += st->in[k] == v;
    return inst->last[v] == s && times == 1;
}

hn_store *hn_store_take(hn_instance *inst, size_t s, size_t k)
{
    uint32_t v = inst->plan->steps[s].in[k];
    hn_store *own = v == HN_ABSENT || !inst->own ? NULL : inst->own[v];
    if (!own || !last_use(inst, s, v)) return NULL;
    inst->own[v] = NULL;
    return own;
}

hn_status hn_store_init(hn_env *env, hn_instance *inst)
{
    const hn_plan *p = inst->plan;
    bool lists = false;
    for (size_t i = 0; i < p->nvalues; i++) lists = lists || p->values[i].type.kind != HN_KIND_TENSOR;
    if (!lists) return HN_OK;
    inst->last = hn_arena_array(env, &inst->arena, p->nvalues, sizeof *inst->last);
    inst->own = hn_arena_array(env, &inst->arena, p->nvalues, sizeof *inst->own);
    if (!inst->last || !inst->own) return HN_NOMEM;
    for (size_t s = 0; s < p->nsteps; s++)
        for (size_t k = 0; k < p->steps[s].nin; k++)
            if (p->steps[s].in[k] != HN_ABSENT) inst->last[p->steps[s].in[k]] = s;
    for (size_t i = 0; i < p->nout; i++) inst->last[p->out[i]] = SIZE_MAX;
    return HN_OK;
}

hn_status hn_store_step(hn_env *env, hn_instance *inst, size_t s, bool *done)
{
    const hn_step *st = &inst->plan->steps[s];
    *done = false;
    if (!inst->own || st->nin < 2 || st->in[0] == HN_ABSENT || !inst->own[st->in[0]]) return HN_OK;
    if (st->out[0] == HN_ABSENT || strcmp(st->op, "SequenceInsert") != 0 || !last_use(inst, s, st->in[0])) return HN_OK;
    const hn_tensor *list = inst->in[s][0], *at = st->nin > 2 ? inst->in[s][2] : NULL;
    hn_store *own = inst->own[st->in[0]];
    if (list->data != own->list.data || list->dims[0] != own->list.dims[0]) return HN_OK;
    bool single = !at || (hn_dtype_is_int(at->dtype) && hn_tensor_elems(at) == 1);
    if (!single || (at && hn_get_i64(at, 0) != list->dims[0])) return HN_OK;
    HN_TRY(hn_store_append(env, own, inst->in[s][1]));
    *inst->out[s][0] = own->list;
    inst->own[st->in[0]] = NULL;
    inst->own[st->out[0]] = own;
    *done = true;
    return HN_OK;
}
