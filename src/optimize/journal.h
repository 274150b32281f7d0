/* journal: what a search measured, in order, so that a search that was killed goes on where it was. The search itself
 * is a function of its inputs and of what it measures: given the same measurements it takes the same decisions. So a
 * resumed search runs from the start, takes each measurement from the journal as long as there is one, and measures on
 * from there. */
#ifndef HN_OPTIMIZE_JOURNAL_H
#define HN_OPTIMIZE_JOURNAL_H

#include "base/arena.h"

typedef enum hn_journal_kind {
    HN_JOURNAL_LOSS = 1,
    HN_JOURNAL_TIME,
    HN_JOURNAL_SCORE,
    HN_JOURNAL_LATE,
    HN_JOURNAL_BITS
} hn_journal_kind;

typedef struct hn_journal {
    hn_arena arena;
    double *value; /* entries one after the other: kind, length, values */
    size_t count, cap;
    size_t at;           /* next to be taken; count: nothing is left, measure */
    uint64_t late_asked; /* how often the search asked whether its time is over */
    bool late;
    double spent_s;                                            /* by the runs before this one */
    uint64_t started_ns;                                       /* this run */
    hn_status (*save)(void *self, const struct hn_journal *j); /* may be NULL */
    void *self;
} hn_journal;

/* Every function takes NULL for a search without a journal. */

/* The next entry, when there is one; HN_INPUT when it is not of this kind and length. */
hn_status hn_journal_take(hn_env *env, hn_journal *j, hn_journal_kind kind, size_t n, double *out,
                          bool *taken) HN_MUST_CHECK;
/* Append a measurement; timings and scores are saved at once. */
hn_status hn_journal_put(hn_env *env, hn_journal *j, hn_journal_kind kind, size_t n, const double *v) HN_MUST_CHECK;
hn_status hn_journal_save(hn_journal *j) HN_MUST_CHECK;
/* Is the time over? `clock` says so now; what the journal says about this question comes first. */
bool hn_journal_late(hn_env *env, hn_journal *j, bool clock);
double hn_journal_spent(const hn_journal *j); /* seconds, of all runs so far; 0 without a journal */
void hn_journal_fini(hn_env *env, hn_journal *j);

#endif
