/* recipe_parse: YAML events to a recipe, through libyaml, which is opened when a recipe comes. The reader knows which
 * shape it wants at each place, so nesting is bounded by the format itself and nothing recurses on the input. */
#include "optimize/recipe_priv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/io.h"
#include "base/late.h"
#include "base/size.h"

typedef struct library {
    HN_LATE_MEMBER(yaml_parser_initialize);
    HN_LATE_MEMBER(yaml_parser_set_encoding);
    HN_LATE_MEMBER(yaml_parser_set_input_string);
    HN_LATE_MEMBER(yaml_parser_parse);
    HN_LATE_MEMBER(yaml_event_delete);
    HN_LATE_MEMBER(yaml_parser_delete);
} library;

static hn_status open_library(hn_env *env, library *lib)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(lib, yaml_parser_initialize),
        HN_LATE_SYMBOL(lib, yaml_parser_set_encoding),
        HN_LATE_SYMBOL(lib, yaml_parser_set_input_string),
        HN_LATE_SYMBOL(lib, yaml_parser_parse),
        HN_LATE_SYMBOL(lib, yaml_event_delete),
        HN_LATE_SYMBOL(lib, yaml_parser_delete),
    };
    return hn_late_open(env, HONE_SONAME_yaml, symbols, HN_COUNT(symbols));
}

typedef struct reader {
    library lib;
    hn_env *env;
    hn_arena *arena;
    yaml_parser_t yaml;
    yaml_event_t event; /* the present one; deleted before the next */
    bool has_event;
    hn_recipe *r;
    uint32_t sections; /* seen: bit 0 budget, 1 target, 2 passes */
} reader;

enum { SEEN_PASSES = 4 };

static hn_status wrong_at(reader *p, const yaml_mark_t *m, hn_status status, const char *why)
{
    return hn_fail(p->env, status, "line %zu, column %zu: %s", m->line + 1, m->column + 1, why);
}

static hn_status wrong(reader *p, const char *why)
{
    return wrong_at(p, &p->event.start_mark, HN_INPUT, why);
}

static hn_status next(reader *p)
{
    if (p->has_event) p->lib.yaml_event_delete(&p->event);
    p->has_event = false;
    if (!p->lib.yaml_parser_parse(&p->yaml, &p->event)) {
        char why[200];
        const yaml_mark_t *m = &p->yaml.problem_mark;
        if (p->yaml.error == YAML_MEMORY_ERROR) return hn_fail(p->env, HN_NOMEM, "no memory to read the recipe");
        (void)snprintf(why, sizeof why, "not YAML: %.150s", p->yaml.problem ? p->yaml.problem : "unreadable");
        return wrong_at(p, m, HN_INPUT, why);
    }
    p->has_event = true;
    if (p->event.type == YAML_ALIAS_EVENT) return wrong(p, "aliases are not allowed in a recipe");
    return HN_OK;
}

/* Levenshtein distance of short words. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    size_t row[MOST + 1], n = strlen(b);
    if (n > MOST || strlen(a) > MOST) return MOST;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t cost = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = hn_min_size(cost, hn_min_size(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

static void nearer(const char *word, const char *candidate, const char **best, size_t *least)
{
    size_t d = distance(word, candidate);
    if (d >= *least) return;
    *least = d;
    *best = candidate;
}

static hn_status unknown_key(reader *p, const char *section, const char *word)
{
    static const char *const outer[] = {"budget", "target", "passes"};
    const char *best = "schema";
    size_t least = SIZE_MAX;
    char why[200];
    if (strcmp(section, "compile") == 0) return wrong(p, "compile has no options");
    for (size_t i = 0; i < hn_recipe_key_count; i++)
        if (strcmp(hn_recipe_keys[i].section, section) == 0) nearer(word, hn_recipe_keys[i].name, &best, &least);
    for (size_t i = 0; !section[0] && i < HN_COUNT(outer); i++) nearer(word, outer[i], &best, &least);
    (void)snprintf(why, sizeof why, "there is no key \"%.40s\"%s%s; the nearest is \"%s\"", word,
                   section[0] ? " in " : "", section, best);
    return wrong(p, why);
}

static hn_status unknown_pass(reader *p, const char *word)
{
    const char *best = hn_recipe_passes[0];
    size_t least = SIZE_MAX;
    char why[200];
    for (size_t i = 0; hn_recipe_later_passes[i]; i++)
        if (strcmp(word, hn_recipe_later_passes[i]) == 0) {
            (void)snprintf(why, sizeof why, "pass \"%s\" is not in this build", word);
            hn_status st = wrong_at(p, &p->event.start_mark, HN_UNSUPPORTED, why);
            hn_hint(p->env, "leave it out; this build has quantize and compile");
            return st;
        }
    for (size_t i = 0; hn_recipe_passes[i]; i++) nearer(word, hn_recipe_passes[i], &best, &least);
    (void)snprintf(why, sizeof why, "there is no pass \"%.40s\"; the nearest is \"%s\"", word, best);
    return wrong(p, why);
}

/* The present event as a word; NULL (with the error recorded) when it is something else. */
static const char *scalar(reader *p, const char *what)
{
    char why[120];
    const yaml_event_t *e = &p->event;
    if (e->type != YAML_SCALAR_EVENT)
        (void)snprintf(why, sizeof why, "%.60s must be a single value", what);
    else if (e->data.scalar.length > HN_RECIPE_MAX_TEXT ||
             strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
        (void)snprintf(why, sizeof why, "%.60s is too long or holds a zero byte", what);
    else
        return (const char *)e->data.scalar.value;
    (void)wrong(p, why);
    return NULL;
}

static hn_status bad_value(reader *p, const hn_recipe_key *k, const char *text)
{
    char why[300];
    switch (k->kind) {
    case HN_RECIPE_INT:
        (void)snprintf(why, sizeof why, "%s is \"%.40s\"; it must be an integer from %.0f to %.0f", k->name, text,
                       k->least, k->most);
        break;
    case HN_RECIPE_REAL:
        (void)snprintf(why, sizeof why, "%s is \"%.40s\"; it must be a number from %g to %g", k->name, text, k->least,
                       k->most);
        break;
    case HN_RECIPE_BOOL:
        (void)snprintf(why, sizeof why, "%s is \"%.40s\"; it must be true or false", k->name, text);
        break;
    case HN_RECIPE_CHOICE:
        (void)snprintf(why, sizeof why, "%s is \"%.40s\"; it must be one of %s", k->name, text, k->choices);
        break;
    case HN_RECIPE_TEXT: (void)snprintf(why, sizeof why, "%s needs a value", k->name); break;
    }
    return wrong(p, why);
}

static hn_status store(reader *p, const hn_recipe_key *k)
{
    const char *text = scalar(p, k->name);
    if (!text) return p->env->error.status;
    void *at = (char *)p->r + k->offset;
    char *end = NULL;
    errno = 0;
    switch (k->kind) {
    case HN_RECIPE_TEXT:
    case HN_RECIPE_CHOICE: {
        if (!text[0] || (k->choices && !hn_recipe_choice(k->choices, text))) return bad_value(p, k, text);
        const char *kept = hn_arena_strdup(p->env, p->arena, text);
        if (!kept) return HN_NOMEM;
        memcpy(at, &kept, sizeof kept);
        return HN_OK;
    }
    case HN_RECIPE_INT: {
        long long v = strtoll(text, &end, 10);
        if (end == text || *end || errno || (double)v < k->least || (double)v > k->most) return bad_value(p, k, text);
        *(int64_t *)at = v;
        return HN_OK;
    }
    case HN_RECIPE_REAL: {
        double v = strtod(text, &end);
        if (end == text || *end || !isfinite(v) || v < k->least || v > k->most) return bad_value(p, k, text);
        *(double *)at = v;
        return HN_OK;
    }
    case HN_RECIPE_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) return bad_value(p, k, text);
        *(bool *)at = text[0] == 't';
        return HN_OK;
    }
    return HN_OK;
}

/* The present event is a key of `section`: take its value. */
static hn_status key_value(reader *p, const char *section, const char *word)
{
    for (size_t i = 0; i < hn_recipe_key_count; i++) {
        const hn_recipe_key *k = &hn_recipe_keys[i];
        if (strcmp(k->section, section) != 0 || strcmp(k->name, word) != 0) continue;
        if (p->r->given >> i & 1) {
            char why[120];
            (void)snprintf(why, sizeof why, "%s is given twice", k->name);
            return wrong(p, why);
        }
        p->r->given |= UINT64_C(1) << i;
        HN_TRY(next(p));
        return store(p, k);
    }
    return unknown_key(p, section, word);
}

static bool is_empty_scalar(const reader *p)
{
    return p->event.type == YAML_SCALAR_EVENT && p->event.data.scalar.length == 0;
}

/* The value of a section: a mapping of plain keys, or nothing at all. Ends on its last event. */
static hn_status section(reader *p, const char *name)
{
    HN_TRY(next(p));
    if (is_empty_scalar(p)) return HN_OK;
    char why[120];
    (void)snprintf(why, sizeof why, "%s must be a mapping of keys to values", name);
    if (p->event.type != YAML_MAPPING_START_EVENT) return wrong(p, why);
    for (;;) {
        HN_TRY(next(p));
        if (p->event.type == YAML_MAPPING_END_EVENT) return HN_OK;
        const char *word = scalar(p, "a key");
        if (!word) return p->env->error.status;
        HN_TRY(key_value(p, name, word));
    }
}

static hn_status one_pass(reader *p)
{
    if (p->event.type != YAML_MAPPING_START_EVENT) return wrong(p, "a pass is written as \"- NAME: {options}\"");
    HN_TRY(next(p));
    const char *word = p->event.type == YAML_MAPPING_END_EVENT ? NULL : scalar(p, "the name of a pass");
    if (!word) return p->env->error.status ? p->env->error.status : wrong(p, "a pass without a name");
    if (p->r->compile) return wrong(p, "compile is the last pass; nothing may follow it");
    if (strcmp(word, "quantize") == 0) {
        if (p->r->quantize) return wrong(p, "quantize is listed twice");
        p->r->quantize = true;
    } else if (strcmp(word, "compile") == 0) {
        p->r->compile = true;
    } else {
        return unknown_pass(p, word);
    }
    HN_TRY(section(p, p->r->compile ? "compile" : "quantize"));
    HN_TRY(next(p));
    if (p->event.type != YAML_MAPPING_END_EVENT) return wrong(p, "one pass for each \"-\"");
    return HN_OK;
}

static hn_status pass_list(reader *p)
{
    HN_TRY(next(p));
    if (p->event.type != YAML_SEQUENCE_START_EVENT) return wrong(p, "passes must be a list");
    for (;;) {
        HN_TRY(next(p));
        if (p->event.type == YAML_SEQUENCE_END_EVENT) return HN_OK;
        HN_TRY(one_pass(p));
    }
}

static hn_status outermost(reader *p, const char *word)
{
    static const char *const names[] = {"budget", "target", "passes"};
    for (size_t i = 0; i < HN_COUNT(names); i++) {
        if (strcmp(word, names[i]) != 0) continue;
        if (p->sections >> i & 1) return wrong(p, "a section is given twice");
        p->sections |= 1u << i;
        return i == 2 ? pass_list(p) : section(p, names[i]);
    }
    return key_value(p, "", word);
}

static hn_status document(reader *p)
{
    HN_TRY(next(p)); /* the stream */
    HN_TRY(next(p));
    if (p->event.type != YAML_DOCUMENT_START_EVENT) return wrong(p, "the recipe is empty");
    HN_TRY(next(p));
    if (p->event.type != YAML_MAPPING_START_EVENT)
        return wrong(p, "a recipe is a mapping that starts with \"schema: 1\"");
    for (;;) {
        HN_TRY(next(p));
        if (p->event.type == YAML_MAPPING_END_EVENT) break;
        const char *word = scalar(p, "a key");
        if (!word) return p->env->error.status;
        HN_TRY(outermost(p, word));
    }
    if (!hn_recipe_has(p->r, "", "schema")) return wrong(p, "the key \"schema\" is missing; write \"schema: 1\" first");
    if (p->sections & SEEN_PASSES && !p->r->quantize)
        return wrong(p, "the list of passes lacks \"quantize\", without which nothing changes");
    HN_TRY(next(p));
    HN_TRY(next(p));
    return p->event.type == YAML_STREAM_END_EVENT ? HN_OK : wrong(p, "a recipe is one document");
}

hn_status hn_recipe_parse(hn_env *env, hn_arena *arena, const char *text, size_t bytes, hn_recipe *out)
{
    reader p = {.env = env, .arena = arena, .r = out};
    hn_recipe_init(out);
    if (bytes > HN_RECIPE_MAX_BYTES)
        return hn_fail(env, HN_LIMIT, "the recipe has %zu bytes; at most %d are read", bytes, HN_RECIPE_MAX_BYTES);
    HN_TRY(open_library(env, &p.lib));
    if (!p.lib.yaml_parser_initialize(&p.yaml)) return hn_fail(env, HN_NOMEM, "no memory to read the recipe");
    p.lib.yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    p.lib.yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, bytes);
    hn_status st = document(&p);
    if (p.has_event) p.lib.yaml_event_delete(&p.event);
    p.lib.yaml_parser_delete(&p.yaml);
    if (st == HN_OK && !(p.sections & SEEN_PASSES)) out->quantize = out->compile = true;
    return st;
}

hn_status hn_recipe_read(hn_env *env, hn_arena *arena, const char *path, hn_recipe *out)
{
    hn_map map;
    HN_TRY(hn_map_open(env, path, &map));
    hn_status st = hn_recipe_parse(env, arena, map.size ? (const char *)map.data : "", map.size, out);
    hn_map_close(&map);
    return hn_context(env, st, "in the recipe %s", path);
}
