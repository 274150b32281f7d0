/* env: what every function that allocates, fails, logs or runs in parallel is handed as its first argument.
 *
 * There is no global state: the allocator, the error, the log, the thread pool, the ISA cap and the seed travel in
 * hn_env. An env is used by one thread at a time. The first error wins; later hn_fail calls on the same env keep the
 * first text. */
#ifndef HN_BASE_ENV_H
#define HN_BASE_ENV_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum hn_status {
    HN_OK = 0,
    HN_INPUT,       /* the file, argument or data is wrong; the user can mend it */
    HN_UNSUPPORTED, /* valid, but hone cannot do it; names the op and node */
    HN_LIMIT,       /* a declared size or count limit would be exceeded */
    HN_NOMEM,       /* the allocator refused */
    HN_IO,          /* the operating system refused */
    HN_DEVICE,      /* the device failed */
    HN_COMM,        /* a transport failed */
    HN_BUG          /* our own invariant is broken */
} hn_status;

#if defined(__GNUC__)
#define HN_MUST_CHECK        __attribute__((warn_unused_result))
#define HN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define HN_MUST_CHECK
#define HN_PRINTF(fmt, args)
#endif

/* Return from the enclosing function with the status of a failed call. */
#define HN_TRY(expr)                                      \
    do {                                                  \
        hn_status hn_try_status = (expr);                 \
        if (hn_try_status != HN_OK) return hn_try_status; \
    } while (0)

/* The same for functions with one exit label: sets `st` and jumps to `out`. */
#define HN_GOTO(expr)              \
    do {                           \
        st = (expr);               \
        if (st != HN_OK) goto out; \
    } while (0)

enum { HN_ERROR_FRAMES = 8 };

typedef struct hn_error {
    hn_status status;
    char text[512];                   /* one factual line: what and why */
    char hint[256];                   /* what to do; may be empty */
    char frame[HN_ERROR_FRAMES][160]; /* innermost first: "tensor conv1.weight", "in model.onnx at byte 1234" */
    int frames;
} hn_error;

/* Memory comes 64-byte aligned. alloc returns NULL when it refuses; free(NULL) is not called. */
typedef struct hn_allocator {
    void *(*alloc)(void *self, size_t bytes);
    void (*free)(void *self, void *ptr);
    void *self;
} hn_allocator;

typedef enum hn_log_level { HN_LOG_ERROR, HN_LOG_WARN, HN_LOG_INFO, HN_LOG_DEBUG } hn_log_level;
typedef void hn_log_fn(void *self, hn_log_level level, const char *line);

struct hn_pool;
struct hn_choices;

typedef struct hn_env {
    hn_allocator alloc;
    hn_error error;
    hn_log_fn *log; /* NULL: silent */
    void *log_self;
    struct hn_pool *pool;             /* borrowed; NULL: serial */
    uint64_t isa;                     /* ISA bits that may be used (device/isa.h); 0 until a device fills it */
    const struct hn_choices *choices; /* borrowed: drivers measured on this machine; NULL: by rule alone */
    uint64_t seed;
    bool strict;       /* only kernels whose sums round as the definition's do */
    double work_limit; /* most that one run may ask for, in operations and bytes moved; 0: no limit */
    double work;       /* asked for so far by the present run */
} hn_env;

/* Initialise with the system allocator, silent log, no pool, seed 0. Never fails. */
void hn_env_init(hn_env *env);

/* Record an error and return its status. `status` must not be HN_OK. If the env holds an error already, that one is
 * kept and its status is returned. */
hn_status hn_fail(hn_env *env, hn_status status, const char *fmt, ...) HN_PRINTF(3, 4);
/* Say what the user can do about the error that was just recorded; the first hint wins. */
void hn_hint(hn_env *env, const char *fmt, ...) HN_PRINTF(2, 3);
/* Add a context frame on the way up; returns `status` unchanged so that `return hn_context(env, st, ...)` works.
 * Does nothing when status is HN_OK. */
hn_status hn_context(hn_env *env, hn_status status, const char *fmt, ...) HN_PRINTF(3, 4);
void hn_error_clear(hn_env *env);
/* Write the whole message (text, frames, hint; lines separated by '\n') to dst, always NUL-terminated. */
void hn_error_format(const hn_error *error, char *dst, size_t dst_bytes);
const char *hn_status_name(hn_status status);

/* Count work that a run is about to do; HN_LIMIT when that is more than one run may ask for. Loops call it on every
 * iteration, so that a damaged trip count ends too. */
hn_status hn_work_add(hn_env *env, double work) HN_MUST_CHECK;

void hn_log(hn_env *env, hn_log_level level, const char *fmt, ...) HN_PRINTF(3, 4);

/* Heap memory, 64-byte aligned; NULL with HN_NOMEM recorded on refusal. Size 0 gives a unique pointer. */
void *hn_alloc(hn_env *env, size_t bytes) HN_MUST_CHECK;
void *hn_zalloc(hn_env *env, size_t bytes) HN_MUST_CHECK;
/* The size to ask for instead of bytes, where the rest is of use or the block is one of few: whole huge pages when at
 * least an eighth of the last one is used. A huge page comes with one fault instead of 512. */
size_t hn_alloc_fit(size_t bytes);
void hn_free(hn_env *env, void *ptr); /* NULL allowed */

#endif
