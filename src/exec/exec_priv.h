/* exec_priv: between the files of the exec room. */
#ifndef HN_EXEC_EXEC_PRIV_H
#define HN_EXEC_EXEC_PRIV_H

#include "exec/exec.h"

/* Memory that only grows: once warm, a run asks for nothing. */
typedef struct hn_grow {
    void *data;
    size_t cap;
} hn_grow;

/* A sequence that a Loop carries. It belongs to one value at a time: the step that reads that value last may append in
 * place. Nothing moves before the next hn_store_reset. */
enum { HN_STORE_BLOCKS = 40 };
typedef struct hn_store {
    hn_grow head[HN_STORE_BLOCKS];  /* records of the entries, in the one numbered nhead */
    hn_grow block[HN_STORE_BLOCKS]; /* what the entries hold, up to `used` in the one numbered nblock */
    size_t nhead, nblock, used;
    hn_tensor list;
    hn_type type; /* the first `held` entries are known to fit it */
    size_t held;
} hn_store;

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
    hn_grow *carry;   /* loop-carried values, in two halves */
    hn_store **store; /* the same for sequences, made when needed */
    uint8_t *turn;    /* which half of `store` each carried value is in */
    size_t ncarry, half;
    hn_store **in_own, **out_own; /* stores that belong to inputs and outputs of a region run, or NULL */
    hn_grow *scan;                /* scan outputs so far */
    size_t nscan;
} hn_control;

typedef struct hn_patch {
    void **slot;
    uint32_t index; /* of the plan's input or output */
    bool output;
} hn_patch;

/* A run of a plan of slices. Lanes are instances of that plan which take slices side by side. */
typedef struct hn_slices hn_slices;

struct hn_instance {
    const hn_plan *plan;
    hn_arena arena;   /* memory, tables */
    hn_arena scratch; /* reset at the start of each run */
    uint8_t *memory;  /* arena, then scratch */
    size_t memory_bytes;
    void ***ptr;       /* per step: its operands */
    hn_patch *patches; /* pointers that follow the caller's inputs, and the rows of outputs in a plan of slices */
    size_t npatches;
    hn_tensor *tensors;    /* per value */
    const hn_tensor ***in; /* per REF or CONTROL step */
    hn_tensor ***out;
    hn_grow *dynamic;     /* per dynamic value */
    hn_store **own;       /* per value: the store that belongs to it, or NULL; NULL when there are no lists */
    size_t *last;         /* per value: the step that reads it last, SIZE_MAX for outputs */
    hn_control **control; /* per step; NULL for others */
    double work;          /* of the steps whose shapes are known, see hn_work_add */
    bool profile;
    uint64_t *step_ns;
    uint64_t runs;
    hn_slices *slices; /* of the instance that the caller has, in a plan of slices; else NULL */
};

/* All steps once, on whatever the patched pointers point to. */
hn_status hn_instance_steps(hn_env *env, hn_instance *inst) HN_MUST_CHECK;
/* An instance without hn_slices. */
hn_status hn_instance_make(hn_env *env, const hn_plan *plan, hn_instance **out) HN_MUST_CHECK;
hn_status hn_slices_new(hn_env *env, hn_instance *inst) HN_MUST_CHECK;
void hn_slices_free(hn_env *env, hn_slices *s);
hn_status hn_slices_run(hn_env *env, hn_instance *inst, const hn_tensor *const *in, hn_tensor *out) HN_MUST_CHECK;
void hn_slices_profile(hn_slices *s, bool on);
const uint64_t *hn_slices_step_ns(const hn_slices *s);
size_t hn_slices_bytes(const hn_slices *s); /* beside those of the instance itself */

hn_status hn_grow_to(hn_env *env, hn_grow *g, size_t bytes) HN_MUST_CHECK;
/* An optional where what it holds is declared, or the other way round: *t becomes the declared kind. `some` is room for
 * the entry of an optional. */
hn_status hn_instance_fit(hn_env *env, const hn_type *declared, hn_tensor *t, hn_tensor *some) HN_MUST_CHECK;
/* Give output `value` of the instance the dtype and dims of t and copy its bytes. */
hn_status hn_instance_store(hn_env *env, hn_instance *inst, uint32_t value, const hn_tensor *t) HN_MUST_CHECK;
/* hn_instance_run as a part of a run that goes on: its work counts towards that of the whole. */
hn_status hn_instance_run_inner(hn_env *env, hn_instance *inst, const hn_tensor *const *in,
                                hn_tensor *out) HN_MUST_CHECK;
/* ---- store.c ---- */
void hn_store_reset(hn_store *s);
void hn_store_free(hn_env *env, hn_store *s);
hn_status hn_store_append(hn_env *env, hn_store *s, const hn_tensor *entry) HN_MUST_CHECK;
hn_status hn_store_copy(hn_env *env, hn_store *s, const hn_tensor *list) HN_MUST_CHECK;
/* hn_type_holds that looks at new entries only. s may be NULL. */
bool hn_store_holds(hn_store *s, const hn_type *type, const hn_tensor *t);
hn_status hn_store_init(hn_env *env, hn_instance *inst) HN_MUST_CHECK;
/* The store of operand k where step s reads it last; it leaves the value. */
hn_store *hn_store_take(hn_instance *inst, size_t s, size_t k);
/* An append in place, where step s is one: else *done is false. */
hn_status hn_store_step(hn_env *env, hn_instance *inst, size_t s, bool *done) HN_MUST_CHECK;

hn_status hn_control_new(hn_env *env, hn_instance *inst, const hn_step *s, hn_control **out) HN_MUST_CHECK;
void hn_control_free(hn_env *env, hn_control *c);
hn_status hn_control_run(hn_env *env, hn_instance *inst, size_t step) HN_MUST_CHECK;

#endif
