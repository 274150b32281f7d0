/* reader_glyph: the procedural set as `glyph:COUNT[:SEED[:HARD[:PART]]]`; PART is test (default), calib or train. */
#include "data/data_priv.h"
#include "data/glyph.h"

#include "base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct glyphs {
    uint64_t seed, first;
    double hard;
} glyphs;

enum { MAX_COUNT = 100 * 1000 * 1000 };

static const char prefix[] = "glyph:";

static hn_status glyph_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    static const int64_t dims[3] = {1, HN_GLYPH_SIDE, HN_GLYPH_SIDE};
    const glyphs *g = ds->impl;
    hn_tensor raw, t;
    HN_TRY(hn_tensor_init(env, arena, &raw, HN_F32, 3, dims));
    (void)hn_glyph_draw(g->seed, g->hard, g->first + index, raw.data);
    HN_TRY(hn_preprocess_array(env, arena, &ds->options.pre, &raw, &t));
    return hn_sample_one(env, arena, &t, out);
}

static hn_status bad(hn_env *env, const char *what)
{
    hn_status st = hn_fail(env, HN_INPUT, "%s", what);
    hn_hint(env, "the form is glyph:COUNT[:SEED[:HARD[:test|calib|train]]], for example glyph:10000");
    return st;
}

/* The next field up to ':' in dst; false when there is none or it is too long. */
static bool field(const char **p, char *dst, size_t size)
{
    size_t n = strcspn(*p, ":");
    if (n == 0 || n >= size) return false;
    memcpy(dst, *p, n);
    dst[n] = '\0';
    *p += n;
    if (**p == ':') ++*p;
    return true;
}

static hn_status parse(hn_env *env, const char *p, size_t *count, glyphs *g)
{
    char f[32], *end = NULL;
    int64_t v = 0;
    *g = (glyphs){HN_GLYPH_SEED, HN_GLYPH_TEST, HN_GLYPH_HARD};
    if (!field(&p, f, sizeof f) || !hn_text_i64(f, strlen(f), &v) || v < 1 || v > MAX_COUNT)
        return bad(env, "the glyph count must be 1 to 100000000");
    *count = (size_t)v;
    if (*p == '\0') return HN_OK;
    if (!field(&p, f, sizeof f) || !hn_text_i64(f, strlen(f), &v) || v < 0)
        return bad(env, "the glyph seed must be a whole number, 0 or more");
    g->seed = (uint64_t)v;
    if (*p == '\0') return HN_OK;
    if (!field(&p, f, sizeof f)) return bad(env, "the glyph difficulty must be 0 to 4");
    g->hard = strtod(f, &end);
    if (*end != '\0' || !(g->hard >= 0 && g->hard <= 4)) return bad(env, "the glyph difficulty must be 0 to 4");
    if (*p == '\0') return HN_OK;
    if (!field(&p, f, sizeof f) || *p != '\0') return bad(env, "the glyph part must be test, calib or train");
    if (strcmp(f, "train") == 0)
        g->first = HN_GLYPH_TRAIN;
    else if (strcmp(f, "calib") == 0)
        g->first = HN_GLYPH_CALIB;
    else if (strcmp(f, "test") != 0)
        return bad(env, "the glyph part must be test, calib or train");
    return HN_OK;
}

static hn_status glyph_open(hn_env *env, const char *path, hn_dataset *ds)
{
    glyphs *g = hn_arena_alloc(env, &ds->arena, sizeof *g);
    if (!g) return env->error.status;
    if (strncmp(path, prefix, sizeof prefix - 1) != 0) return bad(env, "a glyph set begins with glyph:");
    HN_TRY(parse(env, path + sizeof prefix - 1, &ds->count, g));
    ds->impl = g;
    ds->read = glyph_read;
    ds->classes = HN_GLYPH_CLASSES;
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    const char **name = hn_arena_array(env, &ds->arena, HN_GLYPH_CLASSES, sizeof *name);
    if (!label || !name) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) label[i] = (int64_t)((g->first + i) % HN_GLYPH_CLASSES);
    for (size_t i = 0; i < HN_GLYPH_CLASSES; i++) {
        name[i] = hn_arena_printf(env, &ds->arena, "%c", hn_glyph_chars[i]);
        if (!name[i]) return env->error.status;
    }
    ds->class_name = name;
    return hn_labels_set(env, ds, label);
}

static hn_status glyph_probe(hn_env *env, const char *path, int *score)
{
    (void)env;
    *score = strncmp(path, prefix, sizeof prefix - 1) == 0 ? 100 : 0;
    return HN_OK;
}

const hn_reader hn_reader_glyph = {
    .name = "glyph",
    .doc = "glyph:COUNT[:SEED[:HARD[:test|calib|train]]]: the procedural 20-class letters, 1x24x24 floats in [0,1].",
    .probe = glyph_probe,
    .open = glyph_open,
};
