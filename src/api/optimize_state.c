/* optimize_state: state/search.json of an output folder: what the search measured so far, and what it measured it on.
 */
#include "api/optimize.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "hone/hone.h"
#include "optimize/package.h"
#include "report/report.h"

enum { STATE_FORMAT = 4, STATE_MAX_BYTES = 1 << 26, FIELDS = 6 };

typedef struct field {
    const char *key, *words;
    const char *value;
} field;

/* What must be the same for the measurements to hold. */
static hn_status fields(hn_job *j, field f[FIELDS])
{
    hn_env *env = &j->e->env;
    hn_arena *a = &j->arena;
    const hn_search_options *o = &j->so;
    hn_buf pre = {0};
    hn_preprocess_print(env, &j->ds->options.pre, &pre);
    const char *data =
        hn_arena_printf(env, a, "%s, %zu samples, calibration %zu, selection %zu, preprocess %s, label offset %lld",
                        j->o->data.data, j->ds->count, j->split.count[HN_PART_CALIB], j->split.count[HN_PART_SELECT],
                        hn_buf_str(env, &pre), (long long)j->o->data.label_offset);
    hn_buf_fini(env, &pre);
    const char *options =
        hn_arena_printf(env, a,
                        "metric %s, max_drop %.17g, calibration %s, weights %s of %d bits, pairs %d, keep_all "
                        "%d, size %d, time %.17g, numerics %s",
                        hn_judge_name[o->judge], o->max_drop, o->method < 0 ? "auto" : hn_method_name[o->method],
                        o->per_tensor ? "per_tensor" : "per_channel", o->weight_bits, (int)o->pairs, (int)o->all,
                        (int)o->size, o->time_budget_s, env->strict ? "strict" : "fast");
    const char *seed = hn_arena_printf(env, a, "%llu", (unsigned long long)env->seed);
    if (!data || !options || !seed) return HN_NOMEM;
    f[0] = (field){"hone", "version of hone", HONE_VERSION};
    f[1] = (field){"model_sha256", "model", j->sha256};
    f[2] = (field){"data", "data", data};
    f[3] = (field){"options", "set of options", options};
    f[4] = (field){"seed", "seed", seed};
    f[5] = (field){"isa", "instruction set", hn_isa_name(env->isa)};
    return HN_OK;
}

static hn_status save(void *self, const hn_journal *journal)
{
    hn_job *j = self;
    hn_env *env = &j->e->env;
    hn_arena arena = {0};
    hn_recs r = {env, &arena};
    hn_buf b = {0};
    field f[FIELDS];
    hn_rec *root = hn_rec_map(&r, NULL, NULL);
    hn_status st = fields(j, f);
    hn_rec_int(&r, root, "format", STATE_FORMAT);
    for (size_t i = 0; i < FIELDS && st == HN_OK; i++) hn_rec_str(&r, root, f[i].key, f[i].value);
    hn_rec_real(&r, root, "spent_s", hn_journal_spent(journal));
    hn_rec *list = hn_rec_list(&r, root, "measured");
    for (size_t i = 0; i < journal->count; i++) hn_rec_real(&r, list, NULL, journal->value[i]);
    if (st == HN_OK) st = env->error.status;
    if (st == HN_OK) st = hn_report_json(env, root, 0, &b);
    if (st == HN_OK) st = hn_file_write(env, j->state_path, b.data, b.size);
    hn_buf_fini(env, &b);
    hn_arena_fini(env, &arena);
    return st;
}

static hn_status refuse(hn_job *j, const char *words, const char *had, const char *now)
{
    hn_env *env = &j->e->env;
    hn_fail(env, HN_INPUT, "the state in %s is for another %s: \"%.120s\", now \"%.120s\"", j->state_path, words, had,
            now);
    hn_hint(env, "start anew without --resume, or name another folder with --out");
    return HN_INPUT;
}

static hn_status take(hn_job *j, const hn_rec *root)
{
    hn_env *env = &j->e->env;
    field f[FIELDS];
    HN_TRY(fields(j, f));
    const hn_rec *list = hn_rec_get(root, "measured");
    if (hn_rec_num(root, "format", 0) != STATE_FORMAT || !list || list->kind != HN_REC_LIST)
        return hn_fail(env, HN_INPUT, "%s is no state that this build can go on from", j->state_path);
    for (size_t i = 0; i < FIELDS; i++) {
        const char *had = hn_rec_text(root, f[i].key, "");
        if (strcmp(had, f[i].value) != 0) return refuse(j, f[i].words, had, f[i].value);
    }
    hn_journal *to = &j->journal;
    double spent = hn_rec_num(root, "spent_s", 0);
    to->spent_s = spent > 0 && spent < 1e9 ? spent : 0;
    to->value = hn_arena_array(env, &to->arena, list->u.c.count + 1, sizeof *to->value);
    if (!to->value) return HN_NOMEM;
    to->cap = list->u.c.count;
    for (const hn_rec *v = list->u.c.first; v; v = v->next)
        to->value[to->count++] = v->kind == HN_REC_REAL ? v->u.r : v->kind == HN_REC_INT ? (double)v->u.i : (double)NAN;
    return HN_OK;
}

static hn_status load(hn_job *j)
{
    hn_env *env = &j->e->env;
    hn_map map;
    hn_arena arena = {0};
    hn_rec *root;
    HN_TRY(hn_map_open(env, j->state_path, &map));
    hn_status st = map.size > STATE_MAX_BYTES ? hn_fail(env, HN_LIMIT, "%s has %zu bytes", j->state_path, map.size)
                                              : hn_report_parse(env, &arena, (const char *)map.data, map.size, &root);
    if (st == HN_OK) st = take(j, root);
    hn_arena_fini(env, &arena);
    hn_map_close(&map);
    return hn_context(env, st, "while resuming");
}

hn_status hn_job_state_open(hn_job *j)
{
    hn_env *env = &j->e->env;
    char *dir = hn_path_join(env, &j->arena, j->out, HN_PACKAGE_STATE);
    if (!dir) return HN_NOMEM;
    HN_TRY(hn_dir_make(env, dir));
    j->state_path = hn_path_join(env, &j->arena, dir, "search.json");
    if (!j->state_path) return HN_NOMEM;
    j->journal.save = save;
    j->journal.self = j;
    j->journal.started_ns = hn_clock_ns();
    j->so.journal = &j->journal;
    return j->o->resume && hn_path_is_file(j->state_path) ? load(j) : HN_OK;
}
