/* lib_act: activation functions by name, in double: those that fused rows may end in (attribute `act`) and those of the
 * recurrent rows. One function type: alpha and beta are ignored where the formula has none. */
#ifndef HN_OPS_LIB_ACT_H
#define HN_OPS_LIB_ACT_H

#include "ops/lib_nn.h"

typedef double hn_act_fn(double x, double alpha, double beta);

typedef struct hn_act {
    const char *name;
    hn_act_fn *fn;
    double alpha, beta; /* defaults */
    int params;         /* of a recurrent activation: how many of alpha and beta it has */
} hn_act;

/* The attribute `act` of a fused row; "" is the identity. HN_INPUT names the node. */
hn_status hn_act_read(hn_env *env, const hn_node *node, hn_act *act) HN_MUST_CHECK;
/* By name; alpha and beta stay 0. */
hn_status hn_act_named(hn_env *env, const hn_node *node, hn_str name, hn_act *act) HN_MUST_CHECK;
/* An activation of RNN, GRU or LSTM, any case; NULL when unknown. */
const hn_act *hn_act_rnn(hn_str name);

#define HN_ACT_ATTRS                                                                                       \
    {"act", HN_ATTR_STRING, false, "",                                                                     \
     "Relu, Clip, LeakyRelu, Sigmoid, Tanh, HardSigmoid, HardSwish, Silu, Gelu, GeluTanh, Elu, or empty"}, \
        {"act_alpha", HN_ATTR_FLOAT, false, "0", "Clip: low; LeakyRelu, Elu, HardSigmoid: alpha"},         \
        {"act_beta", HN_ATTR_FLOAT, false, "0", "Clip: high; HardSigmoid: beta"},                          \
    {                                                                                                      \
        "act_first", HN_ATTR_INT, false, "0", "0: Y = act(sum + R); 1: Y = act(sum) + R"                   \
    }

#endif
