/* rnn_f32: LSTM and GRU on float32 with their default activations and constant weights. The products with the input are
 * one GEMM for the whole sequence. Each step then multiplies the state by packed weights and runs the cell: for one
 * sample in one kernel over blocks of hidden units, for more as a GEMM and a pass. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "kernels/cell_f32.h"
#include "kernels/rnn_step_f32.h"
#include "ops/lib_rnn.h"

enum { OPERAND_X, OPERAND_W, OPERAND_R, OPERAND_BIAS, OPERAND_H0, OPERAND_C0, OPERAND_Y, OPERAND_YH, OPERAND_YC };
/* A step is worth sharing between threads when it multiplies by more than this many weights a sample; a task then takes
 * about half as many. */
enum { CELLS_TASK = 1 << 12, SHARED_WEIGHTS = 1 << 17 };

typedef struct params {
    hn_gemm_plan in, gates, fresh; /* X W', state R' (LSTM: all gates; GRU: z and r), GRU's third product */
    uint64_t steps, batch, x, h, dirs;
    uint64_t sums_at, state_at, c_at, gates_at, fresh_at, reset_at; /* offsets in scratch */
    uint64_t r_floats;                                              /* packed R of one direction */
    uint64_t blocks, per_task;                                      /* of the step kernel; 0: GEMM and cells */
    uint32_t gru, linear, batch_first, reverse[2];
    uint32_t plain; /* X holds the products and biases already */
} params;

static const char *const OPS[] = {"LSTM", "GRU", NULL};
static const char *const LSTM_ACTS[] = {"Sigmoid", "Tanh", "Tanh"}, *const GRU_ACTS[] = {"Sigmoid", "Tanh"};

static const hn_value *input(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

static const char *refusal(const hn_node *n, const hn_rnn *s, bool gru)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] != NULL && i != HN_RNN_LENS && n->in[i]->type.dtype != HN_F32) return "not every operand is f32";
    if (input(n, HN_RNN_LENS) != NULL) return "sequence_lens is given";
    if (input(n, HN_RNN_P) != NULL) return "peepholes are given";
    if (n->in[1]->data == NULL || n->in[2]->data == NULL) return "the weights are not constant";
    if (input(n, HN_RNN_B) != NULL && input(n, HN_RNN_B)->data == NULL) return "the bias is not constant";
    if (hn_node_attr(n, "clip") != NULL) return "clip is set";
    if (hn_attr_int(n, "input_forget", 0) != 0) return "input_forget is set";
    for (int d = 0; d < s->dirs; d++)
        for (int i = 0; i < s->acts; i++)
            if (strcmp(s->act[d][i].name, (gru ? GRU_ACTS : LSTM_ACTS)[i]) != 0)
                return "an activation is not the default";
    return NULL;
}

/* R [gates * h][h] into blocks of nr units, see rnn_step_f32.h. */
static void pack_blocks(float *dst, const float *r, size_t gates, size_t h, size_t nr)
{
    for (size_t b = 0; b < h; b += nr)
        for (size_t k = 0; k < h; k++)
            for (size_t g = 0; g < gates; g++, dst += nr)
                for (size_t i = 0; i < nr && b + i < h; i++) dst[i] = r[(g * h + b + i) * h + k];
}

static hn_status pack(hn_lower *c, const params *p, size_t gates)
{
    const hn_node *n = c->node;
    size_t h = p->h, gh = gates * h, wf = hn_gemm_packed_floats(&p->in), gf = hn_gemm_packed_floats(&p->gates);
    const float *w = n->in[1]->data->data, *r = n->in[2]->data->data;
    const float *b = input(n, HN_RNN_B) == NULL ? NULL : input(n, HN_RNN_B)->data->data;
    float *pw = NULL, *pr, *pb;
    if (p->plain ? hn_lower_input(c, SIZE_MAX) < 0 : hn_lower_const(c, p->dirs * wf * sizeof *pw, (void **)&pw) < 0)
        return HN_NOMEM;
    if (hn_lower_const(c, p->dirs * p->r_floats * sizeof *pr, (void **)&pr) < 0) return HN_NOMEM;
    if (hn_lower_const(c, p->dirs * (gh + h) * sizeof *pb, (void **)&pb) < 0) return HN_NOMEM;
    for (size_t d = 0; d < p->dirs; d++, w += gh * p->x, r += gh * h, pb += gh + h) {
        if (!p->plain) hn_gemm_pack(&p->in, pw + d * wf, w, 1, p->x, 1.0f);
        if (p->blocks > 0)
            pack_blocks(pr + d * p->r_floats, r, gates, h, p->r_floats / (p->blocks * gates * h));
        else
            hn_gemm_pack(&p->gates, pr + d * p->r_floats, r, 1, h, 1.0f);
        if (p->gru && p->blocks == 0) hn_gemm_pack(&p->fresh, pr + d * p->r_floats + gf, r + 2 * h * h, 1, h, 1.0f);
        if (b == NULL) continue;
        const float *wb = b + d * 2 * gh, *rb = wb + gh;
        /* The bias of a linear GRU's third product is inside the reset; all others join those of the input. */
        for (size_t i = 0; i < gh; i++) pb[i] = wb[i] + (p->linear && i >= 2 * h ? 0.0f : rb[i]);
        for (size_t i = 0; p->linear && i < h; i++) pb[gh + i] = rb[2 * h + i];
    }
    return HN_OK;
}

/* Is every bias 0 that is added to the products with the input? */
static bool no_bias(const hn_value *b, bool linear, size_t gates, size_t h)
{
    if (b == NULL) return true;
    const float *x = b->data->data;
    for (size_t i = 0; i < 2 * gates * h; i++)
        if (x[i] != 0 && !(linear && i >= (gates + 2) * h)) return false;
    return true;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    bool gru = strcmp(n->op->name, "GRU") == 0;
    size_t gates = gru ? 3 : 4;
    hn_rnn s;
    HN_TRY(hn_rnn_read(c->env, n, (int)gates, gru ? 2 : 3, gru ? GRU_ACTS : LSTM_ACTS, &n->in[0]->type, &n->in[1]->type,
                       &n->in[2]->type, &s));
    const char *why = refusal(n, &s, gru);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    const hn_kernel *k = hn_lower_kernel(c, "gemm_f32", -1, 0);
    if (k == NULL || hn_lower_kernel(c, "cell_f32", -1, 0) == NULL)
        return hn_lower_refuse(c, "no gemm_f32 or cell_f32 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->steps = (uint64_t)s.steps;
    p->batch = (uint64_t)s.batch;
    p->x = (uint64_t)s.in;
    p->h = (uint64_t)s.hidden;
    p->dirs = (uint64_t)s.dirs;
    p->gru = gru;
    p->linear = gru && hn_attr_int(n, "linear_before_reset", 0) != 0;
    p->batch_first = s.batch_first;
    for (int d = 0; d < 2; d++) p->reverse[d] = s.reverse[d];
    p->plain = hn_rnn_is_identity(n->in[1]->data) && no_bias(input(n, HN_RNN_B), p->linear != 0, gates, p->h);
    size_t rows = p->steps * p->batch, gh = gates * p->h, state = hn_align_up(p->batch * p->h * sizeof(float), 64);
    hn_gemm_plan_init(&p->in, k, 1, rows, gh, 1, p->x);
    hn_gemm_plan_init(&p->gates, k, 1, p->batch, gru ? 2 * p->h : gh, 1, p->h);
    hn_gemm_plan_init(&p->fresh, k, 1, p->batch, p->h, 1, p->h);
    p->r_floats = hn_gemm_packed_floats(&p->gates) + (gru ? hn_gemm_packed_floats(&p->fresh) : 0);
    const hn_kernel *step =
        p->batch == 1 && p->h > 0 && gru == (p->linear != 0) ? hn_lower_kernel(c, "rnn_step_f32", -1, 0) : NULL;
    if (step != NULL) {
        size_t block = gates * p->h * step->nr;
        p->blocks = hn_div_up(p->h, step->nr);
        p->r_floats = p->blocks * block;
        p->per_task = hn_max_size(SHARED_WEIGHTS / 2 / block, 1);
    }
    p->sums_at = 0;
    p->state_at = p->plain ? 0 : hn_align_up(rows * gh * sizeof(float), 64);
    p->c_at = p->state_at + state;
    p->gates_at = p->c_at + state;
    p->fresh_at = p->gates_at + 4 * state;
    p->reset_at = p->fresh_at + state;
    c->scratch_bytes = p->reset_at + state;
    if (hn_lower_input(c, 0) < 0) return HN_NOMEM;
    HN_TRY(pack(c, p, gates));
    if (hn_lower_input(c, HN_RNN_H0) < 0 || hn_lower_input(c, gru ? SIZE_MAX : HN_RNN_C0) < 0) return HN_NOMEM;
    for (size_t i = 0; i < 3; i++)
        if (hn_lower_output(c, i) < 0) return HN_NOMEM;
    return HN_OK;
}

typedef struct walk {
    const hn_run *r;
    const params *p;
    float *sums, *state, *c, *gates, *fresh, *reset;
    hn_pool *pool; /* of the steps */
    size_t step, dir, per_task;
    int32_t kind;
} walk;

static float *scratch_at(const hn_run *r, uint64_t at)
{
    return (float *)((char *)r->scratch + at);
}

/* Row of (step, sample) in X and in the sums. */
static size_t row_of(const params *p, size_t step, size_t sample)
{
    return p->batch_first ? sample * p->steps + step : step * p->batch + sample;
}

static void cells(void *ctx, size_t index)
{
    const walk *w = ctx;
    const params *p = w->p;
    size_t h = p->h, wide = p->gru ? 2 * h : 4 * h, end = hn_min_size((index + 1) * w->per_task, p->batch);
    for (size_t n = index * w->per_task; n < end; n++) {
        const float *x = w->sums + row_of(p, w->step, n) * (p->gru ? 3 * h : 4 * h) + 2 * h;
        hn_cell_f32 g = {.kind = w->kind,
                         .h = h,
                         .a = w->gates + n * wide,
                         .b = w->fresh + n * h,
                         .x = x,
                         .state = w->state + n * h};
        g.c = w->c + n * h;
        g.out = w->reset + n * h;
        ((hn_cell_f32_fn *)w->r->kernels[1]->fn)(&g);
        float *y = w->r->ptr[OPERAND_Y];
        if (y == NULL || w->kind == HN_CELL_GRU_RESET) continue;
        size_t at =
            p->batch_first ? (n * p->steps + w->step) * p->dirs + w->dir : (w->step * p->dirs + w->dir) * p->batch + n;
        memcpy(y + at * h, g.state, h * sizeof *y);
    }
}

static void run_cells(walk *w, int32_t kind)
{
    w->kind = kind;
    hn_pool_run(w->pool, hn_div_up(w->p->batch, w->per_task), cells, w);
}

static void run_step(walk *w)
{
    const params *p = w->p;
    const float *packed = (const float *)w->r->ptr[OPERAND_R] + w->dir * p->r_floats;
    const float *bias = (const float *)w->r->ptr[OPERAND_BIAS] + w->dir * ((p->gru ? 4 : 5) * p->h);
    size_t h = p->h, gh = (p->gru ? 3 : 4) * h, wide = p->gru ? 2 * h : gh;
    const float *sums = w->sums + row_of(p, w->step, 0) * gh;
    hn_gemm_job job = {
        .plan = &p->gates, .kernel = w->r->kernels[0], .a = w->state, .a_stride = h, .b = packed, .c = w->gates};
    job.c_stride = wide;
    job.ep.residual = sums;
    job.ep.residual_stride = p->batch_first ? p->steps * gh : gh;
    hn_gemm_run(w->pool, &job);
    if (!p->gru) {
        run_cells(w, HN_CELL_LSTM);
        return;
    }
    if (!p->linear) run_cells(w, HN_CELL_GRU_RESET);
    job.plan = &p->fresh;
    job.a = p->linear ? w->state : w->reset;
    job.b = packed + hn_gemm_packed_floats(&p->gates);
    job.c = w->fresh;
    job.c_stride = h;
    job.ep.residual = p->linear ? NULL : sums + 2 * h;
    job.ep.bias = p->linear ? bias + gh : NULL;
    hn_gemm_run(w->pool, &job);
    run_cells(w, p->linear ? HN_CELL_GRU_LINEAR : HN_CELL_GRU_NEXT);
}

typedef struct shared_step {
    const walk *w;
    hn_rnn_step_f32 g;
} shared_step;

static void step_task(void *ctx, size_t index)
{
    const shared_step *s = ctx;
    const params *p = s->w->p;
    hn_rnn_step_f32 g = s->g;
    g.first = index * p->per_task;
    g.end = hn_min_size(g.first + p->per_task, p->blocks);
    ((hn_rnn_step_f32_fn *)s->w->r->kernels[2]->fn)(&g);
}

/* One sample: state and gates take turns as the old and the new state. */
static void run_fused(walk *w, size_t count)
{
    const params *p = w->p;
    size_t gh = (p->gru ? 3 : 4) * p->h;
    float *y = w->r->ptr[OPERAND_Y], *next = w->gates;
    shared_step s = {.w = w, .g = {.gru = p->gru != 0, .h = p->h, .end = p->blocks, .c = w->c}};
    s.g.weights = (const float *)w->r->ptr[OPERAND_R] + w->dir * p->r_floats;
    s.g.inner = p->gru ? (const float *)w->r->ptr[OPERAND_BIAS] + w->dir * 4 * p->h + gh : NULL;
    s.g.down = (count & 1) != 0;
    s.g.sums = w->sums + w->step * gh;
    s.g.state = w->state;
    s.g.next = next;
    s.g.y = y == NULL ? NULL : y + (w->step * p->dirs + w->dir) * p->h;
    if (w->pool == NULL)
        ((hn_rnn_step_f32_fn *)w->r->kernels[2]->fn)(&s.g);
    else
        hn_pool_run(w->pool, hn_div_up(p->blocks, p->per_task), step_task, &s);
    w->gates = w->state;
    w->state = next;
}

/* Rows of a state tensor, [dirs, batch, h] or [batch, dirs, h], into or out of dense rows. */
static void move_state(const walk *w, float *dense, float *tensor, bool out)
{
    const params *p = w->p;
    for (size_t n = 0; n < p->batch; n++) {
        size_t at = p->batch_first ? n * p->dirs + w->dir : w->dir * p->batch + n;
        if (tensor == NULL && !out) memset(dense + n * p->h, 0, p->h * sizeof *dense);
        if (tensor == NULL) continue;
        memcpy(out ? tensor + at * p->h : dense + n * p->h, out ? dense + n * p->h : tensor + at * p->h,
               p->h * sizeof *dense);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    size_t gh = (p->gru ? 3 : 4) * p->h;
    walk w = {.r = r, .p = p, .per_task = hn_max_size(CELLS_TASK / hn_max_size(p->h, 1), 1)};
    w.pool = p->batch * p->r_floats > SHARED_WEIGHTS ? r->pool : NULL;
    w.sums = scratch_at(r, p->sums_at);
    w.state = scratch_at(r, p->state_at);
    w.c = scratch_at(r, p->c_at);
    w.gates = scratch_at(r, p->gates_at);
    w.fresh = scratch_at(r, p->fresh_at);
    w.reset = scratch_at(r, p->reset_at);
    for (w.dir = 0; w.dir < p->dirs; w.dir++) {
        if (p->plain) w.sums = r->ptr[OPERAND_X];
        hn_gemm_job job = {
            .plan = &p->in, .kernel = r->kernels[0], .a = r->ptr[OPERAND_X], .a_stride = p->x, .c = w.sums};
        job.b = (const float *)r->ptr[OPERAND_W] + w.dir * hn_gemm_packed_floats(&p->in);
        job.c_stride = gh;
        job.ep.bias = (const float *)r->ptr[OPERAND_BIAS] + w.dir * (gh + p->h);
        if (!p->plain) hn_gemm_run(r->pool, &job);
        move_state(&w, w.state, r->ptr[OPERAND_H0], false);
        move_state(&w, w.c, r->ptr[OPERAND_C0], false);
        for (size_t i = 0; i < p->steps; i++) {
            w.step = p->reverse[w.dir] ? p->steps - 1 - i : i;
            if (p->blocks > 0)
                run_fused(&w, i);
            else
                run_step(&w);
        }
        move_state(&w, w.state, r->ptr[OPERAND_YH], true);
        if (!p->gru) move_state(&w, w.c, r->ptr[OPERAND_YC], true);
    }
    return HN_OK;
}

const hn_driver hn_cpu_rnn_f32 = {
    .name = "rnn_f32",
    .doc = "float32 LSTM and GRU with default activations and constant weights",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
