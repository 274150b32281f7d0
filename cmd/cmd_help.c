/* help: what a command does; also writes man pages, completion and the options reference. */
#include "cmd/cmd.h"

#include <string.h>

static struct {
    bool man, completion, markdown;
} o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"man", CMD_FLAG, NULL, NULL, NULL, "Print the man page of the command instead.", &o.man},
        {"completion", CMD_FLAG, NULL, NULL, NULL, "Print completion code for bash.", &o.completion},
        {"markdown", CMD_FLAG, NULL, NULL, NULL, "Print the reference of all commands and options.", &o.markdown},
        {0},
    };
    return rows;
}

static int run(cmd_context *c)
{
    if (o.completion) {
        cmd_print_completion(stdout);
        return 0;
    }
    if (o.markdown) {
        cmd_print_options_doc(stdout);
        return 0;
    }
    if (c->args == 0) {
        cmd_print_overview(stdout);
        return 0;
    }
    for (size_t i = 0; i < cmd_count; i++) {
        if (strcmp(cmd_rows[i]->name, c->arg[0]) != 0) continue;
        if (o.man)
            cmd_print_man(stdout, cmd_rows[i]);
        else
            cmd_print_help(stdout, cmd_rows[i]);
        return 0;
    }
    return cmd_usage(NULL, "no command \"%s\"", c->arg[0]);
}

const cmd_row cmd_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .brief = "Tell what a command does and which options it takes.",
    .example = "hone help optimize",
    .args_max = 1,
    .options = options,
    .run = run,
};
