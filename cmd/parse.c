/* parse: command-line words against option tables. --name VALUE and --name=VALUE; "--" ends options. */
#include "cmd/cmd.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where `hone tune` keeps what it measured: HONE_CHOICES, else in the user's cache folder; NULL without either. */
static const char *default_choices(void)
{
    static char path[4096];
    const char *given = getenv("HONE_CHOICES"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given) return given;
    bool has_cache = cache && cache[0];
    if (!has_cache && !(home && home[0])) return NULL;
    int n = snprintf(path, sizeof path, "%s%s/hone/choices", has_cache ? cache : home, has_cache ? "" : "/.cache");
    return n > 0 && (size_t)n < sizeof path ? path : NULL;
}

const cmd_option *cmd_common_options(cmd_common *o)
{
    static cmd_option rows[12];
    const char *isa = getenv("HONE_ISA");
    if (!o->isa) o->isa = isa && isa[0] ? isa : "auto";
    if (!o->numerics) o->numerics = "fast";
    if (!o->device) o->device = "auto";
    if (!o->choices) o->choices = default_choices();
    cmd_option all[] = {
        {"seed", CMD_INT, "N", NULL, "0", "Seed of everything random.", &o->seed},
        {"threads", CMD_SIZE, "N", NULL, "1", "Worker threads; 0: one per usable core. Results do not depend on it.",
         &o->threads},
        {"isa", CMD_CHOICE, "LEVEL", "auto|generic|avx2|avx512|vnni|bf16", "auto",
         "Highest instruction set to use; HONE_ISA sets the default.", &o->isa},
        {"numerics", CMD_CHOICE, "CLASS", "fast|strict", "fast",
         "strict: no kernel that trades rounding for fewer operations (Winograd).", &o->numerics},
        {"choices", CMD_TEXT, "FILE", NULL, "~/.cache/hone/choices",
         "What `hone tune` measured on this machine, where it is there; \"\": use rules alone. HONE_CHOICES sets the "
         "default.",
         &o->choices},
        {"device", CMD_CHOICE, "DEVICE", "auto|cpu", "auto", "Device to run on.", &o->device},
        {"out", CMD_TEXT, "DIR", NULL, NULL, "Folder to write to.", &o->out},
        {"dry-run", CMD_FLAG, NULL, NULL, NULL, "Say what would be done; write nothing.", &o->dry_run},
        {"resume", CMD_FLAG, NULL, NULL, NULL, "Go on from the state in the output folder.", &o->resume},
        {"quiet", CMD_FLAG, NULL, NULL, NULL, "No plan, no progress.", &o->quiet},
        {"json", CMD_FLAG, NULL, NULL, NULL, "Print one JSON object and nothing else.", &o->json},
    };
    memcpy(rows, all, sizeof all);
    rows[11] = (cmd_option){0};
    return rows;
}

static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(b), row[64];
    if (n >= 64) return 64;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t keep = row[j], best = diag + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            diag = keep;
        }
    }
    return row[n];
}

const char *cmd_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t least = 1 + strlen(word) / 3;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);
        if (d <= least && (!best || d < least)) {
            best = names[i];
            least = d;
        }
    }
    return best;
}

static bool parse_number(const char *s, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(s, &end);
    return end != s && *end == 0 && errno == 0 && isfinite(*out);
}

static bool parse_seconds(const char *s, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(s, &end);
    if (end == s || errno || !isfinite(*out) || *out < 0) return false;
    double unit = strcmp(end, "h") == 0 ? 3600 : strcmp(end, "m") == 0 ? 60 : strcmp(end, "s") == 0 || !*end ? 1 : 0;
    *out *= unit;
    return unit > 0;
}

static bool parse_int(const char *s, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    *out = v;
    return end != s && *end == 0 && errno == 0;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = choices; p;) {
        const char *bar = strchr(p, '|');
        size_t m = bar ? (size_t)(bar - p) : strlen(p);
        if (m == n && memcmp(p, value, n) == 0) return true;
        p = bar ? bar + 1 : NULL;
    }
    return false;
}

static bool store(const cmd_option *o, const char *value)
{
    int64_t i;
    switch (o->kind) {
    case CMD_FLAG: *(bool *)o->to = true; return true;
    case CMD_TEXT: *(const char **)o->to = value; return true;
    case CMD_TEXTS: {
        cmd_texts *t = o->to;
        const char **grown = realloc(t->item, (t->count + 1) * sizeof *grown);
        if (!grown) return false;
        t->item = grown;
        t->item[t->count++] = value;
        return true;
    }
    case CMD_INT: return parse_int(value, o->to);
    case CMD_SIZE:
        if (!parse_int(value, &i) || i < 0) return false;
        *(size_t *)o->to = (size_t)i;
        return true;
    case CMD_REAL: return parse_number(value, o->to);
    case CMD_SECONDS: return parse_seconds(value, o->to);
    case CMD_CHOICE:
        if (!is_choice(o->choices, value)) return false;
        *(const char **)o->to = value;
        return true;
    }
    return false;
}

static const cmd_option *find(const cmd_option *rows, const char *name, size_t n)
{
    for (; rows && rows->name; rows++)
        if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0) return rows;
    return NULL;
}

static int unknown_option(const cmd_row *row, const cmd_option *own, const cmd_option *common, const char *word)
{
    const char *names[64];
    size_t n = 0;
    for (const cmd_option *o = own; o && o->name && n < 48; o++) names[n++] = o->name;
    for (const cmd_option *o = common; o->name && n < 64; o++) names[n++] = o->name;
    const char *near = cmd_nearest(word, names, n);
    if (near) return cmd_usage(row->name, "no option --%s; did you mean --%s?", word, near);
    return cmd_usage(row->name, "no option --%s", word);
}

int cmd_parse(const cmd_row *row, const cmd_option *own, cmd_common *common, int argc, char **argv, const char **arg,
              size_t *args)
{
    const cmd_option *shared = cmd_common_options(common);
    bool options = true;
    *args = 0;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            common->help = true;
            return 0;
        }
        if (!options || word[0] != '-' || !word[1]) {
            arg[(*args)++] = word;
            continue;
        }
        if (word[1] != '-') return cmd_usage(row->name, "no option %s; options start with two dashes", word);
        const char *name = word + 2, *eq = strchr(name, '=');
        size_t n = eq ? (size_t)(eq - name) : strlen(name);
        const cmd_option *o = find(own, name, n);
        if (!o) o = find(shared, name, n);
        if (!o) return unknown_option(row, own, shared, name);
        const char *value = eq ? eq + 1 : NULL;
        if (o->kind == CMD_FLAG && eq) return cmd_usage(row->name, "--%s takes no value", o->name);
        if (o->kind != CMD_FLAG && !value) {
            if (i + 1 >= argc) return cmd_usage(row->name, "--%s needs a value: %s", o->name, o->value);
            value = argv[++i];
        }
        if (!store(o, value)) {
            if (o->kind == CMD_CHOICE)
                return cmd_usage(row->name, "--%s %s: not one of %s", o->name, value, o->choices);
            return cmd_usage(row->name, "--%s %s: not a valid %s", o->name, value, o->value);
        }
        /* --input A B C: further words up to the next option belong to it. */
        while (o->kind == CMD_TEXTS && i + 1 < argc && argv[i + 1][0] != '-')
            if (!store(o, argv[++i])) return cmd_usage(row->name, "--%s: too many values", o->name);
    }
    if (*args < row->args_min) return cmd_usage(row->name, "usage: hone %s %s", row->name, row->usage);
    if (*args > row->args_max)
        return cmd_usage(row->name, "unexpected \"%s\"; usage: hone %s %s", arg[row->args_max], row->name, row->usage);
    return 0;
}
