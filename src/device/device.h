/* device: lowers one node to one step, or says why not. "Can do" and "do" are one function.
 *
 * A step is position independent: it names its driver and kernels, holds a plain-data parameter block without pointers,
 * and refers to memory by operand number, so that a plan can be saved and mapped. Packing of weights happens here, at
 * plan time. */
#ifndef HN_DEVICE_DEVICE_H
#define HN_DEVICE_DEVICE_H

#include "base/pool.h"
#include "ir/graph.h"
#include "ir/op.h"
#include "kernels/kernel.h"

enum { HN_STEP_KERNELS = 6 };

typedef struct hn_machine {
    uint64_t isa; /* what the CPU and the operating system offer */
    size_t l1d_bytes, l2_bytes, l3_bytes;
    size_t cores; /* usable by this process */
    char cpu[64];
} hn_machine;
void hn_machine_read(hn_machine *m);
uint64_t hn_machine_isa(void); /* the field alone, sooner */
/* "generic" | "avx2" | "avx512" | "vnni" | "bf16" | "auto": cap such that bits above the named level are off. */
hn_status hn_isa_parse(hn_env *env, const char *name, uint64_t *bits) HN_MUST_CHECK;
const char *hn_isa_name(uint64_t bits); /* highest level present */

/* Of the sources of drivers, kernels and plans: what one build saves, another with a different number must not read. */
extern const uint32_t hn_build_id;

typedef enum hn_operand_kind {
    HN_OPERAND_VALUE, /* an activation, or a constant of the graph as it stands */
    HN_OPERAND_CONST  /* bytes made by the driver at plan time (packed weights, tables) */
} hn_operand_kind;

typedef struct hn_operand {
    hn_operand_kind kind;
    bool written;
    const hn_value *value; /* VALUE */
    void *data;            /* CONST: 64-byte aligned */
    size_t bytes;          /* CONST */
} hn_operand;

/* What run gets: pointers resolved, in the order in which lower added the operands. */
typedef struct hn_run {
    hn_env *env;
    void *const *ptr;                /* one per operand; NULL for none */
    const void *params;              /* what hn_lower_params returned */
    const hn_kernel *const *kernels; /* as chosen, in order */
    void *scratch;                   /* scratch_bytes, 64-byte aligned, undefined content */
    hn_pool *pool;
} hn_run;
/* Kernels cannot fail; run fails only for bad data (an index out of range): HN_INPUT. */
typedef hn_status hn_run_fn(const hn_run *r);

struct hn_driver;

typedef struct hn_lower {
    hn_env *env;
    hn_arena *arena;     /* lives as long as the plan under construction */
    const hn_node *node; /* every type known */
    const hn_machine *machine;
    uint64_t isa;            /* bits that may be used */
    const hn_kernel *prefer; /* to be taken where it fits; NULL: by rule */
    /* filled by the driver through the functions below */
    void *params;
    size_t params_bytes;
    hn_operand *operands;
    size_t noperands, operands_cap;
    const hn_kernel *kernels[HN_STEP_KERNELS];
    size_t nkernels;
    size_t scratch_bytes;
    int inplace;  /* operand number of an input whose memory the first output may take over when it dies here; -1: none
                   */
    double error; /* fast numerics: bound of the rounding error's root mean square, relative to that of the root of the
                   * sum of squared products; 0: rounds as the definition's sum */
    bool refused;
    char reason[160];
} hn_lower;

typedef struct hn_driver {
    const char *name; /* "conv_f32" */
    const char *doc;
    const char *const *ops;          /* "hone.Conv", ...; ends with NULL */
    int rank;                        /* tried in falling order */
    hn_status (*lower)(hn_lower *c); /* HN_OK with c->refused set when it cannot; other statuses are real failures */
    hn_run_fn *run;
} hn_driver;

extern const hn_driver *const hn_driver_rows[]; /* generated */
extern const size_t hn_driver_count;
const hn_driver *hn_driver_find(const char *name);
const hn_kernel *hn_kernel_find(const char *name);

/* Every input that is present has this type. */
bool hn_inputs_are(const hn_node *n, hn_dtype dtype);
/* Say why not; returns HN_OK so that `return hn_lower_refuse(c, "...")` reads well. */
hn_status hn_lower_refuse(hn_lower *c, const char *fmt, ...) HN_PRINTF(2, 3);
/* Zeroed plain-data block without pointers, at most 4 KiB, copied into the plan. One per step. */
void *hn_lower_params(hn_lower *c, size_t bytes) HN_MUST_CHECK;
/* Operand numbers, -1 on refusal of memory (then return HN_NOMEM). An absent optional input gives an operand whose ptr
 * is NULL. */
int hn_lower_input(hn_lower *c, size_t i);
int hn_lower_output(hn_lower *c, size_t i);
/* Whether output 0, rows of its last dim, is read by one Concat along that dim only, so that its rows may be written
 * where they belong there: `at` elements into rows of `stride`. */
bool hn_lower_joins(const hn_lower *c, size_t *at, size_t *stride);
int hn_lower_output_joined(hn_lower *c); /* the Concat's result instead of output 0; hn_lower_joins was true */
int hn_lower_const(hn_lower *c, size_t bytes,
                   void **data); /* zeroed; fill now. May over-allocate for kernels that over-read */
/* Best kernel of a family within c->isa whose variant matches (-1: any) and whose flags contain `flags`; appended to
 * c->kernels. NULL when there is none. */
const hn_kernel *hn_lower_kernel(hn_lower *c, const char *family, int variant, uint32_t flags);
/* The same without appending, for drivers with their own rule: iterate hn_kernel_rows and append. */
hn_status hn_lower_kernel_add(hn_lower *c, const hn_kernel *k);

/* The driver of an op after number `last` in rank order; hn_driver_count starts, and says that there is none. */
size_t hn_driver_next(const hn_op *op, size_t last);
/* Lower with this driver, and with this kernel where it fits (NULL: by rule). A refusal leaves c->refused set. */
hn_status hn_device_try(hn_lower *c, const hn_driver *driver, const hn_kernel *prefer) HN_MUST_CHECK;

/* The driver that env->choices holds for the node, else drivers in rank order. On HN_OK either *driver is set and c is
 * filled, or *driver is NULL (the reference kernel runs the node). `trace` (may be NULL) is called for every candidate
 * with its reason ("" when taken). */
typedef void hn_lower_trace_fn(void *self, const hn_driver *driver, const char *reason);
hn_status hn_device_lower(hn_lower *c, const hn_driver **driver, hn_lower_trace_fn *trace, void *self) HN_MUST_CHECK;

#endif
