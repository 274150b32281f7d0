/* cmd: what every subcommand file shares. One file per subcommand ends in one row; the option table of the row is the
 * single source of parsing, --help, the man page and shell completion. The program uses only include/hone/. */
#ifndef HONE_CMD_H
#define HONE_CMD_H

#include "hone/hone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CMD_EXIT_OK = 0,
    CMD_EXIT_BUDGET = 2,
    CMD_EXIT_INPUT = 3,
    CMD_EXIT_UNSUPPORTED = 4,
    CMD_EXIT_RESOURCES = 5,
    CMD_EXIT_USAGE = 64
};

typedef enum cmd_kind {
    CMD_FLAG,    /* bool */
    CMD_TEXT,    /* const char * */
    CMD_TEXTS,   /* cmd_texts: the option repeats, and takes several words when `many` */
    CMD_INT,     /* int64_t */
    CMD_SIZE,    /* size_t */
    CMD_REAL,    /* double */
    CMD_SECONDS, /* double: 90, 90s, 5m, 1h */
    CMD_CHOICE   /* const char *, one of `choices`, separated by '|' */
} cmd_kind;

typedef struct cmd_texts {
    const char **item;
    size_t count;
} cmd_texts;

typedef struct cmd_option {
    const char *name; /* without the two dashes */
    cmd_kind kind;
    const char *value;     /* name of the value in help; NULL for flags */
    const char *choices;   /* CHOICE */
    const char *otherwise; /* default, for help; NULL: none */
    const char *help;      /* one sentence */
    void *to;
} cmd_option;

/* Flags that every command takes. */
typedef struct cmd_common {
    int64_t seed;
    size_t threads;
    const char *isa, *numerics, *choices, *device, *out;
    bool dry_run, resume, quiet, json, help;
} cmd_common;

typedef struct cmd_context {
    cmd_common common;
    hone_env *env;
    const char **arg; /* positional */
    size_t args;
    int argc;
    char **argv; /* the whole command line, for reports */
    int failed;  /* exit code where the result could not be told, whatever it is; 0: it could */
} cmd_context;

typedef struct cmd_row {
    const char *name, *usage, *brief; /* "eval", "MODEL --data D", one sentence */
    const char *doc;                  /* paragraphs for help and the man page */
    const char *example;
    size_t args_min, args_max;
    /* Options and where their values go: called once before parsing, returns an array that ends with a NULL name. Uses
     * static storage of the file; the program runs one command. */
    const cmd_option *(*options)(void);
    int (*run)(cmd_context *c); /* exit code */
} cmd_row;

extern const cmd_row *const cmd_rows[]; /* generated */
extern const size_t cmd_count;

/* Print the environment's message to stderr ("hone eval: ..."), or as {"error": ...} with --json; gives the exit code
 * of the status. */
int cmd_fail(cmd_context *c, hone_status st);
/* With --json print the record, or why it cannot be written as JSON, and nothing else, and give true. */
bool cmd_json(cmd_context *c, hone_record *rec);
int cmd_usage(const char *command, const char *fmt, ...);

/* Text helpers: "1.23 MB", "12.3 ms", "1.2 G". dst of 32 bytes, returned. */
char *cmd_bytes(double v, char *dst);
void cmd_slices(const hone_record *rec); /* a line that says so, where a batch is run a few samples at a time */
char *cmd_ms(double ms, char *dst);
char *cmd_count_text(double v, char *dst);
char *cmd_quantity(double v, const char *name, char *dst); /* "12 MAC", "1.2 GMAC" */
/* "list.3.key" in a static-free way: path of an entry of a list. dst of 256 bytes, returned. */
char *cmd_path(char *dst, const char *list, size_t i, const char *key);

/* cmd_parse.c */
int cmd_parse(const cmd_row *row, const cmd_option *options, cmd_common *common, int argc, char **argv,
              const char **arg, size_t *args);
const cmd_option *cmd_common_options(cmd_common *common);
/* cmd_doc.c */
void cmd_print_help(FILE *f, const cmd_row *row);
void cmd_print_overview(FILE *f);
void cmd_print_man(FILE *f, const cmd_row *row);
void cmd_print_completion(FILE *f);
void cmd_print_options_doc(FILE *f);
/* Nearest of `n` names, or NULL. */
const char *cmd_nearest(const char *word, const char *const *names, size_t n);

#endif
