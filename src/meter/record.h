/* record: the tree behind every report and every --json object. Values live in an arena; keys keep insertion order.
 * Builders are sticky: on refusal they return a shared error node and the status is kept in the env. */
#ifndef HN_METER_RECORD_H
#define HN_METER_RECORD_H

#include "base/arena.h"

typedef enum hn_rec_kind {
    HN_REC_NULL,
    HN_REC_BOOL,
    HN_REC_INT,
    HN_REC_REAL,
    HN_REC_STR,
    HN_REC_LIST,
    HN_REC_MAP
} hn_rec_kind;

typedef struct hn_rec {
    hn_rec_kind kind;
    const char *key; /* in a map, else NULL */
    union {
        bool b;
        int64_t i;
        double r;
        const char *s;
        struct {
            struct hn_rec *first, *last;
            size_t count;
        } c;
    } u;
    struct hn_rec *next; /* sibling */
} hn_rec;

typedef struct hn_recs {
    hn_env *env;
    hn_arena *arena;
} hn_recs;

/* parent NULL makes a root. key is copied; NULL in lists. All return the new node, or NULL with the error in the env;
 * a NULL parent that came from a failed call is told apart by the env's error and gives NULL again. */
hn_rec *hn_rec_map(hn_recs *r, hn_rec *parent, const char *key);
hn_rec *hn_rec_list(hn_recs *r, hn_rec *parent, const char *key);
hn_rec *hn_rec_int(hn_recs *r, hn_rec *parent, const char *key, int64_t v);
hn_rec *hn_rec_real(hn_recs *r, hn_rec *parent, const char *key, double v); /* NaN and infinities are stored as null */
hn_rec *hn_rec_bool(hn_recs *r, hn_rec *parent, const char *key, bool v);
hn_rec *hn_rec_null(hn_recs *r, hn_rec *parent, const char *key);
hn_rec *hn_rec_str(hn_recs *r, hn_rec *parent, const char *key, const char *s); /* copied */
hn_rec *hn_rec_strf(hn_recs *r, hn_rec *parent, const char *key, const char *fmt, ...) HN_PRINTF(4, 5);

/* Look-up by "a.b.2.c"; NULL when absent. */
const hn_rec *hn_rec_get(const hn_rec *root, const char *path);
double hn_rec_num(const hn_rec *root, const char *path, double otherwise);
const char *hn_rec_text(const hn_rec *root, const char *path, const char *otherwise);

#endif
