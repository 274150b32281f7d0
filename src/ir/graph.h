/* graph: SSA values, nodes, attributes and regions. Nodes are kept in topological order. All memory is the graph's
 * arena; constants borrow bytes (a mapped file or an arena) and are never copied by a pass. */
#ifndef HN_IR_GRAPH_H
#define HN_IR_GRAPH_H

#include "base/buf.h"
#include "tensor/tensor.h"

typedef struct hn_op hn_op;
typedef struct hn_graph hn_graph;
typedef struct hn_node hn_node;
typedef struct hn_value hn_value;

typedef enum hn_kind {
    HN_KIND_TENSOR,
    HN_KIND_SEQUENCE,
    HN_KIND_OPTIONAL,
    HN_KIND_OPTIONAL_SEQUENCE,
    HN_KIND_MAP,
    HN_KIND_SEQUENCE_MAP, /* a sequence of maps */
    HN_KINDS
} hn_kind;

/* dims[i] >= 0: known; -1: unknown; <= -2: symbol (hn_graph_symbol_name). Equal symbols are equal sizes. */
typedef struct hn_type {
    hn_kind kind;   /* for the others: of tensors with the dtype and dims below, where known; of maps: their values */
    hn_dtype dtype; /* HN_NONE: unknown */
    int rank;       /* -1: unknown */
    int64_t dims[HN_MAX_RANK];
    hn_dtype key; /* of maps: HN_I64 (which stands for every integer key) or HN_STRING */
} hn_type;

typedef enum hn_attr_kind {
    HN_ATTR_INT = 1,
    HN_ATTR_FLOAT,
    HN_ATTR_STRING,
    HN_ATTR_INTS,
    HN_ATTR_FLOATS,
    HN_ATTR_STRINGS,
    HN_ATTR_TENSOR,
    HN_ATTR_TYPE
} hn_attr_kind;

typedef struct hn_attr {
    const char *name;
    hn_attr_kind kind;
    size_t count; /* of the list kinds, else 1 */
    union {
        int64_t i;
        double f;
        hn_str s;
        const int64_t *ints;
        const double *floats;
        const hn_str *strings;
        const hn_tensor *tensor;
        const hn_type *type;
    } u;
    struct hn_attr *next;
} hn_attr;

typedef struct hn_use {
    hn_node *node; /* NULL: use number `index` among the graph's outputs */
    size_t index;  /* input number */
    struct hn_use *next;
} hn_use;

struct hn_value {
    uint32_t id;      /* unique in the graph, also across regions */
    const char *name; /* unique in its graph or NULL; kept through passes for reports */
    hn_type type;
    hn_node *producer;     /* NULL: graph input or constant */
    size_t output;         /* which output of producer */
    const hn_tensor *data; /* constant, else NULL */
    hn_graph *graph;
    hn_use *uses;
    size_t nuses;
    void *scratch; /* for one pass at a time; unspecified on entry */
    bool joined;   /* set by lowering: its producer writes into the result of the Concat that alone reads it */
};

struct hn_node {
    const hn_op *op;
    const char *name; /* source name, or NULL */
    uint32_t id;
    hn_value **in; /* NULL for an absent optional input */
    hn_use **use;  /* one record per input, also for absent ones: setting an input cannot fail */
    size_t nin;
    hn_value **out; /* NULL for an unused optional output */
    size_t nout;
    hn_attr *attrs;
    hn_graph **regions; /* If: then, else; Loop, Scan: body */
    size_t nregions;
    size_t ncaptures; /* the last `ncaptures` inputs are passed to every region as its last inputs */
    hn_graph *graph;
    hn_node *prev, *next;
    void *scratch;
};

typedef struct hn_op_table {
    const hn_op *const *rows; /* sorted by domain, then name */
    size_t count;
} hn_op_table;

struct hn_symbols;

/* A region sees no value of its parent: what it needs comes in as captures. */
struct hn_graph {
    hn_env *env;
    hn_arena *arena; /* shared by regions and their parents */
    const hn_op_table *ops;
    hn_graph *parent; /* region: the graph that holds its node */
    hn_node *first, *last;
    size_t nnodes;
    hn_value **in, **out;
    hn_use **out_use; /* one record per output */
    size_t nin, nout;
    const char *name;
    int64_t opset;              /* of ai.onnx in the source file */
    struct hn_symbols *symbols; /* shared with regions */
    uint32_t *next_id;          /* shared with regions */
};

/* ---- building. All memory from `arena`; failures are recorded in env and given as NULL or a status. ---- */
hn_graph *hn_graph_new(hn_env *env, hn_arena *arena, const hn_op_table *ops, const char *name) HN_MUST_CHECK;
hn_graph *hn_region_new(hn_graph *parent, const char *name) HN_MUST_CHECK;
hn_graph *hn_graph_clone(hn_env *env, hn_arena *arena,
                         const hn_graph *g) HN_MUST_CHECK; /* deep but for constant bytes */

hn_type hn_type_tensor(hn_dtype dtype, int rank, const int64_t *dims); /* rank -1: unknown */
hn_type hn_type_list(hn_kind kind, hn_dtype dtype, int rank, const int64_t *dims);
bool hn_type_known(const hn_type *t); /* tensor, dtype and every dim known */
/* Enough to plan for: a known tensor, or a list, whose length is its own affair. */
bool hn_type_ready(const hn_type *t);
hn_type hn_type_of(const hn_tensor *v);        /* of a value; an empty list has an unknown dtype */
hn_type hn_type_item(const hn_type *list);     /* of what a sequence or an optional holds */
hn_dtype hn_type_list_dtype(const hn_type *t); /* of the value: HN_SEQ, HN_OPT, HN_MAP; HN_NONE for tensors */
/* Whether a value may stand where this type is declared: kinds, dtypes, ranks and known dims, of every entry. */
bool hn_type_holds(const hn_type *t, const hn_tensor *v);
bool hn_type_same(const hn_type *a, const hn_type *b);
/* Most specific type that covers both (If branches); mismatched dims become -1. False when dtypes or kinds differ. */
bool hn_type_join(const hn_type *a, const hn_type *b, hn_type *out);
void hn_type_describe(const hn_graph *g, const hn_type *t, char *dst, size_t bytes); /* "f32[N,3,224,224]" */
size_t hn_type_elems(const hn_type *t);                                              /* of a known type */
size_t hn_type_bytes(const hn_type *t);                                              /* of a known type */

int64_t hn_graph_symbol(hn_graph *g, const char *name); /* the same name gives the same symbol; -1 on refusal */
const char *hn_graph_symbol_name(const hn_graph *g, int64_t dim);

hn_value *hn_graph_input(hn_graph *g, const char *name, const hn_type *type) HN_MUST_CHECK; /* appended */
/* Borrows t, which must live as long as g. */
hn_value *hn_graph_const(hn_graph *g, const char *name, const hn_tensor *t) HN_MUST_CHECK;
hn_status hn_graph_output(hn_graph *g, hn_value *v) HN_MUST_CHECK; /* appended */
hn_status hn_graph_output_set(hn_graph *g, size_t i, hn_value *v) HN_MUST_CHECK;
hn_status hn_graph_input_remove(hn_graph *g, size_t i) HN_MUST_CHECK; /* unused inputs only */

/* New node before `before` (NULL: at the end), with `nout` fresh outputs (types unset until inferred). in[] is copied;
 * entries may be NULL. Does not check or infer. */
hn_node *hn_node_new(hn_graph *g, hn_node *before, const hn_op *op, const char *name, size_t nin, hn_value *const *in,
                     size_t nout) HN_MUST_CHECK;
hn_status hn_node_regions(hn_node *n, size_t count, hn_graph *const *regions) HN_MUST_CHECK;
void hn_node_input_set(hn_node *n, size_t i, hn_value *v); /* NULL: absent; keeps use lists */
hn_status hn_node_input_add(hn_node *n, hn_value *v) HN_MUST_CHECK;
void hn_node_input_remove(hn_node *n, size_t i); /* later inputs move down; regions are not touched */
void hn_node_remove(hn_node *n);                 /* outputs must be unused; n->graph becomes NULL */
void hn_node_move_before(hn_node *n, hn_node *before);
void hn_value_replace(hn_value *from, hn_value *to); /* all uses, graph outputs too; names stay as they are */
/* False when `from` is a graph output whose name `to` cannot take over (a graph input, a constant or another output).
 */
bool hn_value_can_take(const hn_value *from, const hn_value *to);
hn_status hn_graph_sort(hn_graph *g) HN_MUST_CHECK; /* restore topological order; HN_INPUT on a cycle */

/* ---- attributes ---- */
const hn_attr *hn_node_attr(const hn_node *n, const char *name); /* as written on the node; NULL when absent */
hn_status hn_node_set_int(hn_node *n, const char *name, int64_t v) HN_MUST_CHECK;
hn_status hn_node_set_float(hn_node *n, const char *name, double v) HN_MUST_CHECK;
hn_status hn_node_set_string(hn_node *n, const char *name, const char *v) HN_MUST_CHECK;
hn_status hn_node_set_ints(hn_node *n, const char *name, const int64_t *v, size_t count) HN_MUST_CHECK;
hn_status hn_node_set_floats(hn_node *n, const char *name, const double *v, size_t count) HN_MUST_CHECK;
hn_status hn_node_set_strings(hn_node *n, const char *name, const hn_str *v, size_t count) HN_MUST_CHECK;
hn_status hn_node_set_tensor(hn_node *n, const char *name, const hn_tensor *t) HN_MUST_CHECK; /* borrows */
hn_status hn_node_set_type(hn_node *n, const char *name, const hn_type *t) HN_MUST_CHECK;
hn_status hn_node_copy_attrs(hn_node *to, const hn_node *from) HN_MUST_CHECK;
void hn_node_unset(hn_node *n, const char *name);
bool hn_node_same_attrs(const hn_node *a, const hn_node *b); /* the same attributes, in any order */
/* The node's value, else the row's default, else `otherwise`. */
int64_t hn_attr_int(const hn_node *n, const char *name, int64_t otherwise);
double hn_attr_float(const hn_node *n, const char *name, double otherwise);
hn_str hn_attr_string(const hn_node *n, const char *name, const char *otherwise);
bool hn_attr_is(const hn_node *n, const char *name,
                const char *value); /* string attribute equals value, default applied */
/* Number of entries and pointer to them; 0 and NULL when absent on the node (list defaults are not applied). */
size_t hn_attr_ints(const hn_node *n, const char *name, const int64_t **out);
size_t hn_attr_floats(const hn_node *n, const char *name, const double **out);

/* ---- looking ---- */
const hn_op *hn_op_find(const hn_op_table *ops, const char *domain, const char *name);
hn_value *hn_node_in(const hn_node *n, size_t i);             /* NULL when i >= nin or absent */
hn_value *hn_node_out(const hn_node *n, size_t i);            /* NULL when i >= nout or unused */
const hn_tensor *hn_node_const(const hn_node *n, size_t i);   /* data of input i, or NULL */
bool hn_node_is(const hn_node *n, const char *op);            /* "Conv" (ai.onnx) or "hone.Conv" */
hn_value *hn_graph_find(const hn_graph *g, const char *name); /* a value by name */
bool hn_value_is_output(const hn_value *v);
/* Label for messages: the node's name, or its first output's name, or the op's name. */
const char *hn_node_label(const hn_node *n);

/* ---- checking ---- */
/* Arity, ports, dtypes and required attributes of one node against its row; HN_INPUT names node and port. */
hn_status hn_node_check(hn_env *env, const hn_node *n) HN_MUST_CHECK;
/* Infer types of one node's outputs and store them (a stored dim that is more specific is kept; a contradiction is
 * HN_INPUT). */
hn_status hn_node_infer(hn_node *n) HN_MUST_CHECK;
/* Whether a port of the row takes values of this kind (tensor, sequence ...). */
bool hn_port_takes(const hn_op *op, bool input, size_t i, const hn_type *t);
/* All nodes, in order; regions through their control row's infer. */
hn_status hn_graph_infer(hn_graph *g) HN_MUST_CHECK;
/* For the infer of control rows: give the region's inputs these types (n = region->nin; an entry may be NULL) and, for
 * the time of the call, these data (NULL, or entries NULL where not known), then infer its nodes. The types of
 * region->out follow. */
hn_status hn_region_infer(hn_graph *region, size_t n, const hn_type *const *in,
                          const hn_tensor *const *data) HN_MUST_CHECK;
/* Structure: order, use lists, ownership, ports, types. Fails with HN_BUG: a broken graph is our own fault. */
hn_status hn_graph_verify(hn_env *env, const hn_graph *g) HN_MUST_CHECK;
/* Bind input i's dims (rank must agree with what is declared; a known dim that differs is HN_INPUT); equal symbols are
 * bound together through the whole graph. Non-constant types of node outputs are reset: call hn_graph_infer afterwards.
 */
hn_status hn_graph_bind(hn_graph *g, size_t i, int rank, const int64_t *dims) HN_MUST_CHECK;

/* A region of `parent` that computes `to` from from[0..n): its first n inputs stand for these, further ones for the
 * graph inputs that are needed besides, which *captures lists (in parent's arena). Constants are shared. */
hn_status hn_region_extract(hn_graph *parent, size_t n, hn_value *const *from, hn_value *to, hn_graph **region,
                            hn_value ***captures, size_t *ncaptures) HN_MUST_CHECK;

/* ---- text form: print -> parse -> print is identical. HASH prints large constants as a hash (for people and goldens),
 * FULL in hex, which is what parse reads. ---- */
typedef enum hn_text_mode { HN_TEXT_HASH, HN_TEXT_FULL } hn_text_mode;
hn_status hn_graph_print(hn_env *env, const hn_graph *g, hn_text_mode mode, hn_buf *out) HN_MUST_CHECK;
hn_graph *hn_graph_parse(hn_env *env, hn_arena *arena, const hn_op_table *ops, const char *text,
                         size_t bytes) HN_MUST_CHECK;

#endif
