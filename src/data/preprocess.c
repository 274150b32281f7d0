/* preprocess: the text form of the pipeline: parsing with helpful errors, and printing the shortest text that parses
 * back. */
#include "data/preprocess.h"

#include "base/size.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1024, MAX_WORD = 64 };

static const char *const keys[] = {"resize", "crop", "mean", "std", "scale", "order", "layout", "dtype"};
static const char *const presets[] = {"none", "torch", "tf"};       /* indexed by hn_preset */
static const char *const orders[] = {"auto", "rgb", "bgr", "gray"}; /* indexed by hn_order */
static const char *const layouts[] = {"nchw", "nhwc"};              /* indexed by hn_layout */

static const hn_preprocess preset_value[] = {
    [HN_PRESET_NONE] = {.preset = HN_PRESET_NONE},
    [HN_PRESET_TORCH] = {.preset = HN_PRESET_TORCH,
                         .resize_h = 256,
                         .crop_h = 224,
                         .crop_w = 224,
                         .means = 3,
                         .mean = {123.675f, 116.28f, 103.53f},
                         .stds = 3,
                         .std = {58.395f, 57.12f, 57.375f}},
    [HN_PRESET_TF] = {.preset = HN_PRESET_TF,
                      .resize_h = 256,
                      .crop_h = 224,
                      .crop_w = 224,
                      .means = 1,
                      .mean = {127.5f},
                      .stds = 1,
                      .std = {127.5f}},
};

const char *hn_nearest_word(const char *word, const char *const *words, size_t n)
{
    size_t len = strlen(word), best = SIZE_MAX;
    const char *found = NULL;
    if (len >= MAX_WORD) return NULL;
    for (size_t w = 0; w < n; w++) {
        size_t row[MAX_WORD + 1], m = strlen(words[w]);
        for (size_t i = 0; i <= len; i++) row[i] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t diagonal = row[0];
            row[0] = j;
            for (size_t i = 1; i <= len; i++) {
                size_t change = diagonal + (word[i - 1] != words[w][j - 1]);
                diagonal = row[i];
                row[i] = hn_min_size(change, hn_min_size(row[i - 1], row[i]) + 1);
            }
        }
        if (row[len] < best) {
            best = row[len];
            found = words[w];
        }
    }
    return best <= 1 + len / 3 ? found : NULL;
}

typedef struct parser {
    hn_env *env;
    const char *text;
    size_t at; /* offset of the current item, for messages */
    hn_preprocess *p;
} parser;

static hn_status bad(parser *s, const char *key, const char *value, const char *want)
{
    hn_status st = hn_fail(s->env, HN_INPUT, "preprocess \"%s\": %s=%s at character %zu: expected %s", s->text, key,
                           value, s->at + 1, want);
    hn_hint(s->env, "write for example resize=256,crop=224,mean=123.675:116.28:103.53,std=58.395:57.12:57.375");
    return st;
}

static hn_status parse_floats(parser *s, const char *key, const char *value, float *out, int *count)
{
    const char *p = value;
    for (int n = 0; n < 3; n++) {
        char *end = NULL;
        errno = 0;
        float v = strtof(p, &end);
        if (end == p || !isfinite(v)) break;
        out[n] = v;
        if (*end == '\0' && n != 1) {
            *count = n + 1;
            return HN_OK;
        }
        if (*end != ':') break;
        p = end + 1;
    }
    return bad(s, key, value, "one number, or three separated by ':'");
}

static hn_status parse_size(parser *s, const char *key, const char *value, int *h, int *w)
{
    long side[2] = {0, 0};
    const char *p = value;
    for (int n = 0; n < 2; n++) {
        char *end = NULL;
        side[n] = strtol(p, &end, 10);
        if (end == p || *p < '0' || *p > '9' || side[n] < 0 || side[n] > HN_PRE_MAX_SIDE) break;
        if (n == 1 && (side[0] == 0 || side[1] == 0)) break;
        if (*end == '\0') {
            *h = (int)side[0];
            *w = (int)side[1];
            return HN_OK;
        }
        if (*end != ':') break;
        p = end + 1;
    }
    return bad(s, key, value, "a side of at most 16384 pixels (0 for none), or HEIGHT:WIDTH");
}

static hn_status parse_word(parser *s, const char *key, const char *value, const char *const *words, size_t n, int *out)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(value, words[i]) == 0) {
            *out = (int)i;
            return HN_OK;
        }
    const char *near = hn_nearest_word(value, words, n);
    hn_status st = hn_fail(s->env, HN_INPUT, "preprocess \"%s\": unknown %s \"%s\" at character %zu", s->text, key,
                           value, s->at + 1);
    hn_hint(s->env, near ? "did you mean %s?" : "try %s", near ? near : words[n > 1]);
    return st;
}

static hn_status parse_pair(parser *s, const char *key, const char *value)
{
    hn_preprocess *p = s->p;
    int which = 0;
    HN_TRY(parse_word(s, "key", key, keys, HN_COUNT(keys), &which));
    switch (which) {
    case 0: p->resize_asked = true; return parse_size(s, key, value, &p->resize_h, &p->resize_w);
    case 1:
        p->crop_asked = true;
        HN_TRY(parse_size(s, key, value, &p->crop_h, &p->crop_w));
        if (p->crop_w == 0) p->crop_w = p->crop_h;
        return HN_OK;
    case 2: return parse_floats(s, key, value, p->mean, &p->means);
    case 3:
        HN_TRY(parse_floats(s, key, value, p->std, &p->stds));
        for (int i = 0; i < p->stds; i++)
            if (p->std[i] == 0) return bad(s, key, value, "numbers other than 0");
        return HN_OK;
    case 4: {
        int n = 0;
        float v[3];
        HN_TRY(parse_floats(s, key, value, v, &n));
        if (n != 1 || v[0] == 0) return bad(s, key, value, "one number other than 0");
        p->scale = v[0];
        return HN_OK;
    }
    case 5: {
        int order = 0;
        HN_TRY(parse_word(s, key, value, orders, HN_COUNT(orders), &order));
        p->order = (hn_order)order;
        return HN_OK;
    }
    case 6: {
        int layout = 0;
        HN_TRY(parse_word(s, key, value, layouts, HN_COUNT(layouts), &layout));
        p->layout = (hn_layout)layout;
        return HN_OK;
    }
    default:
        p->dtype = hn_dtype_parse(value, strlen(value));
        if (p->dtype == HN_NONE || !(HN_BIT(p->dtype) & HN_T_NUM))
            return bad(s, key, value, "a type such as f32, f16, u8 or i64");
        return HN_OK;
    }
}

hn_status hn_preprocess_parse(hn_env *env, const char *text, hn_preprocess *out)
{
    *out = preset_value[HN_PRESET_NONE];
    if (!text || text[0] == '\0') return HN_OK;
    if (strlen(text) >= MAX_TEXT)
        return hn_fail(env, HN_INPUT, "the preprocess text is longer than %d characters", MAX_TEXT - 1);
    parser s = {env, text, 0, out};
    char item[MAX_TEXT];
    unsigned seen = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        memcpy(item, p, n);
        item[n] = '\0';
        s.at = (size_t)(p - text);
        char *equals = strchr(item, '=');
        if (!equals) {
            int preset = 0;
            if (s.at != 0)
                return hn_fail(env, HN_INPUT,
                               "preprocess \"%s\": \"%s\" at character %zu has no '='; a preset stands first", text,
                               item, s.at + 1);
            HN_TRY(parse_word(&s, "preset", item, presets, HN_COUNT(presets), &preset));
            *out = preset_value[preset];
        } else {
            *equals = '\0';
            HN_TRY(parse_pair(&s, item, equals + 1));
            for (unsigned k = 0; k < HN_COUNT(keys); k++)
                if (strcmp(item, keys[k]) == 0) {
                    if (seen >> k & 1u)
                        return hn_fail(env, HN_INPUT, "preprocess \"%s\": %s is given twice, again at character %zu",
                                       text, item, s.at + 1);
                    seen |= 1u << k;
                }
        }
        p += n;
        if (*p == '\0') return HN_OK;
    }
}

/* The shortest decimal text that reads back as the same float. */
static void put_float(hn_env *env, hn_buf *out, float v)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    hn_buf_puts(env, out, text);
}

static void put_floats(hn_env *env, hn_buf *out, const char *key, const float *v, int n)
{
    for (int i = 0; i < n; i++) {
        hn_buf_puts(env, out, i == 0 ? key : ":");
        put_float(env, out, v[i]);
    }
}

static void put_size(hn_env *env, hn_buf *out, const char *key, int h, int w)
{
    if (w == 0 || (h == w && key[1] == 'c'))
        hn_buf_printf(env, out, "%s%d", key, h);
    else
        hn_buf_printf(env, out, "%s%d:%d", key, h, w);
}

static bool same_floats(const float *a, int n, const float *b, int m)
{
    return n == m && (n == 0 || memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

void hn_preprocess_print(hn_env *env, const hn_preprocess *p, hn_buf *out)
{
    const hn_preprocess *base = &preset_value[p->preset];
    size_t start = out->size;
    if (p->preset != HN_PRESET_NONE) hn_buf_puts(env, out, presets[p->preset]);
    if (p->resize_asked) put_size(env, out, ",resize=", p->resize_h, p->resize_w);
    if (p->crop_asked) put_size(env, out, ",crop=", p->crop_h, p->crop_w);
    if (!same_floats(p->mean, p->means, base->mean, base->means)) put_floats(env, out, ",mean=", p->mean, p->means);
    if (!same_floats(p->std, p->stds, base->std, base->stds)) put_floats(env, out, ",std=", p->std, p->stds);
    if (p->scale != 0) put_floats(env, out, ",scale=", &p->scale, 1);
    if (p->order != base->order) hn_buf_printf(env, out, ",order=%s", orders[p->order]);
    if (p->layout != base->layout) hn_buf_printf(env, out, ",layout=%s", layouts[p->layout]);
    if (p->dtype != base->dtype) hn_buf_printf(env, out, ",dtype=%s", hn_dtype_name(p->dtype));
    if (hn_buf_status(out) != HN_OK) return;
    if (out->size == start) {
        hn_buf_puts(env, out, presets[HN_PRESET_NONE]);
    } else if (out->data[start] == ',') {
        memmove(out->data + start, out->data + start + 1, out->size - start); /* the NUL moves too */
        out->size--;
    }
}
