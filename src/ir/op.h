/* op: the row type of the op table. Rows live in ops/, one file each; this header fixes what a row says.
 *
 * Names, inputs, outputs, attributes and semantics are those of the newest ONNX operator set (the importer converts
 * older ones); ops of our own live in the domain "hone". There is no op enum: code asks the row, never the name. */
#ifndef HN_IR_OP_H
#define HN_IR_OP_H

#include "ir/graph.h"

typedef enum hn_op_flags {
    HN_OP_ELEMENTWISE = 1 << 0,  /* out[i] depends on in[i] only (with broadcasting); may run in place */
    HN_OP_VIEW = 1 << 1,         /* output 0 has the bytes of input 0 in the same order (Reshape, Identity ...) */
    HN_OP_RANDOM = 1 << 2,       /* not a pure function: never folded, merged or duplicated */
    HN_OP_CONTROL = 1 << 3,      /* has regions; run by exec, no ref */
    HN_OP_COMMUTES = 1 << 4,     /* inputs 0 and 1 may be swapped */
    HN_OP_VARIADIC = 1 << 5,     /* the last input port repeats */
    HN_OP_VARIADIC_OUT = 1 << 6, /* the last output port repeats */
    HN_OP_SHAPE_ONLY = 1 << 7,   /* reads only the shape of input 0 (Shape, Size): folds when that is known */
    HN_OP_INTERNAL = 1 << 8,     /* made by passes; not exported to ONNX as it stands */
    HN_OP_FOLD_NEVER = 1 << 9, /* pure, but kept (DequantizeLinear of weights: exporter and integer kernels need it) */
    HN_OP_CUTS = 1 << 10       /* the outputs are input 0 cut along the attribute axis, in order */
} hn_op_flags;

typedef struct hn_port {
    const char *name;
    uint32_t types; /* set of dtypes, HN_BIT; with HN_T_SEQ and the like: which kinds of values of them */
    char var;       /* type variable: ports with the same letter have the same dtype; 0: free */
    bool optional;
} hn_port;

typedef struct hn_attr_row {
    const char *name;
    hn_attr_kind kind;
    bool required;
    const char *otherwise; /* default, as text: "0", "1.0", "[0,0]", "NOTSET"; NULL: absent */
    const char *doc;
} hn_attr_row;

/* Type inference. A pure function of attributes, input types and (where known) input data, so that it serves the graph
 * as well as values whose shape is known only at run time. Dims that cannot be known are -1. The caller has checked
 * arity, ports, types and required attributes against the row, and has set every out[i] to {TENSOR, NONE, rank -1}. */
typedef struct hn_infer {
    hn_env *env;
    const hn_node *node;
    hn_graph *graph; /* for fresh symbols; NULL at run time */
    size_t nin, nout;
    const hn_type *const *in;     /* NULL for an absent optional input */
    const hn_tensor *const *data; /* NULL where not constant / not known */
    hn_type *out;
} hn_infer;
typedef hn_status hn_infer_fn(hn_infer *c);

/* The reference kernel: scalar, double or int64 accumulators, any dtype through hn_get/hn_set. Outputs have their
 * inferred shape and are zeroed. scratch is freed by the caller. An output that is a list (sequence, optional, map)
 * comes empty; the kernel makes its entries in scratch (hn_tensor_list, hn_tensor_init). Entries may borrow the bytes
 * of inputs: the caller copies what it keeps. The same holds for strings. */
typedef struct hn_refargs {
    hn_env *env;
    const hn_node *node;
    size_t nin, nout;
    const hn_tensor *const *in; /* NULL for an absent optional input */
    hn_tensor *const *out;      /* NULL for an unused output */
    hn_arena *scratch;
} hn_refargs;
typedef hn_status hn_ref_fn(const hn_refargs *a);

/* Gradient builder: emits ordinary nodes at the rewriter's insertion point. dy[i] is NULL where no gradient flows into
 * output i; set dx[i] for inputs that get one, leave NULL for those that do not (integers, shapes). dx has the shape of
 * the input (broadcasting undone). Types are fully known. */
struct hn_rw;
typedef struct hn_gradargs {
    struct hn_rw *rw;
    const hn_node *node;
    hn_value *const *dy;
    hn_value **dx;
} hn_gradargs;
typedef hn_status hn_grad_fn(hn_gradargs *g);

typedef enum hn_grad_kind {
    HN_GRAD_BUILDER = 1, /* .grad is set */
    HN_GRAD_ZERO,        /* derivative is zero almost everywhere (Floor, comparisons, Shape) */
    HN_GRAD_NONE,        /* not differentiable; .grad_reason says why */
    HN_GRAD_DECOMPOSE    /* differentiate the decomposition */
} hn_grad_kind;

typedef struct hn_cost {
    double flops; /* 2 per multiply-accumulate */
    double macs;  /* multiply-accumulates of the direct algorithm */
    double bytes; /* inputs + outputs + weights, each once */
} hn_cost;
/* NULL: flops = output elements for elementwise rows else 0; bytes from the types. Types are fully known when called.
 */
typedef void hn_cost_fn(const hn_node *node, hn_cost *cost);

/* Where a cut of inputs along one axis leads. Asked only of nodes whose ranks and cut dims are known, with at least one
 * input cut; all cuts are into the same number of equal parts. The rule sets for every output the axis along which it
 * consists of what the parts give, one behind the other. It says false when a part needs more than its own share, and
 * where it cannot tell. NULL: views and elementwise rows follow from their flags, others cannot be cut. */
enum { HN_WHOLE = -1 }; /* not cut: every part sees, or gives, all of it */
typedef struct hn_shard {
    const hn_node *node;
    const int *in;  /* by input: the axis it is cut along */
    int *out;       /* by output; HN_WHOLE on entry */
    uint32_t sizes; /* bit i: input i only tells the sizes of outputs, so that the parts have another one; 0 on entry */
} hn_shard;
typedef bool hn_shard_fn(hn_shard *s);

/* Emit simpler nodes that compute exactly the same; set out[i] for each output. Does not remove the node. */
typedef hn_status hn_decompose_fn(struct hn_rw *rw, const hn_node *node, hn_value **out);

/* Case generator: see ops/cases.h. */
struct hn_cases;
typedef hn_status hn_cases_fn(struct hn_cases *c);

struct hn_op {
    const char *name;   /* "Conv" */
    const char *domain; /* "" is ai.onnx; "ai.onnx.ml"; "hone" */
    int since;          /* newest operator-set version whose semantics are implemented */
    const char *doc;    /* formula and one worked example */
    uint32_t flags;
    const hn_port *in;
    int nin, nin_min; /* ports; with VARIADIC the last repeats */
    const hn_port *out;
    int nout, nout_min;
    const hn_attr_row *attrs; /* ends with a row whose name is NULL; may be NULL */
    hn_infer_fn *infer;
    hn_ref_fn *ref; /* NULL only with HN_OP_CONTROL */
    hn_grad_kind grad_kind;
    hn_grad_fn *grad;
    const char *grad_reason;
    hn_cost_fn *cost;
    hn_shard_fn *shard;
    hn_decompose_fn *decompose;
    hn_cases_fn *cases;
    const char *
        quant; /* quantisation rule: "same" (output keeps input parameters: views, max pooling), "compute", "lut", "" */
    double rtol, atol; /* device kernels against the reference, f32; 0: 1e-4 and 1e-5 */
};

#endif
