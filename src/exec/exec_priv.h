/* exec_priv: between the files of the exec room. */
#ifndef HN_EXEC_EXEC_PRIV_H
#define HN_EXEC_EXEC_PRIV_H

#include "exec/exec.h"

/* Memory that only grows: once warm, a run asks for nothing. */
typedef struct hn_grow {
    void *data;
    size_t cap;
} hn_grow;

/* A region planned for one set of input shapes. */
typedef struct hn_subrun {
    const hn_plan *plan;
    hn_plan *owned; /* NULL when the plan belongs to the outer plan */
    hn_arena graph; /* the specialised region graph, when owned */
    hn_instance *inst;
    uint64_t used; /* clock of last use */
} hn_subrun;

enum { HN_SUBRUN_CACHE = 16 };

typedef struct hn_control {
    hn_subrun *cache[2]; /* per region, HN_SUBRUN_CACHE entries */
    size_t count[2];
    uint64_t clock;
    hn_tensor *out; /* outputs of a region run */
    const hn_tensor **out_ref;
    hn_grow *carry; /* loop-carried values, in two halves */
    size_t ncarry, half;
    hn_grow *scan; /* scan outputs so far */
    size_t nscan;
} hn_control;

typedef struct hn_patch {
    void **slot;
    uint32_t input;
} hn_patch;

struct hn_instance {
    const hn_plan *plan;
    hn_arena arena;   /* tables */
    hn_arena scratch; /* reset at the start of each run */
    uint8_t *memory;  /* arena, then scratch */
    size_t memory_bytes;
    void ***ptr;       /* per step: its operands */
    hn_patch *patches; /* pointers that follow the caller's inputs */
    size_t npatches;
    hn_tensor *tensors;    /* per value */
    const hn_tensor ***in; /* per REF or CONTROL step */
    hn_tensor ***out;
    hn_grow *dynamic;     /* per dynamic value */
    hn_control **control; /* per step; NULL for others */
    double work;          /* of the steps whose shapes are known, see hn_work_add */
    bool profile;
    uint64_t *step_ns;
    uint64_t runs;
};

hn_status hn_grow_to(hn_env *env, hn_grow *g, size_t bytes) HN_MUST_CHECK;
/* An optional where what it holds is declared, or the other way round: *t becomes the declared kind. `some` is room for
 * the entry of an optional. */
hn_status hn_instance_fit(hn_env *env, const hn_type *declared, hn_tensor *t, hn_tensor *some) HN_MUST_CHECK;
/* Give output `value` of the instance the dtype and dims of t and copy its bytes. */
hn_status hn_instance_store(hn_env *env, hn_instance *inst, uint32_t value, const hn_tensor *t) HN_MUST_CHECK;
/* hn_instance_run as a part of a run that goes on: its work counts towards that of the whole. */
hn_status hn_instance_run_inner(hn_env *env, hn_instance *inst, const hn_tensor *const *in,
                                hn_tensor *out) HN_MUST_CHECK;
hn_status hn_control_new(hn_env *env, hn_instance *inst, const hn_step *s, hn_control **out) HN_MUST_CHECK;
void hn_control_free(hn_env *env, hn_control *c);
hn_status hn_control_run(hn_env *env, hn_instance *inst, size_t step) HN_MUST_CHECK;

#endif
