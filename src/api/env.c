/* env: the public environment. */
#include "api/api.h"

#include "base/io.h"

#include <string.h>

/* Hours on any machine of today: only a damaged model asks for it. */
#define DEFAULT_MAX_WORK 1e15

static void forward_log(void *self, hn_log_level level, const char *line)
{
    hone_env *e = self;
    if (e->log) e->log(e->self, (int)level, line);
}

/* A file that cannot be used costs speed alone: it is left aside with a warning. */
static hn_status load_choices(hone_env *e, const char *path)
{
    size_t bytes = strlen(path) + 1;
    e->choices_path = hn_alloc(&e->env, bytes);
    if (!e->choices_path) return HN_NOMEM;
    memcpy(e->choices_path, path, bytes);
    e->env.choices = &e->choices;
    if (!hn_path_is_file(path)) return HN_OK;
    hn_status st = hn_choices_load(&e->env, path, hn_api_machine(e), &e->choices);
    if (st != HN_INPUT && st != HN_UNSUPPORTED && st != HN_LIMIT && st != HN_IO) return st;
    hn_log(&e->env, HN_LOG_WARN, "%s; it is not used (%s)", e->env.error.text, e->env.error.hint);
    hn_error_clear(&e->env);
    return HN_OK;
}

hone_status hone_env_new(const hone_env_options *options, hone_env **out)
{
    static const hone_env_options defaults;
    if (!options) options = &defaults;
    hn_env boot;
    hn_env_init(&boot);
    *out = NULL;
    hone_env *e = hn_zalloc(&boot, sizeof *e);
    if (!e) return HONE_NOMEM;
    *out = e;
    hn_env_init(&e->env);
    e->log = options->log;
    e->progress = options->progress;
    e->self = options->self;
    e->env.log = forward_log;
    e->env.log_self = e;
    e->env.seed = options->seed;
    e->env.work_limit = options->max_work > 0 ? options->max_work : DEFAULT_MAX_WORK;
    uint64_t cap;
    hn_status st = hn_isa_parse(&e->env, options->isa ? options->isa : "auto", &cap);
    e->env.isa = (hn_machine_isa() & cap) | HN_ISA_CHOSEN;
    const char *numerics = options->numerics ? options->numerics : "fast";
    e->env.strict = strcmp(numerics, "strict") == 0;
    if (st == HN_OK && !e->env.strict && strcmp(numerics, "fast") != 0) {
        st = hn_fail(&e->env, HN_INPUT, "numerics \"%s\" is not known", numerics);
        hn_hint(&e->env, "use fast or strict");
    }
    e->isa_given = options->isa && strcmp(options->isa, "auto") != 0;
    e->threads_given = options->threads != 0;
    if (st == HN_OK && options->threads != 1) st = hn_pool_new(&e->env, options->threads, &e->pool);
    e->env.pool = e->pool;
    if (st == HN_OK && options->choices && options->choices[0]) st = load_choices(e, options->choices);
    return (hone_status)st;
}

void hone_env_free(hone_env *e)
{
    if (!e) return;
    hn_pool_free(&e->env, e->pool);
    hn_choices_fini(&e->env, &e->choices);
    hn_free(&e->env, e->choices_path);
    hn_env boot;
    hn_env_init(&boot);
    hn_free(&boot, e);
}

const char *hone_env_message(hone_env *e)
{
    if (!e) return "out of memory";
    hn_error_format(&e->env.error, e->message, sizeof e->message);
    return e->message;
}

const char *hone_version(void)
{
    return HONE_VERSION;
}

void hn_api_progress(hone_env *e, const char *stage, double done, double total)
{
    if (e->progress) e->progress(e->self, stage, done, total);
}
