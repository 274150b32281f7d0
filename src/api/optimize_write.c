/* optimize_write: the files of an output folder that are text. */
#include "api/optimize.h"

#include "base/io.h"
#include "optimize/package.h"
#include "report/report.h"

#include <string.h>

static hn_status write_text(hn_job *j, const char *name, hn_status st, hn_buf *b)
{
    hn_env *env = &j->e->env;
    if (st == HN_OK) st = hn_buf_status(b);
    char *path = st == HN_OK ? hn_path_join(env, &j->arena, j->out, name) : NULL;
    if (st == HN_OK) st = path ? hn_file_write(env, path, b->data, b->size) : HN_NOMEM;
    hn_buf_fini(env, b);
    return st;
}

static void write_log(hn_job *j, const hn_rec *root, hn_buf *b)
{
    hn_env *env = &j->e->env;
    hn_buf_printf(env, b, "%s\n", hn_rec_text(root, "command", ""));
    for (size_t i = 0; i < j->s.ntrials; i++) {
        const hn_trial *t = &j->s.trials[i];
        hn_buf_printf(env, b, "trial: %s: %zu layers in INT8", t->name, t->int8_layers);
        if (t->scored)
            hn_buf_printf(env, b, ", %s %.6g of %zu, drop %.2f points", hn_judge_name[j->so.judge], t->score, t->drop.n,
                          t->drop.value);
        hn_buf_printf(env, b, "%s%s\n", t->note[0] ? "; " : "", t->note);
    }
    for (size_t i = 0; i < j->s.nrefusals; i++)
        hn_buf_printf(env, b, "refused: %s for %s: %s\n", j->s.refusals[i].what, j->s.refusals[i].layer,
                      j->s.refusals[i].reason);
    hn_buf_printf(env, b, "%s\n", hn_rec_text(root, "verdict", ""));
}

hn_status hn_job_write(hn_job *j, const hn_rec *root)
{
    hn_env *env = &j->e->env;
    hn_buf b = {0};
    HN_TRY(hn_report_check(env, root));
    HN_TRY(write_text(j, HN_PACKAGE_JSON, hn_report_json(env, root, 1, &b), &b));
    HN_TRY(write_text(j, HN_PACKAGE_HTML, hn_report_html(env, root, NULL, &b), &b));
    HN_TRY(write_text(j, HN_PACKAGE_TEXT, hn_report_text(env, root, &b), &b));
    hn_job_recipe_print(j, hn_rec_text(root, "data.preprocess", "none"), &b);
    HN_TRY(write_text(j, HN_PACKAGE_RECIPE, HN_OK, &b));
    write_log(j, root, &b);
    return write_text(j, HN_PACKAGE_LOG, HN_OK, &b);
}
