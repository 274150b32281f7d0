/* tune: see the header. A candidate runs as it would in a plan: packed weights, its own scratch, the environment's
 * pool; activations are random, and integers zero so that any index is valid. */
#include "optimize/tune.h"

#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/size.h"
#include "ops/ops.h"
#include "optimize/stats.h"

enum { ROUNDS = 9, WINS = 8, SLICE_NS = 2500000, CALLS_MAX = 100000, OPERANDS_MAX = 64 };
static const double GAIN = 1.03, HOPELESS = 2.5;

typedef struct candidate {
    const hn_driver *driver;
    const hn_kernel *kernel;
    hn_lower lower;
    void *ptr[OPERANDS_MAX];
    void *scratch;
    size_t calls; /* a round */
    double us[ROUNDS], first_us;
    bool out; /* too slow to go on with */
} candidate;

typedef struct bench {
    hn_env *env;
    hn_arena *arena; /* of one node */
    const hn_machine *machine;
    const hn_node *node;
    candidate *c;
    size_t count;
} bench;

static bool timed_already(const bench *b, const hn_lower *l, const hn_driver *d)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->c[i].driver == d && memcmp(b->c[i].lower.kernels, l->kernels, sizeof l->kernels) == 0) return true;
    return false;
}

/* Add what the driver makes of the node with this kernel, unless it refuses or does what another candidate does. */
static hn_status add(bench *b, const hn_driver *d, const hn_kernel *k, bool *taken)
{
    hn_lower l = {
        .env = b->env, .arena = b->arena, .node = b->node, .machine = b->machine, .isa = b->env->isa, .inplace = -1};
    *taken = false;
    if (b->count == HN_CHOICES_MAX) return HN_OK;
    HN_TRY(hn_device_try(&l, d, k));
    if (l.refused || l.noperands > OPERANDS_MAX || timed_already(b, &l, d)) return HN_OK;
    b->c[b->count++] = (candidate){.driver = d, .kernel = k, .lower = l};
    *taken = true;
    return HN_OK;
}

/* Other kernels of the families that the driver's own pick uses. Code for older instruction sets is left out: what the
 * rules would need it for are machines without newer ones. */
static hn_status add_kernels(bench *b, const candidate *own)
{
    const hn_lower l = own->lower;
    const hn_driver *d = own->driver;
    bool taken;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        for (size_t f = 0; f < l.nkernels; f++) {
            const hn_kernel *has = l.kernels[f];
            if (k == has || strcmp(k->family, has->family) != 0 || k->isa != has->isa || k->variant != has->variant)
                continue;
            HN_TRY(add(b, d, k, &taken));
            break;
        }
    }
    return HN_OK;
}

static hn_status candidates(bench *b)
{
    for (size_t i = hn_driver_next(b->node->op, hn_driver_count); i < hn_driver_count;
         i = hn_driver_next(b->node->op, i)) {
        bool taken;
        HN_TRY(add(b, hn_driver_rows[i], NULL, &taken));
        if (taken) HN_TRY(add_kernels(b, &b->c[b->count - 1]));
    }
    return HN_OK;
}

static hn_status memory_for(bench *b, const hn_value *v, hn_rng *rng, void **out)
{
    hn_tensor *t = hn_arena_alloc(b->env, b->arena, sizeof *t);
    if (t == NULL) return HN_NOMEM;
    HN_TRY(hn_tensor_init(b->env, b->arena, t, v->type.dtype, v->type.rank, v->type.dims));
    for (size_t i = 0; v->type.dtype == HN_F32 && i < hn_tensor_elems(t); i++)
        ((float *)t->data)[i] = (float)(2 * hn_rng_unit(rng) - 1);
    *out = t->data;
    return HN_OK;
}

/* Give every operand its memory; inputs and outputs of the node are shared by the candidates. */
static hn_status prepare(bench *b)
{
    const hn_node *n = b->node;
    void **in = hn_arena_array(b->env, b->arena, n->nin + n->nout + 1, sizeof *in),
         **made = in == NULL ? NULL : in + n->nin;
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    if (in == NULL) return HN_NOMEM;
    for (size_t i = 0; i < n->nin; i++) {
        if (n->in[i] != NULL && n->in[i]->data != NULL)
            in[i] = n->in[i]->data->data;
        else if (n->in[i] != NULL)
            HN_TRY(memory_for(b, n->in[i], &rng, &in[i]));
    }
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] != NULL) HN_TRY(memory_for(b, n->out[i], &rng, &made[i]));
    for (size_t k = 0; k < b->count; k++) {
        candidate *c = &b->c[k];
        for (size_t i = 0; i < c->lower.noperands; i++) {
            const hn_operand *o = &c->lower.operands[i];
            c->ptr[i] = o->kind == HN_OPERAND_CONST ? o->data : NULL;
            for (size_t j = 0; o->value != NULL && j < n->nin; j++)
                if (n->in[j] == o->value) c->ptr[i] = in[j];
            for (size_t j = 0; o->value != NULL && j < n->nout; j++)
                if (n->out[j] == o->value) c->ptr[i] = made[j];
        }
        c->scratch = hn_arena_alloc_aligned(b->env, b->arena, c->lower.scratch_bytes + 1, 64);
        if (c->scratch == NULL) return HN_NOMEM;
    }
    return HN_OK;
}

static hn_status time_calls(bench *b, candidate *c, size_t calls, double *us)
{
    const hn_run r = {.env = b->env,
                      .ptr = c->ptr,
                      .params = c->lower.params,
                      .kernels = c->lower.kernels,
                      .scratch = c->scratch,
                      .pool = b->env->pool};
    uint64_t from = hn_clock_ns();
    for (size_t i = 0; i < calls; i++) HN_TRY(c->driver->run(&r));
    *us = (double)(hn_clock_ns() - from) * 1e-3 / (double)calls;
    return HN_OK;
}

static hn_status measure(bench *b)
{
    double best = 0;
    for (size_t k = 0; k < b->count; k++) {
        candidate *c = &b->c[k];
        double us;
        for (int i = 0; i < 3; i++) {
            HN_TRY(time_calls(b, c, 1, &us));
            c->first_us = i == 0 || us < c->first_us ? us : c->first_us;
        }
        double calls = SLICE_NS * 1e-3 / (c->first_us + 1e-3);
        c->calls = calls < 1 ? 1 : calls > CALLS_MAX ? CALLS_MAX : (size_t)calls;
        best = k == 0 || c->first_us < best ? c->first_us : best;
    }
    for (size_t k = 1; k < b->count; k++) b->c[k].out = b->c[k].first_us > HOPELESS * best;
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < b->count; i++) {
            candidate *c = &b->c[r % 2 == 0 ? i : b->count - 1 - i];
            if (!c->out) HN_TRY(time_calls(b, c, c->calls, &c->us[r]));
        }
    return HN_OK;
}

static size_t choose(const bench *b, const double *median)
{
    size_t taken = 0;
    for (size_t k = 1; k < b->count; k++) {
        size_t wins = 0;
        if (b->c[k].out || median[k] * GAIN >= median[0] || median[k] >= median[taken]) continue;
        for (size_t r = 0; r < ROUNDS; r++) wins += b->c[k].us[r] < b->c[0].us[r];
        if (wins >= WINS) taken = k;
    }
    return taken;
}

static hn_status record(bench *b, hn_arena *arena, const char *key, hn_tuned *out)
{
    double median[HN_CHOICES_MAX];
    out->rows = hn_arena_array(b->env, arena, b->count, sizeof *out->rows);
    if (out->rows == NULL) return HN_NOMEM;
    for (size_t k = 0; k < b->count; k++) {
        const candidate *c = &b->c[k];
        hn_choice *r = &out->rows[k];
        double sorted[ROUNDS];
        memcpy(sorted, c->us, sizeof sorted);
        hn_stat_sort(sorted, ROUNDS);
        median[k] = c->out ? c->first_us : sorted[ROUNDS / 2];
        *r = (hn_choice){.driver = c->driver, .kernel = c->kernel, .us = median[k]};
        memcpy(r->key, key, sizeof r->key);
        if (!c->out && median[k] > 0) r->spread = (sorted[ROUNDS * 3 / 4] - sorted[ROUNDS / 4]) / median[k];
    }
    out->taken = choose(b, median);
    out->rows[out->taken].taken = true;
    out->count = b->count;
    return HN_OK;
}

/* Time the candidates of one node; out->count stays 0 where there is no choice. */
static hn_status tune_node(hn_env *env, hn_arena *arena, const hn_machine *m, const char *key, hn_tuned *out)
{
    hn_arena own = {0};
    bench b = {.env = env, .arena = &own, .machine = m, .node = out->node};
    b.c = hn_arena_array(env, &own, HN_CHOICES_MAX, sizeof *b.c);
    hn_status st = b.c == NULL ? HN_NOMEM : candidates(&b);
    if (st == HN_OK && b.count > 1) {
        st = prepare(&b);
        if (st == HN_OK) st = measure(&b);
        if (st == HN_OK) st = record(&b, arena, key, out);
    }
    hn_arena_fini(env, &own);
    return hn_context(env, st, "timing node \"%s\"", hn_node_label(out->node));
}

typedef struct task {
    hn_tuned node;
    char key[HN_KEY_BYTES];
    double cost;
} task;

typedef struct collection {
    task *t;
    size_t count, cap;
} collection;

static bool known(const hn_node *n)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] != NULL && (n->in[i]->type.dtype == HN_STRING || !hn_type_known(&n->in[i]->type))) return false;
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] != NULL && (n->out[i]->type.dtype == HN_STRING || !hn_type_known(&n->out[i]->type))) return false;
    return n->nout > 0 && n->out[0] != NULL;
}

static size_t count_nodes(const hn_graph *g)
{
    size_t n = g->nnodes;
    for (const hn_node *x = g->first; x != NULL; x = x->next)
        for (size_t i = 0; i < x->nregions; i++) n += count_nodes(x->regions[i]);
    return n;
}

static hn_status collect(hn_env *env, const hn_graph *g, collection *c)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->nregions; i++) HN_TRY(collect(env, n->regions[i], c));
        if ((n->op->flags & (HN_OP_CONTROL | HN_OP_VIEW)) != 0 || !known(n)) continue;
        char key[HN_KEY_BYTES];
        size_t at = 0;
        HN_TRY(hn_choice_key(env, n, key));
        while (at < c->count && strcmp(c->t[at].key, key) != 0) at++;
        if (at == c->count) {
            c->t[c->count++] = (task){.node = {.node = n}};
            memcpy(c->t[at].key, key, sizeof key);
        }
        hn_cost cost = {0};
        hn_op_cost(n, &cost);
        c->t[at].cost += cost.flops / 8 + cost.bytes;
        c->t[at].node.uses++;
    }
    return HN_OK;
}

static void sort_by_cost(collection *c)
{
    for (size_t i = 1; i < c->count; i++) {
        task x = c->t[i];
        size_t at = i;
        for (; at > 0 && c->t[at - 1].cost < x.cost; at--) c->t[at] = c->t[at - 1];
        c->t[at] = x;
    }
}

hn_status hn_tune_graph(hn_env *env, hn_arena *arena, const hn_machine *m, const hn_graph *g, const hn_tune_options *o,
                        hn_choices *choices, hn_tune_result *out)
{
    collection c = {.cap = count_nodes(g)};
    *out = (hn_tune_result){0};
    c.t = hn_arena_array(env, arena, c.cap + 1, sizeof *c.t);
    out->nodes = hn_arena_array(env, arena, c.cap + 1, sizeof *out->nodes);
    if (c.t == NULL || out->nodes == NULL) return HN_NOMEM;
    HN_TRY(collect(env, g, &c));
    sort_by_cost(&c);
    uint64_t begin = hn_clock_ns();
    for (size_t i = 0; i < c.count; i++) {
        hn_tuned *t = &c.t[i].node;
        if (o->progress != NULL) o->progress(o->self, i, c.count);
        if (o->budget_s > 0 && (double)(hn_clock_ns() - begin) * 1e-9 > o->budget_s) {
            out->nodes[out->count++] = *t;
            out->left++;
            continue;
        }
        HN_TRY(tune_node(env, arena, m, c.t[i].key, t));
        if (t->count == 0) continue;
        HN_TRY(hn_choices_set(env, choices, t->rows, t->count));
        out->nodes[out->count++] = *t;
    }
    return HN_OK;
}
