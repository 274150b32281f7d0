/* rnn_table: an LSTM or GRU whose input is rows of a constant table multiplies each row of the table once, when the
 * graph is compiled: the products become the table, and the input weights the identity, which drivers know. */
#include "base/size.h"
#include "ops/lib_rnn.h"
#include "passes/lib_match.h"

/* Rows for each number of a row, and numbers of a new table: beyond, products at run time are cheaper than memory. */
enum { ROWS_PER_INPUT = 2, MOST_NUMBERS = 1 << 22, MOST_GATES = 2048 };

/* The Gather of whole rows behind x, through views that keep its last dim. */
static const hn_node *rows_behind(const hn_value *x)
{
    int64_t width = x->type.dims[2];
    for (int depth = 0; depth < 4 && x->producer != NULL; ++depth) {
        const hn_node *n = x->producer;
        const hn_type *t = &x->type;
        if (t->rank < 1 || t->dims[t->rank - 1] != width) return NULL;
        if (hn_node_is(n, "Gather")) return n;
        if (!hn_node_is(n, "Reshape") && !hn_node_is(n, "Unsqueeze") && !hn_node_is(n, "Squeeze")) return NULL;
        x = n->in[0];
    }
    return NULL;
}

typedef struct cell {
    hn_node *node;
    const hn_node *gather;
    const hn_tensor *table, *w, *b; /* b: NULL for none */
    int64_t gates, hidden;
    size_t inside; /* gates from here on keep their recurrent bias, which is inside the reset */
} cell;

static bool read_cell(hn_node *n, cell *k)
{
    bool gru = hn_node_is(n, "GRU");
    if (!gru && !hn_node_is(n, "LSTM")) return false;
    const hn_value *x = n->in[0];
    *k = (cell){.node = n, .w = hn_node_const(n, HN_RNN_W), .gates = gru ? 3 : 4};
    k->inside = gru && hn_attr_int(n, "linear_before_reset", 0) != 0 ? 2 : (size_t)k->gates;
    if (x->type.rank != 3 || !hn_type_known(&x->type) || k->w == NULL || k->w->dtype != HN_F32) return false;
    if (hn_rnn_is_identity(k->w)) return false;
    if (k->w->rank != 3 || k->w->dims[0] != 1 || k->w->dims[2] != x->type.dims[2]) return false;
    k->gather = rows_behind(x);
    k->table = k->gather == NULL ? NULL : hn_node_const(k->gather, 0);
    if (k->table == NULL || k->table->rank != 2 || k->table->dtype != HN_F32) return false;
    if (hn_attr_int(k->gather, "axis", 0) != 0 || k->table->dims[1] != x->type.dims[2]) return false;
    int64_t all = k->w->dims[1], rows = k->table->dims[0];
    k->hidden = all / k->gates;
    if (hn_node_in(n, HN_RNN_B) != NULL) {
        k->b = hn_node_const(n, HN_RNN_B);
        if (k->b == NULL || k->b->dtype != HN_F32 || hn_tensor_elems(k->b) != (size_t)(2 * all)) return false;
    }
    return all > 0 && all % k->gates == 0 && all <= MOST_GATES && rows <= ROWS_PER_INPUT * x->type.dims[2] &&
           rows <= MOST_NUMBERS / all;
}

/* Row i: W table[i] + biases, summed in double. */
static hn_value *products(hn_rw *rw, const cell *k)
{
    int64_t dims[2] = {k->table->dims[0], k->w->dims[1]};
    size_t all = (size_t)dims[1], width = (size_t)k->table->dims[1];
    const float *e = k->table->data, *w = k->w->data, *b = k->b == NULL ? NULL : k->b->data;
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, HN_F32, 2, dims, &t);
    for (size_t i = 0; v != NULL && i < (size_t)dims[0]; ++i)
        for (size_t g = 0; g < all; ++g) {
            double sum = 0;
            for (size_t j = 0; j < width; ++j) sum += (double)e[i * width + j] * (double)w[g * width + j];
            if (b != NULL) sum += (double)b[g] + (g / (size_t)k->hidden < k->inside ? (double)b[all + g] : 0);
            ((float *)t->data)[i * all + g] = (float)sum;
        }
    return v;
}

static hn_value *identity(hn_rw *rw, int64_t n)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, HN_F32, 3, (int64_t[]){1, n, n}, &t);
    for (int64_t i = 0; v != NULL && i < n; ++i) ((float *)t->data)[i * n + i] = 1;
    return v;
}

/* What is left of the bias: that inside the reset. */
static hn_value *bias_inside(hn_rw *rw, const cell *k)
{
    hn_tensor *t;
    size_t all = (size_t)k->w->dims[1];
    if (k->b == NULL || k->inside == (size_t)k->gates) return NULL;
    hn_value *v = hn_rw_const_new(rw, HN_F32, 2, (int64_t[]){1, 2 * (int64_t)all}, &t);
    for (size_t g = k->inside * (size_t)k->hidden; v != NULL && g < all; ++g)
        ((float *)t->data)[all + g] = ((const float *)k->b->data)[all + g];
    return v;
}

static hn_status take(hn_pass_ctx *c, const cell *k)
{
    hn_node *n = k->node;
    hn_rw rw = hn_rw_at(c->graph, n);
    const hn_type *x = &n->in[0]->type;
    int64_t all = k->w->dims[1], dims[3] = {x->dims[0], x->dims[1], all};
    rw.name = n->name;
    hn_value *picked = hn_rw_2(&rw, "Gather", products(&rw, k), k->gather->in[1]);
    hn_value *input = hn_rw_reshape(&rw, picked, 3, dims), *w = identity(&rw, all), *b = bias_inside(&rw, k);
    HN_TRY(hn_rw_status(&rw));
    hn_node_input_set(n, HN_RNN_X, input);
    hn_node_input_set(n, HN_RNN_W, w);
    if (k->b != NULL) hn_node_input_set(n, HN_RNN_B, b);
    c->changes++;
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first; n != NULL; n = n->next) {
        cell k;
        if (n->nin > HN_RNN_R && read_cell(n, &k)) HN_TRY(take(c, &k));
    }
    return HN_OK;
}

const hn_pass hn_pass_rnn_table = {
    .name = "rnn_table",
    .doc =
        "LSTM and GRU over rows of a small constant table: the table is multiplied by the input weights and gets the "
        "biases; the weights become the identity.",
    .run = run,
};
