/* lib_rnn: what RNN, GRU and LSTM share: reading a node, running a cell along the sequence, and unrolling it into plain
 * nodes. Inputs 0 to 5 are X, W, R, B, sequence_lens, initial_h; outputs 0 and 1 are Y and Y_h; LSTM adds more of each.
 */
#ifndef HN_OPS_LIB_RNN_H
#define HN_OPS_LIB_RNN_H

#include "ops/lib_act.h"

enum { HN_RNN_X, HN_RNN_W, HN_RNN_R, HN_RNN_B, HN_RNN_LENS, HN_RNN_H0, HN_RNN_C0, HN_RNN_P };
enum { HN_RNN_ACTS = 3 };

typedef struct hn_rnn {
    int gates, dirs, acts; /* acts: activations per direction */
    bool batch_first, reverse[2];
    int64_t steps, batch, in, hidden; /* -1: unknown */
    double clip;                      /* HUGE_VAL: none */
    hn_act act[2][HN_RNN_ACTS];
} hn_rnn;

/* From the attributes and the dims of X, W and R (rank -1: unknown). `otherwise` are the default activations of one
 * direction. */
hn_status hn_rnn_read(hn_env *env, const hn_node *node, int gates, int acts, const char *const *otherwise,
                      const hn_type *x, const hn_type *w, const hn_type *r, hn_rnn *s) HN_MUST_CHECK;
hn_status hn_rnn_infer(hn_infer *c, int gates, int acts, const char *const *otherwise) HN_MUST_CHECK;
double hn_rnn_apply(const hn_rnn *s, int dir, int act, double x); /* activation after clipping */

/* One step of one sample: xw[gates * hidden] holds W x + Wb, h and c the old state, to be replaced. r, rb, p: this
 * direction's R, its bias (zeros when absent) and peepholes (NULL when absent). tmp: gates * hidden doubles. */
typedef void hn_rnn_cell(const hn_rnn *s, const hn_node *node, int dir, const double *xw, const double *r,
                         const double *rb, const double *p, double *h, double *c, double *tmp);
hn_status hn_rnn_ref(const hn_refargs *a, int gates, int acts, const char *const *otherwise,
                     hn_rnn_cell *cell) HN_MUST_CHECK;
/* y[rows] += m[rows][cols] x[cols] */
void hn_rnn_matvec(size_t rows, size_t cols, const double *m, const double *x, double *y);

/* The same step as nodes: xw [N, gates * hidden], h and c [N, hidden]; rt is R transposed [hidden, gates * hidden], rb
 * [1, gates * hidden] or NULL, p [1, 3 * hidden] or NULL. Replaces *h and *c. */
typedef void hn_rnn_emit(hn_rw *rw, const hn_rnn *s, const hn_node *node, int dir, hn_value *xw, hn_value *rt,
                         hn_value *rb, hn_value *p, hn_value **h, hn_value **c);
hn_status hn_rnn_unroll(hn_rw *rw, const hn_node *node, int gates, int acts, const char *const *otherwise,
                        hn_rnn_emit *emit, hn_value **out) HN_MUST_CHECK;
hn_value *hn_rnn_g_act(hn_rw *rw, const hn_rnn *s, int dir, int act, hn_value *x); /* activation after clipping */
/* Columns [i * hidden, (i + n) * hidden) of v. */
hn_value *hn_rnn_g_gate(hn_rw *rw, const hn_rnn *s, hn_value *v, int i, int n);

/* Constant input weights of one direction that are the identity, as the pass rnn_table makes them: X holds the products
 * already. */
bool hn_rnn_is_identity(const hn_tensor *w);
void hn_rnn_cost(const hn_node *n, hn_cost *cost);
bool hn_rnn_shard(hn_shard *s); /* by samples */

#define HN_RNN_ATTRS                                                                                                \
    {"activations", HN_ATTR_STRINGS, false, NULL, "functions of each direction"},                                   \
        {"activation_alpha", HN_ATTR_FLOATS, false, NULL, "their alpha, in order of those that have one"},          \
        {"activation_beta", HN_ATTR_FLOATS, false, NULL, "their beta, in order of those that have one"},            \
        {"clip", HN_ATTR_FLOAT, false, NULL, "bound of the inputs of activations"},                                 \
        {"direction", HN_ATTR_STRING, false, "forward", "forward, reverse or bidirectional"},                       \
        {"hidden_size", HN_ATTR_INT, false, NULL, "size of the state; follows from R"},                             \
    {                                                                                                               \
        "layout", HN_ATTR_INT, false, "0", "0: X [T,N,I], Y [T,D,N,H], Y_h [D,N,H]; 1: [N,T,I], [N,T,D,H], [N,D,H]" \
    }

#endif
