/* device: driver and kernel lookup, the functions through which a driver fills its step, and the search for a driver in
 * rank order. A refused candidate leaves nothing behind in the context but memory in the plan's arena. */
#include "device/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "device/choices.h"

enum { PARAMS_MAX = 4096, CONST_SLACK = 64 };

const hn_driver *hn_driver_find(const char *name)
{
    for (size_t i = 0; i < hn_driver_count; i++)
        if (strcmp(hn_driver_rows[i]->name, name) == 0) return hn_driver_rows[i];
    return NULL;
}

const hn_kernel *hn_kernel_find(const char *name)
{
    for (size_t i = 0; i < hn_kernel_count; i++)
        if (strcmp(hn_kernel_rows[i]->name, name) == 0) return hn_kernel_rows[i];
    return NULL;
}

bool hn_inputs_are(const hn_node *n, hn_dtype dtype)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] != NULL && n->in[i]->type.dtype != dtype) return false;
    return true;
}

hn_status hn_lower_refuse(hn_lower *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->reason, sizeof c->reason, fmt, args);
    va_end(args);
    c->refused = true;
    return HN_OK;
}

void *hn_lower_params(hn_lower *c, size_t bytes)
{
    if (bytes > PARAMS_MAX || c->params != NULL) {
        (void)hn_fail(c->env, HN_BUG, "driver asks for %zu bytes of parameters; one block of at most %d is allowed",
                      bytes, PARAMS_MAX);
        return NULL;
    }
    c->params = hn_arena_alloc_aligned(c->env, c->arena, bytes, 64);
    c->params_bytes = c->params == NULL ? 0 : bytes;
    return c->params;
}

static int add_operand(hn_lower *c, const hn_operand *o)
{
    if (c->noperands == c->operands_cap) {
        size_t cap = c->operands_cap == 0 ? 8 : 2 * c->operands_cap;
        hn_operand *grown = hn_arena_array(c->env, c->arena, cap, sizeof *grown);
        if (grown == NULL) return -1;
        if (c->noperands > 0) memcpy(grown, c->operands, c->noperands * sizeof *grown);
        c->operands = grown;
        c->operands_cap = cap;
    }
    c->operands[c->noperands] = *o;
    return (int)c->noperands++;
}

int hn_lower_input(hn_lower *c, size_t i)
{
    hn_operand o = {.kind = HN_OPERAND_VALUE, .value = i < c->node->nin ? c->node->in[i] : NULL};
    return add_operand(c, &o);
}

int hn_lower_output(hn_lower *c, size_t i)
{
    hn_operand o = {.kind = HN_OPERAND_VALUE, .written = true, .value = i < c->node->nout ? c->node->out[i] : NULL};
    return add_operand(c, &o);
}

bool hn_lower_joins(const hn_lower *c, size_t *at, size_t *stride)
{
    const hn_value *v = c->node->nout > 0 ? c->node->out[0] : NULL;
    const hn_node *cat = v == NULL || v->nuses != 1 ? NULL : v->uses->node;
    if (cat == NULL || !hn_node_is(cat, "Concat") || cat->graph != c->node->graph || !hn_type_known(&v->type))
        return false;
    const hn_value *whole = cat->out[0];
    int axis, last = v->type.rank - 1;
    if (whole == NULL || !hn_type_known(&whole->type) || last < 0) return false;
    if (!hn_axis(hn_attr_int(cat, "axis", 0), whole->type.rank, &axis) || axis != last) return false;
    size_t sum = 0;
    for (size_t i = 0; i < cat->nin; i++) {
        const hn_type *t = cat->in[i] == NULL ? NULL : &cat->in[i]->type;
        if (t == NULL || !hn_type_known(t) || t->rank != last + 1 || t->dtype != v->type.dtype) return false;
        if (cat->in[i] == v) *at = sum;
        sum += (size_t)t->dims[last];
    }
    *stride = sum;
    return sum == (size_t)whole->type.dims[last];
}

int hn_lower_output_joined(hn_lower *c)
{
    hn_value *v = c->node->out[0];
    hn_operand o = {.kind = HN_OPERAND_VALUE, .written = true, .value = v->uses->node->out[0]};
    v->joined = true;
    return add_operand(c, &o);
}

int hn_lower_const(hn_lower *c, size_t bytes, void **data)
{
    size_t padded;
    *data = NULL;
    if (!hn_size_add(bytes, CONST_SLACK, &padded)) {
        (void)hn_fail(c->env, HN_LIMIT, "cannot allocate %zu bytes of packed constants: size overflows", bytes);
        return -1;
    }
    hn_operand o = {.kind = HN_OPERAND_CONST, .bytes = bytes};
    o.data = hn_arena_alloc_aligned(c->env, c->arena, padded, 64);
    if (o.data == NULL) return -1;
    *data = o.data;
    return add_operand(c, &o);
}

hn_status hn_lower_kernel_add(hn_lower *c, const hn_kernel *k)
{
    if (c->nkernels == HN_STEP_KERNELS)
        return hn_fail(c->env, HN_BUG, "driver adds more than %d kernels", HN_STEP_KERNELS);
    c->kernels[c->nkernels++] = k;
    return HN_OK;
}

const hn_kernel *hn_lower_kernel(hn_lower *c, const char *family, int variant, uint32_t flags)
{
    const hn_kernel *best = NULL;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, family) != 0 || (k->isa & ~c->isa) != 0) continue;
        if ((variant >= 0 && k->variant != variant) || (k->flags & flags) != flags) continue;
        if (best == NULL || k == c->prefer || (best != c->prefer && k->rank > best->rank)) best = k;
    }
    if (best == NULL || hn_lower_kernel_add(c, best) != HN_OK) return NULL;
    return best;
}

static bool names_op(const hn_driver *d, const hn_op *op)
{
    size_t domain = strlen(op->domain);
    for (const char *const *name = d->ops; *name != NULL; name++) {
        if (domain == 0 && strcmp(*name, op->name) == 0) return true;
        if (domain > 0 && strncmp(*name, op->domain, domain) == 0 && (*name)[domain] == '.' &&
            strcmp(*name + domain + 1, op->name) == 0)
            return true;
    }
    return false;
}

size_t hn_driver_next(const hn_op *op, size_t last)
{
    size_t best = hn_driver_count;
    for (size_t i = 0; i < hn_driver_count; i++) {
        const hn_driver *d = hn_driver_rows[i];
        if (!names_op(d, op)) continue;
        if (last < hn_driver_count) {
            int before = hn_driver_rows[last]->rank;
            if (d->rank > before || (d->rank == before && i <= last)) continue;
        }
        if (best == hn_driver_count || d->rank > hn_driver_rows[best]->rank) best = i;
    }
    return best;
}

static void reset(hn_lower *c)
{
    if (c->node->nout > 0 && c->node->out[0] != NULL) c->node->out[0]->joined = false;
    c->params = NULL;
    c->params_bytes = 0;
    c->noperands = 0;
    c->operands = NULL; /* a step keeps the array it was given */
    c->operands_cap = 0;
    c->nkernels = 0;
    c->scratch_bytes = 0;
    c->inplace = -1;
    c->error = 0;
    c->refused = false;
    c->reason[0] = '\0';
}

hn_status hn_device_try(hn_lower *c, const hn_driver *driver, const hn_kernel *prefer)
{
    reset(c);
    c->prefer = prefer;
    hn_status st = driver->lower(c);
    c->prefer = NULL;
    return st == HN_OK ? HN_OK : hn_context(c->env, st, "lowering with %s", driver->name);
}

/* What was measured for the node, where the one to take still takes it. */
static hn_status lower_measured(hn_lower *c, const hn_driver **driver, hn_lower_trace_fn *trace, void *self)
{
    char key[HN_KEY_BYTES], reason[sizeof c->reason];
    size_t count, taken = 0;
    HN_TRY(hn_choice_key(c->env, c->node, key));
    const hn_choice *row = hn_choices_find(c->env->choices, key, &count);
    if (row == NULL) return HN_OK;
    while (!row[taken].taken) taken++;
    if (!names_op(row[taken].driver, c->node->op)) return HN_OK;
    HN_TRY(hn_device_try(c, row[taken].driver, row[taken].kernel));
    if (c->refused) return HN_OK;
    *driver = row[taken].driver;
    for (size_t i = 0; trace != NULL && i < count; i++) {
        snprintf(reason, sizeof reason, "measured %.2f us%s%.60s; %.2f us for what is taken", row[i].us,
                 row[i].kernel == NULL ? "" : " with ", row[i].kernel == NULL ? "" : row[i].kernel->name,
                 row[taken].us);
        trace(self, row[i].driver, i == taken ? "" : reason);
    }
    return HN_OK;
}

hn_status hn_device_lower(hn_lower *c, const hn_driver **driver, hn_lower_trace_fn *trace, void *self)
{
    *driver = NULL;
    char kept[sizeof c->reason];
    snprintf(kept, sizeof kept, "no driver for %s%s%s", c->node->op->domain, c->node->op->domain[0] == '\0' ? "" : ".",
             c->node->op->name);
    bool optional = c->node->op->nout > 0 && c->node->op->out != NULL && c->node->op->out[0].optional;
    if (c->node->nout == 0 || (c->node->out[0] == NULL && !optional)) {
        reset(c);
        snprintf(c->reason, sizeof c->reason, "the first output is not used");
        return HN_OK;
    }
    if (c->env->choices != NULL && c->env->choices->count > 0) HN_TRY(lower_measured(c, driver, trace, self));
    if (*driver != NULL) return HN_OK;
    for (size_t i = hn_driver_next(c->node->op, hn_driver_count); i < hn_driver_count;
         i = hn_driver_next(c->node->op, i)) {
        const hn_driver *d = hn_driver_rows[i];
        HN_TRY(hn_device_try(c, d, NULL));
        if (trace != NULL) trace(self, d, c->refused ? c->reason : "");
        if (!c->refused) {
            *driver = d;
            return HN_OK;
        }
        snprintf(kept, sizeof kept, "%.40s: %.100s", d->name, c->reason);
    }
    reset(c);
    memcpy(c->reason, kept, sizeof kept);
    return HN_OK;
}
