/* journal: see the header. */
#include "optimize/journal.h"

#include "base/clock.h"

#include <string.h>

enum { ENTRY_HEAD = 2 };

hn_status hn_journal_take(hn_env *env, hn_journal *j, hn_journal_kind kind, size_t n, double *out, bool *taken)
{
    *taken = false;
    if (!j || j->at >= j->count) return HN_OK;
    size_t left = j->count - j->at;
    if (left < ENTRY_HEAD || j->value[j->at] != (double)kind || j->value[j->at + 1] != (double)n ||
        left - ENTRY_HEAD < n) {
        hn_fail(env, HN_INPUT, "the saved state does not fit this search: measurement at %zu of %zu is another one",
                j->at, j->count);
        hn_hint(env, "start anew without --resume");
        return HN_INPUT;
    }
    if (n) memcpy(out, j->value + j->at + ENTRY_HEAD, n * sizeof *out);
    j->at += ENTRY_HEAD + n;
    *taken = true;
    return HN_OK;
}

static hn_status append(hn_env *env, hn_journal *j, hn_journal_kind kind, size_t n, const double *v)
{
    if (j->count + ENTRY_HEAD + n > j->cap) {
        size_t want = 2 * (j->count + ENTRY_HEAD + n) + 64;
        double *fresh = hn_arena_array(env, &j->arena, want, sizeof *fresh);
        if (!fresh) return HN_NOMEM;
        if (j->count) memcpy(fresh, j->value, j->count * sizeof *fresh);
        j->value = fresh;
        j->cap = want;
    }
    j->value[j->count] = (double)kind;
    j->value[j->count + 1] = (double)n;
    if (n) memcpy(j->value + j->count + ENTRY_HEAD, v, n * sizeof *v);
    j->count += ENTRY_HEAD + n;
    j->at = j->count;
    return HN_OK;
}

hn_status hn_journal_save(hn_journal *j)
{
    return j && j->save && j->at == j->count ? j->save(j->self, j) : HN_OK;
}

hn_status hn_journal_put(hn_env *env, hn_journal *j, hn_journal_kind kind, size_t n, const double *v)
{
    if (!j) return HN_OK;
    HN_TRY(append(env, j, kind, n, v));
    return kind == HN_JOURNAL_LOSS ? HN_OK : hn_journal_save(j);
}

/* The search may ask several times between two measurements, so the entry names the question that was answered with
 * yes. */
bool hn_journal_late(hn_env *env, hn_journal *j, bool clock)
{
    if (!j) return clock;
    double asked = (double)++j->late_asked;
    if (j->late) return true;
    if (j->at < j->count) {
        if (j->count - j->at < ENTRY_HEAD + 1 || j->value[j->at] != HN_JOURNAL_LATE ||
            j->value[j->at + ENTRY_HEAD] != asked)
            return false;
        j->at += ENTRY_HEAD + 1;
        return j->late = true;
    }
    if (!clock) return false;
    (void)!append(env, j, HN_JOURNAL_LATE, 1, &asked); /* refused memory is kept in env and ends the search */
    return j->late = true;
}

double hn_journal_spent(const hn_journal *j)
{
    return j ? j->spent_s + (double)(hn_clock_ns() - j->started_ns) * 1e-9 : 0;
}

void hn_journal_fini(hn_env *env, hn_journal *j)
{
    hn_arena_fini(env, &j->arena);
    *j = (hn_journal){0};
}
