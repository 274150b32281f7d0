/* optimize_recipe: a recipe under the options of the command line, which win; and the recipe that says what a run did.
 */
#include "api/optimize.h"

#include <stdio.h>
#include <string.h>

static void take_text(const char **option, const char *from)
{
    if (!*option) *option = from;
}

static void take_options(hn_job *j)
{
    hone_optimize_options *o = &j->merged;
    const hn_recipe *r = &j->recipe;
    take_text(&j->path, r->model);
    take_text(&o->data.data, r->data);
    take_text(&o->data.preprocess, r->preprocess);
    take_text(&o->data.label_column, r->label_column);
    if (!o->data.label_offset) o->data.label_offset = r->label_offset;
    if (!o->data.limit) o->data.limit = (size_t)r->limit;
    take_text(&o->eval.data, r->eval);
    take_text(&o->eval.preprocess, o->data.preprocess);
    take_text(&o->eval.label_column, o->data.label_column);
    if (!o->eval.label_offset) o->eval.label_offset = o->data.label_offset;
    if (!o->eval.limit) o->eval.limit = (size_t)r->eval_limit;
    /* 0 stands for the default among the options, but a recipe may ask for no loss at all. */
    if (!(o->max_drop > 0)) o->max_drop = r->max_drop > 0 ? r->max_drop : 1e-9;
    if (!(o->time_budget_s > 0)) o->time_budget_s = r->time_s;
    if (!o->calib) o->calib = (size_t)r->samples;
    take_text(&o->goal, r->goal);
    take_text(&o->metric, r->metric);
    take_text(&o->calibration, r->calibration);
    o->per_tensor = o->per_tensor || strcmp(r->weights, "per_tensor") == 0;
    o->all = o->all || r->keep_all;
}

static hn_status take_target(hn_job *j)
{
    hone_env *e = j->e;
    const hn_recipe *r = &j->recipe;
    if (!e->env.seed) e->env.seed = (uint64_t)r->seed;
    if (!e->isa_given) {
        uint64_t cap;
        HN_TRY(hn_isa_parse(&e->env, r->isa, &cap));
        e->env.isa &= cap | HN_ISA_CHOSEN;
    }
    if (e->threads_given || r->threads == 0 || (size_t)r->threads == hn_pool_threads(e->env.pool)) return HN_OK;
    HN_TRY(hn_pool_new(&e->env, (size_t)r->threads, &j->pool));
    e->env.pool = j->pool;
    return HN_OK;
}

hn_status hn_job_recipe(hn_job *j)
{
    hn_env *env = &j->e->env;
    j->merged = *j->o;
    j->o = &j->merged;
    j->outer_isa = env->isa;
    j->outer_seed = env->seed;
    hn_recipe_init(&j->recipe);
    if (!j->merged.recipe) return HN_OK;
    HN_TRY(hn_recipe_read(env, &j->arena, j->merged.recipe, &j->recipe));
    take_options(j);
    return take_target(j);
}

void hn_job_recipe_fini(hn_job *j)
{
    hn_env *env = &j->e->env;
    env->isa = j->outer_isa;
    env->seed = j->outer_seed;
    env->pool = j->e->pool;
    hn_pool_free(env, j->pool);
}

hn_status hn_job_recipe_check(hn_job *j)
{
    const char *want = j->recipe.model_sha256;
    if (!want || strcmp(want, j->sha256) == 0) return HN_OK;
    hn_fail(&j->e->env, HN_INPUT,
            "%s is not the model of the recipe %s: its SHA-256 is %.16s..., the recipe's %.16s...", j->path,
            j->merged.recipe, j->sha256, want);
    hn_hint(&j->e->env, "take model_sha256 out of the recipe to use its choices for another model");
    return HN_INPUT;
}

void hn_job_recipe_print(const hn_job *j, const char *preprocess, hn_buf *b)
{
    hn_env *env = &j->e->env;
    const hone_optimize_options *o = j->o;
    hn_recipe r;
    hn_recipe_init(&r);
    r.model = j->path;
    r.model_sha256 = j->sha256;
    r.data = o->data.data;
    r.preprocess = preprocess;
    r.label_offset = o->data.label_offset;
    r.label_column = o->data.label_column;
    r.limit = (int64_t)o->data.limit;
    r.eval = o->eval.data;
    r.eval_limit = (int64_t)o->eval.limit;
    r.seed = (int64_t)env->seed;
    r.metric = hn_judge_name[j->so.judge];
    r.max_drop = j->so.max_drop;
    r.time_s = o->time_budget_s > 0 ? o->time_budget_s : 0;
    if (o->goal) r.goal = o->goal;
    r.isa = hn_isa_name(env->isa);
    r.threads = (int64_t)hn_pool_threads(env->pool);
    r.samples = (int64_t)j->split.count[HN_PART_CALIB];
    r.bits = j->recipe.bits;
    r.weights = j->so.per_tensor ? "per_tensor" : "per_channel";
    if (j->so.method >= 0) r.calibration = hn_method_name[j->so.method];
    r.keep_all = j->so.all;
    r.quantize = r.compile = true;
    hn_buf_puts(env, b, "# Every choice of this run, defaults written out.\n");
    hn_recipe_print(env, &r, b);
}
