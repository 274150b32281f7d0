/* plan: a compiled graph as an immutable flat list of steps: order, memory offsets, packed constants. Read-only after
 * building, shared by any number of instances. Saved plans load by mmap: no packing, no tuning, no parsing of weights.
 */
#ifndef HN_PLAN_PLAN_H
#define HN_PLAN_PLAN_H

#include "base/io.h"
#include "device/device.h"

typedef enum hn_space {
    HN_SPACE_NONE,    /* absent */
    HN_SPACE_ARENA,   /* offset in the instance's arena */
    HN_SPACE_CONST,   /* offset in the plan's constants */
    HN_SPACE_INPUT,   /* index of a plan input: caller's memory */
    HN_SPACE_DYNAMIC, /* index of a value whose size is known only at run time, or of a list */
    HN_SPACE_STRINGS, /* index into the plan's constant string tensors */
    HN_SPACE_OUTPUT   /* index of a plan output: its rows of the present slice, in a plan of slices */
} hn_space;

typedef struct hn_place {
    hn_space space;
    uint64_t offset; /* or index */
} hn_place;

#define HN_ABSENT UINT32_MAX
#define HN_BLOB   (UINT32_C(1) << 31)

struct hn_plan;

typedef struct hn_blob {
    uint64_t offset, bytes; /* in the plan's constants */
} hn_blob;

typedef struct hn_plan_value {
    const char *name;
    hn_type type; /* known unless place.space is DYNAMIC, or a list */
    hn_place place;
    size_t bytes;
    uint32_t storage; /* the value whose bytes this one shares as a view; its own number when none */
} hn_plan_value;

typedef enum hn_step_kind {
    HN_STEP_DRIVER, /* run a driver */
    HN_STEP_REF,    /* run the row's reference kernel on host views */
    HN_STEP_CONTROL /* If, Loop, Scan: run sub-plans */
} hn_step_kind;

typedef struct hn_step {
    hn_step_kind kind;
    const char *name;        /* node label, for profiles */
    const hn_driver *driver; /* DRIVER */
    const hn_kernel *kernels[HN_STEP_KERNELS];
    const void *params;
    size_t params_bytes;
    uint32_t *operands; /* DRIVER: value numbers, or HN_BLOB | number of a constant blob; HN_ABSENT */
    size_t noperands;
    uint32_t written;    /* DRIVER: bit k: operand k is written (operands past 31 are read only) */
    const hn_node *node; /* REF, CONTROL: row, attributes, regions */
    uint32_t *in, *out;  /* value numbers of the node's inputs and outputs; HN_ABSENT */
    size_t nin, nout, ncaptures;
    struct hn_plan **subplans; /* CONTROL: one per region; NULL entries are built at run time when shapes are known */
    size_t nsubplans;
    hn_cost cost;       /* of all slices */
    const char *op;     /* row name, for profiles */
    const char *reason; /* why a REF step got no driver; "" else */
    char shape[48];     /* first output, for profiles */
} hn_step;

typedef struct hn_plan {
    hn_arena arena;
    hn_plan_value *values;
    size_t nvalues;
    uint32_t *in, *out; /* value numbers of graph inputs and outputs */
    size_t nin, nout;
    hn_type *in_type, *out_type; /* of what a run takes and gives: of all slices */
    size_t slices; /* the steps are run so often, each time on the next rows of all inputs and outputs; 1: once */
    hn_step *steps;
    size_t nsteps;
    hn_blob *blobs; /* made by drivers: packed weights, tables */
    size_t nblobs;
    const uint8_t *constants; /* page-aligned when mapped, else 64-byte */
    size_t constants_bytes;
    const hn_str **strings; /* constant string tensors: pointers, so that they cannot lie in a mapped file */
    size_t nstrings;
    size_t arena_bytes;
    size_t arena_lower_bound_bytes; /* largest sum of live values */
    size_t scratch_bytes;           /* placed after the arena */
    uint64_t isa;                   /* bits that the chosen kernels need */
    size_t ndynamic;
    const char *source_sha256; /* of the model file, may be "" */
    void *owned;               /* constants on the heap, or NULL */
    hn_map map;                /* mapped plan file, or empty */
} hn_plan;

typedef struct hn_plan_options {
    uint64_t isa;              /* bits that may be used */
    const char *source_sha256; /* may be NULL */
    hn_lower_trace_fn *trace;  /* every candidate of every node; may be NULL */
    void *trace_self;
    size_t slices;  /* > 1: the graph computes a part of the samples, see hn_slice_proved, and is run so often */
    bool reference; /* every step runs the row's reference kernel */
} hn_plan_options;

/* Build from a graph that went through hn_pipeline_compile (or any graph whose input types are known). The graph must
 * outlive the plan. */
hn_status hn_plan_build(hn_env *env, hn_graph *g, const hn_plan_options *options, hn_plan **out) HN_MUST_CHECK;
void hn_plan_free(hn_env *env, hn_plan *plan);
hn_status hn_plan_save(hn_env *env, const hn_plan *plan, const char *path) HN_MUST_CHECK;
/* Checks version, checksum of the header tables, bounds of every offset, and that each named driver and kernel exists
 * and runs on this machine. HN_INPUT when the file is broken, HN_UNSUPPORTED when made for other kernels. *out is NULL
 * when the file does not start like a plan file. */
hn_status hn_plan_load(hn_env *env, const char *path, const hn_op_table *ops, hn_plan **out) HN_MUST_CHECK;
/* The same on the bytes of a plan file, 64-byte aligned, which the plan borrows. */
hn_status hn_plan_load_bytes(hn_env *env, const uint8_t *data, size_t bytes, const hn_op_table *ops,
                             hn_plan **out) HN_MUST_CHECK;
/* Re-derives lifetimes and overlaps independently of the planner; HN_BUG names two values that share bytes while both
 * live. */
hn_status hn_plan_check(hn_env *env, const hn_plan *plan) HN_MUST_CHECK;

#endif
