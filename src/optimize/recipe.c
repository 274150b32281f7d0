/* recipe: the key table and what is written from it. */
#include "optimize/recipe_priv.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

#define AT(field) offsetof(hn_recipe, field)
#define BIG       9007199254740992.0 /* 2^53: every integer below it is exact as a double */

const hn_recipe_key hn_recipe_keys[] = {
    {"", "schema", HN_RECIPE_INT, AT(schema), NULL, 1, 1, "1", "Version of this format. Required."},
    {"", "model", HN_RECIPE_TEXT, AT(model), NULL, 0, 0, NULL, "Model file; the command line may name it instead."},
    {"", "model_sha256", HN_RECIPE_TEXT, AT(model_sha256), NULL, 0, 0, NULL,
     "When given, the model file must have this SHA-256."},
    {"", "data", HN_RECIPE_TEXT, AT(data), NULL, 0, 0, NULL, "Data; calibration, selection and test are cut from it."},
    {"", "preprocess", HN_RECIPE_TEXT, AT(preprocess), NULL, 0, 0, NULL,
     "`torch`, `tf`, `none` or `KEY=VALUE,...`; absent: what the model declares."},
    {"", "label_offset", HN_RECIPE_INT, AT(label_offset), NULL, -1e6, 1e6, "0", "Added to every label."},
    {"", "label_column", HN_RECIPE_TEXT, AT(label_column), NULL, 0, 0, NULL, "Label column of CSV and TSV data."},
    {"", "limit", HN_RECIPE_INT, AT(limit), NULL, 0, BIG, "0", "Use at most so many samples of the data; 0: all."},
    {"", "eval", HN_RECIPE_TEXT, AT(eval), NULL, 0, 0, NULL, "Separate data to judge on; absent: a part of the data."},
    {"", "eval_limit", HN_RECIPE_INT, AT(eval_limit), NULL, 0, BIG, "0", "Judge on at most so many samples; 0: all."},
    {"", "seed", HN_RECIPE_INT, AT(seed), NULL, 0, BIG, "0", "Seed of the split into parts."},
    {"budget", "metric", HN_RECIPE_CHOICE, AT(metric), "auto|top1|fidelity", 0, 0, "auto",
     "How accuracy is judged; `auto`: `top1` where the data have labels, else `fidelity`."},
    {"budget", "max_drop", HN_RECIPE_REAL, AT(max_drop), NULL, 0, 100, "1", "Accuracy that may be lost, in points."},
    {"budget", "time", HN_RECIPE_REAL, AT(time_s), NULL, 0, 1e9, "0", "Seconds after which the search ends; 0: none."},
    {"target", "goal", HN_RECIPE_CHOICE, AT(goal), "latency|size|throughput", 0, 0, "latency", "What to make small."},
    {"target", "isa", HN_RECIPE_CHOICE, AT(isa), "auto|generic|avx2|avx512|vnni|bf16", 0, 0, "auto",
     "Highest instruction set."},
    {"target", "threads", HN_RECIPE_INT, AT(threads), NULL, 0, 1024, "0", "Threads; 0: one per usable core."},
    {"quantize", "bits", HN_RECIPE_CHOICE, AT(bits), "auto|7|8", 0, 0, "auto",
     "Bits of weights. 7: of layers that run as matrix products; `auto`: 8, and in these 8 in pairs or 7 where that is "
     "faster."},
    {"quantize", "weights", HN_RECIPE_CHOICE, AT(weights), "per_channel|per_tensor", 0, 0, "per_channel",
     "Scales of weights."},
    {"quantize", "calibration", HN_RECIPE_CHOICE, AT(calibration), "auto|minmax|percentile|mse|entropy", 0, 0, "auto",
     "How ranges of activations are chosen; `auto`: by loss, each."},
    {"quantize", "samples", HN_RECIPE_INT, AT(samples), NULL, 0, 1e6, "0",
     "Calibration samples; 0: 256, or a quarter of the data."},
    {"quantize", "keep_all", HN_RECIPE_BOOL, AT(keep_all), NULL, 0, 0, "false", "Keep no layer in float."},
};
const size_t hn_recipe_key_count = HN_COUNT(hn_recipe_keys);
const char *const hn_recipe_passes[] = {"quantize", "compile", NULL};
const char *const hn_recipe_later_passes[] = {"prune", "distill", "qat", "exits", NULL};

bool hn_recipe_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    if (strchr(text, '|')) return false;
    for (const char *c = choices; n > 0 && c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, text, n) == 0 && (c[n] == '|' || c[n] == '\0')) return true;
    return false;
}

void hn_recipe_init(hn_recipe *r)
{
    *r = (hn_recipe){0};
    for (size_t i = 0; i < hn_recipe_key_count; i++) {
        const hn_recipe_key *k = &hn_recipe_keys[i];
        void *at = (char *)r + k->offset;
        if (!k->otherwise) continue;
        switch (k->kind) {
        case HN_RECIPE_TEXT:
        case HN_RECIPE_CHOICE: memcpy(at, &k->otherwise, sizeof k->otherwise); break;
        case HN_RECIPE_INT: *(int64_t *)at = strtoll(k->otherwise, NULL, 10); break;
        case HN_RECIPE_REAL: *(double *)at = strtod(k->otherwise, NULL); break;
        case HN_RECIPE_BOOL: *(bool *)at = strcmp(k->otherwise, "true") == 0; break;
        }
    }
}

bool hn_recipe_has(const hn_recipe *r, const char *section, const char *key)
{
    for (size_t i = 0; i < hn_recipe_key_count; i++)
        if (strcmp(hn_recipe_keys[i].section, section) == 0 && strcmp(hn_recipe_keys[i].name, key) == 0)
            return r->given >> i & 1;
    return false;
}

/* A YAML double-quoted scalar. */
static void print_text(hn_env *env, hn_buf *b, const char *s)
{
    hn_buf_puts(env, b, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') hn_buf_puts(env, b, "\\");
        if (c < 32 || c == 127)
            hn_buf_printf(env, b, "\\x%02x", (unsigned)c);
        else
            hn_buf_append(env, b, s, 1);
    }
    hn_buf_puts(env, b, "\"");
}

/* As short as reads back to the same double. */
static void print_real(hn_env *env, hn_buf *b, double v)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    hn_buf_puts(env, b, text);
}

static void print_section(hn_env *env, const hn_recipe *r, const char *section, const char *indent, hn_buf *b)
{
    for (size_t i = 0; i < hn_recipe_key_count; i++) {
        const hn_recipe_key *k = &hn_recipe_keys[i];
        const char *at = (const char *)r + k->offset;
        const char *text = NULL;
        if (strcmp(k->section, section) != 0) continue;
        if (k->kind == HN_RECIPE_TEXT || k->kind == HN_RECIPE_CHOICE) {
            memcpy(&text, at, sizeof text);
            if (!text) continue;
        }
        hn_buf_printf(env, b, "%s%s: ", indent, k->name);
        switch (k->kind) {
        case HN_RECIPE_TEXT: print_text(env, b, text); break;
        case HN_RECIPE_CHOICE: hn_buf_puts(env, b, text); break;
        case HN_RECIPE_INT: hn_buf_printf(env, b, "%lld", (long long)*(const int64_t *)(const void *)at); break;
        case HN_RECIPE_REAL: print_real(env, b, *(const double *)(const void *)at); break;
        case HN_RECIPE_BOOL: hn_buf_puts(env, b, *(const bool *)(const void *)at ? "true" : "false"); break;
        }
        hn_buf_puts(env, b, "\n");
    }
}

void hn_recipe_print(hn_env *env, const hn_recipe *r, hn_buf *b)
{
    print_section(env, r, "", "", b);
    hn_buf_puts(env, b, "budget:\n");
    print_section(env, r, "budget", "  ", b);
    hn_buf_puts(env, b, "target:\n");
    print_section(env, r, "target", "  ", b);
    hn_buf_puts(env, b, "passes:\n");
    if (r->quantize) {
        hn_buf_puts(env, b, "  - quantize:\n");
        print_section(env, r, "quantize", "      ", b);
    }
    if (r->compile || !r->quantize) hn_buf_puts(env, b, "  - compile: {}\n");
}

static void doc_section(hn_env *env, const char *section, hn_buf *b)
{
    hn_buf_puts(env, b, "\n| key | value | default | meaning |\n|-----|-------|---------|---------|\n");
    for (size_t i = 0; i < hn_recipe_key_count; i++) {
        const hn_recipe_key *k = &hn_recipe_keys[i];
        if (strcmp(k->section, section) != 0) continue;
        hn_buf_printf(env, b, "| `%s` | ", k->name);
        switch (k->kind) {
        case HN_RECIPE_TEXT: hn_buf_puts(env, b, "text"); break;
        case HN_RECIPE_CHOICE:
            for (const char *c = k->choices; *c; c++) {
                if (c == k->choices) hn_buf_puts(env, b, "`");
                if (*c == '|')
                    hn_buf_puts(env, b, "`, `");
                else
                    hn_buf_append(env, b, c, 1);
            }
            hn_buf_puts(env, b, "`");
            break;
        case HN_RECIPE_INT:
            if (k->most >= BIG)
                hn_buf_printf(env, b, "integer, %.0f or more", k->least);
            else if (k->least == k->most)
                hn_buf_printf(env, b, "%.0f", k->least);
            else
                hn_buf_printf(env, b, "integer, %.0f to %.0f", k->least, k->most);
            break;
        case HN_RECIPE_REAL: hn_buf_printf(env, b, "number, %g to %g", k->least, k->most); break;
        case HN_RECIPE_BOOL: hn_buf_puts(env, b, "`true`, `false`"); break;
        }
        hn_buf_printf(env, b, " | %s%s%s | %s |\n", k->otherwise ? "`" : "", k->otherwise ? k->otherwise : "",
                      k->otherwise ? "`" : "", k->doc);
    }
}

void hn_recipe_doc(hn_env *env, hn_buf *b)
{
    hn_buf_puts(env, b,
                "# Recipes\n\n"
                "A recipe holds the choices of `hone optimize` and `hone quantize` in a YAML file: `hone optimize "
                "--recipe R.yaml`.\n"
                "Options on the command line win over it. Every run writes `recipe.lock.yaml`, a recipe with each "
                "default written out and\n"
                "the hash of the model, which gives the same run again. This page is written from the key table (`make "
                "docs`).\n\n"
                "```yaml\n");
    hn_recipe r;
    hn_recipe_init(&r);
    r.model = "models/glyph20.onnx";
    r.data = "glyph:2000";
    r.quantize = r.compile = true;
    hn_recipe_print(env, &r, b);
    hn_buf_puts(env, b,
                "```\n\n"
                "A key that does not exist is an error that names its line and the nearest key that does. Aliases "
                "(`*name`) are refused, and\n"
                "so is a file above 64 KiB.\n\n## Outermost keys\n");
    doc_section(env, "", b);
    hn_buf_puts(env, b, "\n## `budget:`\n");
    doc_section(env, "budget", b);
    hn_buf_puts(env, b, "\n## `target:`\n");
    doc_section(env, "target", b);
    hn_buf_puts(env, b,
                "\n## `passes:`\n\nA list in the order in which passes run, each `- NAME: {options}`. This build has "
                "`quantize` and `compile`, once each\n"
                "at most; `compile` has no options and comes last.\n\n### `quantize`\n");
    doc_section(env, "quantize", b);
}
