/* main: finds the subcommand, parses its options, makes the environment, shows progress, runs. */
#include "cmd/cmd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct bar {
    char stage[64];
    double start, last;
    bool on, shown;
} bar;

/* One line on a terminal, redrawn at most ten times a second, with the time that is left at the present speed. */
static void progress(void *self, const char *stage, double done, double total)
{
    bar *b = self;
    if (!b->on) return;
    double t = now();
    if (strncmp(b->stage, stage, sizeof b->stage - 1) != 0 && total > 0 && done <= 0) b->start = t;
    if (t - b->last < 0.1 && done < total) return;
    snprintf(b->stage, sizeof b->stage, "%s", stage);
    b->last = t;
    b->shown = true;
    double share = total > 0 ? done / total : 0;
    if (total <= 0) {
        fprintf(stderr, "\r\033[K%s", stage);
        return;
    }
    int full = (int)(share * 24);
    double left = share > 0.02 ? (t - b->start) * (1 - share) / share : 0;
    fprintf(stderr, "\r\033[K%-28.28s [%.*s%.*s] %3.0f %%", stage, full, "########################", 24 - full,
            "........................", 100 * share);
    if (left >= 1) fprintf(stderr, "  %.0f s left", left);
    fflush(stderr);
}

static void clear_bar(bar *b)
{
    if (b->shown) fprintf(stderr, "\r\033[K");
    b->shown = false;
}

static void log_line(void *self, int level, const char *line)
{
    clear_bar(self);
    if (level <= 1) fprintf(stderr, "hone: %s%s\n", level == 0 ? "error: " : "warning: ", line);
}

int cmd_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "hone%s%s: ", command ? " " : "", command ? command : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n  see: hone help%s%s\n", command ? " " : "", command ? command : "");
    return CMD_EXIT_USAGE;
}

static int exit_code(hone_status st)
{
    switch (st) {
    case HONE_OK: return CMD_EXIT_OK;
    case HONE_INPUT: return CMD_EXIT_INPUT;
    case HONE_UNSUPPORTED: return CMD_EXIT_UNSUPPORTED;
    default: return CMD_EXIT_RESOURCES;
    }
}

static void print_json_string(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\')
            fprintf(f, "\\%c", ch);
        else if (ch == '\n')
            fputs("\\n", f);
        else if (ch < 32)
            fprintf(f, "\\u%04x", ch);
        else
            fputc(ch, f);
    }
    fputc('"', f);
}

int cmd_fail(cmd_context *c, hone_status st)
{
    const char *text = hone_env_message(c->env);
    if (c->common.json) {
        printf("{\"hone\": \"%s\", \"error\": ", hone_version());
        print_json_string(stdout, text);
        printf(", \"exit\": %d}\n", exit_code(st));
    } else {
        fprintf(stderr, "hone: %s\n", text);
    }
    return exit_code(st);
}

bool cmd_json(cmd_context *c, hone_record *rec)
{
    if (!c->common.json) return false;
    const char *text = hone_record_json(c->env, rec);
    if (text)
        puts(text);
    else
        c->failed = cmd_fail(c, HONE_UNSUPPORTED);
    return true;
}

void cmd_slices(const hone_record *rec)
{
    int64_t batch = hone_record_int(rec, "batch", 0), slice = hone_record_int(rec, "slice", batch);
    if (slice < batch) printf("%lld samples in slices of %lld\n", (long long)batch, (long long)slice);
}

char *cmd_bytes(double v, char *dst)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB"};
    int u = 0;
    for (; v >= 1000 && u < 3; u++) v /= 1000;
    snprintf(dst, 32, u == 0 ? "%.0f %s" : "%.2f %s", v, unit[u]);
    return dst;
}

char *cmd_ms(double ms, char *dst)
{
    if (ms < 1)
        snprintf(dst, 32, "%.1f us", ms * 1000);
    else
        snprintf(dst, 32, ms < 100 ? "%.2f ms" : "%.0f ms", ms);
    return dst;
}

char *cmd_count_text(double v, char *dst)
{
    static const char *const unit[] = {"", " k", " M", " G", " T"};
    int u = 0;
    for (; v >= 1000 && u < 4; u++) v /= 1000;
    snprintf(dst, 32, u == 0 ? "%.0f%s" : "%.2f%s", v, unit[u]);
    return dst;
}

char *cmd_quantity(double v, const char *name, char *dst)
{
    char number[32];
    cmd_count_text(v, number);
    bool scaled = v >= 1000;
    snprintf(dst, 32, "%.20s%s%.8s", number, scaled ? "" : " ", name);
    return dst;
}

char *cmd_path(char *dst, const char *list, size_t i, const char *key)
{
    snprintf(dst, 256, "%s.%zu%s%s", list, i, key ? "." : "", key ? key : "");
    return dst;
}

static const cmd_row *find_row(const char *name)
{
    for (size_t i = 0; i < cmd_count; i++)
        if (strcmp(cmd_rows[i]->name, name) == 0) return cmd_rows[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < cmd_count && n < 64; i++) names[n++] = cmd_rows[i]->name;
    const char *near = cmd_nearest(name, names, n);
    if (near) return cmd_usage(NULL, "no command \"%s\"; did you mean \"%s\"?", name, near);
    return cmd_usage(NULL, "no command \"%s\"", name);
}

static int run_row(const cmd_row *row, int argc, char **argv)
{
    cmd_context c = {.common = {.threads = 1}, .argc = argc, .argv = argv};
    const char **arg = calloc((size_t)argc + 1, sizeof *arg);
    if (!arg) {
        fputs("hone: out of memory\n", stderr);
        return CMD_EXIT_RESOURCES;
    }
    c.arg = arg;
    int code = cmd_parse(row, row->options(), &c.common, argc - 2, argv + 2, arg, &c.args);
    if (code == 0 && c.common.help) {
        cmd_print_help(stdout, row);
    } else if (code == 0) {
        bar b = {.on = isatty(2) && !c.common.quiet && !c.common.json};
        if (b.on) b.start = now();
        hone_env_options o = {.threads = c.common.threads,
                              .isa = c.common.isa,
                              .numerics = c.common.numerics,
                              .choices = c.common.choices,
                              .seed = (uint64_t)c.common.seed,
                              .log = log_line,
                              .progress = progress,
                              .self = &b};
        hone_status st = hone_env_new(&o, &c.env);
        code = st == HONE_OK ? row->run(&c) : cmd_fail(&c, st);
        if (c.failed) code = c.failed;
        clear_bar(&b);
        hone_env_free(c.env);
    }
    free(arg);
    if (fflush(stdout) != 0 && code == 0) code = CMD_EXIT_RESOURCES;
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cmd_print_overview(argc < 2 ? stderr : stdout);
        return argc < 2 ? CMD_EXIT_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("hone %s\n", hone_version());
        return 0;
    }
    const cmd_row *row = find_row(argv[1]);
    return row ? run_row(row, argc, argv) : unknown_command(argv[1]);
}
