/* onnx_priv: what the files of the ONNX reader share.
 *
 * A scope is one list of names: a graph, a region, or the body of a function being inlined (which shares its caller's
 * graph but sees none of its names). Constants are entered as tensors and become values where they are first read, so
 * that unused ones leave no trace and a region gets its own constant instead of a capture. */
#ifndef HN_FORMATS_ONNX_PRIV_H
#define HN_FORMATS_ONNX_PRIV_H

#include "formats/dict.h"
#include "formats/model.h"
#include "formats/pb.h"
#include "ir/rewrite.h"

enum { HN_ONNX_NEWEST = 28 }; /* operator set of ai.onnx whose semantics the rows follow */

typedef struct hn_opsets {
    hn_opset *items;
    size_t count;
} hn_opsets;

typedef struct hn_onnx_function {
    const char *name, *domain;
    hn_cursor body; /* FunctionProto */
    hn_opsets opsets;
    bool active;  /* being inlined: a call now is a recursion */
    bool scanned; /* its operators have been looked at */
} hn_onnx_function;

typedef struct hn_onnx_reader {
    hn_env *env;
    hn_model *model;
    hn_arena *arena;
    hn_arena scratch;
    const hn_op_table *ops;
    hn_onnx_source source;
    hn_dict functions; /* "domain:name:overload" -> hn_onnx_function */
    size_t nodes, max_nodes;
    size_t names; /* counter for generated names */
    int max_depth;
    bool keep_types;
    const char *file; /* for messages */
} hn_onnx_reader;

typedef struct hn_onnx_capture {
    hn_value *outer, *inner;
} hn_onnx_capture;

typedef struct hn_onnx_entry {
    hn_value *value;       /* NULL: not made yet, or absent */
    const hn_tensor *init; /* constant */
    const char *name;      /* of the value */
} hn_onnx_entry;

typedef struct hn_onnx_scope {
    hn_onnx_reader *r;
    struct hn_onnx_scope *outer; /* enclosing names; NULL for the top graph and function bodies */
    hn_graph *graph;
    hn_dict names;  /* -> hn_onnx_entry */
    hn_dict *taken; /* names of values in the graph; shared by the scopes of one graph */
    hn_dict hints;  /* name -> hn_cursor of a TypeProto */
    const hn_opsets *opsets;
    const char *prefix; /* of names, in inlined functions */
    hn_dict *bound;     /* attributes of the function call, name -> hn_onnx_bound; NULL outside functions */
    hn_onnx_capture *captures;
    size_t ncaptures, cap;
    int depth;
} hn_onnx_scope;

/* An attribute given to a function: its AttributeProto and the scope to read that in. */
typedef struct hn_onnx_bound {
    hn_cursor body;
    hn_onnx_scope *scope;
} hn_onnx_bound;

typedef struct hn_onnx_region {
    const char *name; /* of the attribute */
    hn_cursor body;   /* GraphProto */
    hn_onnx_scope *scope;
} hn_onnx_region;

/* A node on its way from the file into the graph; conversions change it or put other nodes in its place. */
typedef struct hn_onnx_node {
    size_t at;
    const char *name, *op, *domain, *overload;
    int64_t version; /* of its operator set */
    hn_str *in_names, *out_names;
    size_t nin, nout;
    hn_value **in; /* NULL for an absent input */
    hn_attr *attrs;
    hn_onnx_region *regions;
    size_t nregions;
    hn_value **results; /* set by a conversion that has built nodes of its own: one value per output */
} hn_onnx_node;

/* ---- onnx_type.c ---- */
hn_status hn_onnx_type(hn_onnx_scope *s, hn_cursor c, hn_type *out) HN_MUST_CHECK;
/* Name and TypeProto of a ValueInfoProto; type->data is NULL when absent. */
hn_status hn_onnx_value_info(hn_onnx_reader *r, hn_cursor c, hn_str *name, hn_cursor *type) HN_MUST_CHECK;

/* ---- onnx_attr.c ---- */
/* Reads an AttributeProto onto n; a reference to an attribute the function was not given adds nothing. */
hn_status hn_onnx_attr(hn_onnx_scope *s, hn_onnx_node *n, hn_cursor c) HN_MUST_CHECK;
hn_attr *hn_onnx_find(const hn_onnx_node *n, const char *name);
void hn_onnx_drop(hn_onnx_node *n, const char *name);
hn_status hn_onnx_set_int(hn_onnx_reader *r, hn_onnx_node *n, const char *name, int64_t v) HN_MUST_CHECK;
hn_status hn_onnx_set_float(hn_onnx_reader *r, hn_onnx_node *n, const char *name, double v) HN_MUST_CHECK;
hn_status hn_onnx_set_str(hn_onnx_reader *r, hn_onnx_node *n, const char *name, const char *v) HN_MUST_CHECK;
int64_t hn_onnx_int(const hn_onnx_node *n, const char *name, int64_t otherwise);
double hn_onnx_float(const hn_onnx_node *n, const char *name, double otherwise);
bool hn_onnx_is(const hn_onnx_node *n, const char *name, const char *value, bool otherwise);

/* ---- onnx_graph.c ---- */
hn_status hn_onnx_graph(hn_onnx_scope *s, hn_cursor body) HN_MUST_CHECK; /* fills s->graph */
hn_status hn_onnx_nodes(hn_onnx_scope *s, hn_cursor body, uint32_t field) HN_MUST_CHECK;
/* The nodes of a graph attribute with one input and one output, put into s->graph with `in` for the input. */
hn_status hn_onnx_graph_inline(hn_onnx_scope *s, const hn_onnx_region *g, const char *label, hn_value *in,
                               hn_value **out) HN_MUST_CHECK;
/* The value a name stands for in this scope: NULL for an absent function input. */
hn_status hn_onnx_resolve(hn_onnx_scope *s, hn_str name, hn_value **out) HN_MUST_CHECK;
hn_status hn_onnx_define(hn_onnx_scope *s, hn_str name, hn_value *v) HN_MUST_CHECK;
hn_status hn_onnx_define_const(hn_onnx_scope *s, hn_str name, const hn_tensor *t) HN_MUST_CHECK;
/* A value name not yet taken in the graph, made of a stem and a suffix; in the model's arena. */
const char *hn_onnx_fresh(hn_onnx_scope *s, const char *stem, const char *suffix) HN_MUST_CHECK;

/* ---- onnx_node.c ---- */
hn_status hn_onnx_node_read(hn_onnx_scope *s, hn_cursor c) HN_MUST_CHECK;
/* Names, domain and lists of a NodeProto, without attributes and values. */
hn_status hn_onnx_node_head(hn_onnx_reader *r, hn_cursor c, hn_onnx_node *n) HN_MUST_CHECK;
hn_status hn_onnx_op_version(hn_onnx_reader *r, const hn_opsets *opsets, const char *domain,
                             int64_t *out) HN_MUST_CHECK;
const char *hn_onnx_label(const hn_onnx_node *n);

/* ---- onnx_function.c ---- */
hn_status hn_onnx_function_add(hn_onnx_reader *r, hn_cursor c, const hn_opsets *model) HN_MUST_CHECK;
hn_onnx_function *hn_onnx_function_find(hn_onnx_reader *r, const char *domain, const char *op, const char *overload);
/* Puts the nodes of f in place of the call n, whose AttributeProtos lie in `call`. */
hn_status hn_onnx_inline(hn_onnx_scope *s, hn_onnx_function *f, const hn_onnx_node *n, hn_cursor call) HN_MUST_CHECK;
hn_status hn_onnx_opsets(hn_onnx_reader *r, hn_cursor c, uint32_t field, hn_opsets *out) HN_MUST_CHECK;

/* ---- onnx_scan.c ---- */
/* Fails with HN_UNSUPPORTED, naming the first unknown operator and counting the others. */
hn_status hn_onnx_scan(hn_onnx_reader *r, hn_cursor graph, const hn_opsets *opsets) HN_MUST_CHECK;

/* ---- onnx_version.c ---- */
/* Whether a conversion takes the place of this operator, so that it needs no row. */
bool hn_onnx_converts(const char *domain, const char *op, int64_t version);
/* Brings n to the newest semantics. New nodes go to the end of the graph. */
hn_status hn_onnx_convert(hn_onnx_scope *s, hn_onnx_node *n) HN_MUST_CHECK;

#endif
