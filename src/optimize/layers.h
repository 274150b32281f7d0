/* layers: what in a float graph could be integer: the layers (convolutions and matrix products with constant weights)
 * and the activations that would carry quantisation parameters.
 *
 * An activation that only feeds one Relu or Clip is not quantised itself: the clamp becomes part of the integer range
 * of the activation behind it. Operators that only move or pick elements (Reshape, MaxPool, Concat ...) tie their
 * inputs and outputs to one set of parameters; such activations form a group. */
#ifndef HN_OPTIMIZE_LAYERS_H
#define HN_OPTIMIZE_LAYERS_H

#include "ir/graph.h"
#include "ir/op.h"

typedef struct hn_layer {
    hn_node *node;
    const char *name; /* node label */
    hn_value *x, *y;  /* quantised input; output after an absorbed Relu or Clip */
    int weight, bias; /* input numbers; bias -1: none */
    int out_axis;     /* of the weight: output channels */
    size_t channels;
    size_t params;
    bool last;        /* graph outputs are all that its output leads to, through movers, tables and Softmax */
    bool on;          /* integer */
    bool plain;       /* its output then stays float */
    int bits;         /* of its weights when it is: 8, or 7 where the kernel gains by it */
    bool pairs;       /* it does: with 8 bits, too, two weights times bytes are to fit 16 bits */
    char reason[160]; /* why it is float, or what decided */
    /* Codes of its weights at `bits`, and at the other width; NULL: the nearest of each. */
    const int8_t *code, *other_code;
} hn_layer;

typedef struct hn_act {
    hn_value *value;
    const char *name;
    uint32_t group; /* index of the group's first activation */
    bool used;      /* in the present choice of layers: it has codes */
    bool read;      /* for hn_layers_mark */
    float lo, hi;   /* range of the group */
    float scale;
    int32_t zero;       /* of the u8 code */
    const char *method; /* calibration that chose the range */
} hn_act;

typedef struct hn_layers {
    hn_graph *graph;
    hn_layer *layer;
    size_t nlayers;
    hn_act *act;
    size_t nacts;
} hn_layers;

/* Analyse a graph (after hn_pipeline_clean). Unnamed values and nodes get names. All memory from the graph's arena.
 * Every layer starts on. */
hn_status hn_layers_find(hn_env *env, hn_graph *g, hn_layers *out) HN_MUST_CHECK;
/* Recompute act[].used from layer[].on. */
void hn_layers_mark(hn_layers *l);
/* Is the node run on integers in the present choice? */
bool hn_layers_node_on(const hn_layers *l, const hn_node *n);
/* Does the node only move or pick elements, so that its activations are tied? */
bool hn_layers_moves(const hn_node *n);
hn_act *hn_layers_act(const hn_layers *l, const hn_value *v); /* NULL when it is none */

#endif
