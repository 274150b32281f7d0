/* doc: help, man pages, completion and the options reference, all from the option tables. */
#include "cmd/cmd.h"

#include <string.h>

static void wrap(FILE *f, const char *text, int indent, int width)
{
    int at = 0;
    for (const char *p = text; *p;) {
        if (*p == '\n') {
            fputc('\n', f);
            at = 0;
            p++;
            continue;
        }
        size_t n = strcspn(p, " \n");
        if (at && at + 1 + (int)n > width - indent) {
            fputc('\n', f);
            at = 0;
        }
        if (!at) fprintf(f, "%*s", indent, "");
        at += fprintf(f, "%s%.*s", at ? " " : "", (int)n, p);
        p += n;
        while (*p == ' ') p++;
    }
    fputc('\n', f);
}

static void print_options(FILE *f, const cmd_option *o)
{
    for (; o && o->name; o++) {
        char head[96];
        if (o->kind == CMD_CHOICE)
            snprintf(head, sizeof head, "--%s %s", o->name, o->choices);
        else
            snprintf(head, sizeof head, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        char text[512];
        snprintf(text, sizeof text, "%s%s%s%s", o->help, o->otherwise ? " Default: " : "",
                 o->otherwise ? o->otherwise : "", o->otherwise ? "." : "");
        fprintf(f, "  %s\n", head);
        wrap(f, text, 6, 96);
    }
}

void cmd_print_help(FILE *f, const cmd_row *row)
{
    cmd_common common = {0};
    fprintf(f, "hone %s %s\n\n", row->name, row->usage);
    wrap(f, row->brief, 0, 96);
    if (row->doc) {
        fputc('\n', f);
        wrap(f, row->doc, 0, 96);
    }
    const cmd_option *own = row->options();
    if (own && own->name) {
        fputs("\nOptions\n", f);
        print_options(f, own);
    }
    fputs("\nCommon options\n", f);
    print_options(f, cmd_common_options(&common));
    if (row->example) fprintf(f, "\nExample\n  %s\n", row->example);
}

void cmd_print_overview(FILE *f)
{
    fprintf(f, "hone %s: makes trained models cheap to run, and proves it\n\nusage: hone COMMAND ...\n\n",
            hone_version());
    for (size_t i = 0; i < cmd_count; i++) fprintf(f, "  %-10s %s\n", cmd_rows[i]->name, cmd_rows[i]->brief);
    fputs("\nhone help COMMAND tells all about one command.\n", f);
}

/* roff: a line must not start with a dot or a quote, and backslashes and dashes are escaped. */
static void roff(FILE *f, const char *s)
{
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\'')) fputs("\\&", f);
        if (*s == '\\')
            fputs("\\\\", f);
        else if (*s == '-')
            fputs("\\-", f);
        else
            fputc(*s, f);
        start = *s == '\n';
    }
}

static void man_options(FILE *f, const cmd_option *o)
{
    for (; o && o->name; o++) {
        fputs(".TP\n\\fB\\-\\-", f);
        roff(f, o->name);
        fputs("\\fR", f);
        if (o->kind == CMD_CHOICE) {
            fputs(" ", f);
            roff(f, o->choices);
        } else if (o->value) {
            fprintf(f, " \\fI%s\\fR", o->value);
        }
        fputc('\n', f);
        roff(f, o->help);
        if (o->otherwise) {
            fputs(" Default: ", f);
            roff(f, o->otherwise);
            fputs(".", f);
        }
        fputc('\n', f);
    }
}

void cmd_print_man(FILE *f, const cmd_row *row)
{
    cmd_common common = {0};
    fprintf(f, ".TH HONE\\-%s 1 \"\" \"hone %s\"\n.SH NAME\nhone\\-%s \\- ", row->name, hone_version(), row->name);
    roff(f, row->brief);
    fprintf(f, "\n.SH SYNOPSIS\n\\fBhone %s\\fR ", row->name);
    roff(f, row->usage);
    fputs("\n.SH DESCRIPTION\n", f);
    roff(f, row->doc ? row->doc : row->brief);
    fputs("\n.SH OPTIONS\n", f);
    man_options(f, row->options());
    man_options(f, cmd_common_options(&common));
    if (row->example) {
        fputs(".SH EXAMPLE\n.nf\n", f);
        roff(f, row->example);
        fputs("\n.fi\n", f);
    }
    fputs(".SH EXIT STATUS\n0 done; 2 accuracy budget not met; 3 bad input; 4 unsupported; 5 out of resources; 64 "
          "usage\n",
          f);
}

void cmd_print_completion(FILE *f)
{
    cmd_common common = {0};
    fputs("# bash completion for hone\n_hone()\n{\n    local cur=${COMP_WORDS[COMP_CWORD]} "
          "prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W \"",
          f);
    for (size_t i = 0; i < cmd_count; i++) fprintf(f, "%s%s", i ? " " : "", cmd_rows[i]->name);
    fputs("\" -- \"$cur\")); return; fi\n    case \"${COMP_WORDS[1]} $prev\" in\n", f);
    for (size_t i = 0; i < cmd_count; i++)
        for (const cmd_option *o = cmd_rows[i]->options(); o && o->name; o++) {
            if (o->kind != CMD_CHOICE) continue;
            fprintf(f, "    \"%s --%s\") COMPREPLY=($(compgen -W \"", cmd_rows[i]->name, o->name);
            for (const char *p = o->choices; *p; p++) fputc(*p == '|' ? ' ' : *p, f);
            fputs("\" -- \"$cur\")); return;;\n", f);
        }
    fputs("    esac\n    case \"$cur\" in -*) case \"${COMP_WORDS[1]}\" in\n", f);
    for (size_t i = 0; i < cmd_count; i++) {
        fprintf(f, "    %s) COMPREPLY=($(compgen -W \"", cmd_rows[i]->name);
        for (const cmd_option *o = cmd_rows[i]->options(); o && o->name; o++) fprintf(f, "--%s ", o->name);
        for (const cmd_option *o = cmd_common_options(&common); o->name; o++) fprintf(f, "--%s ", o->name);
        fputs("\" -- \"$cur\"));;\n", f);
    }
    fputs(
        "    esac; return;; esac\n    COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -o filenames -F _hone hone\n",
        f);
}

void cmd_print_options_doc(FILE *f)
{
    cmd_common common = {0};
    fputs("# Commands and options\n\nGenerated by `hone help --markdown`; do not edit.\n", f);
    for (size_t i = 0; i < cmd_count; i++) {
        const cmd_row *row = cmd_rows[i];
        fprintf(f, "\n## hone %s\n\n`hone %s %s`\n\n%s\n", row->name, row->name, row->usage, row->brief);
        if (row->doc) fprintf(f, "\n%s\n", row->doc);
        const cmd_option *o = row->options();
        if (o && o->name) fputs("\n| option | meaning | default |\n| --- | --- | --- |\n", f);
        for (; o && o->name; o++) {
            fprintf(f, "| `--%s%s%s` | %s", o->name, o->value ? " " : "", o->value ? o->value : "", o->help);
            if (o->kind == CMD_CHOICE) {
                fputs(" One of ", f);
                for (const char *p = o->choices; *p; p++) *p == '|' ? fputs(", ", f) : fputc(*p, f);
                fputc('.', f);
            }
            fprintf(f, " | %s |\n", o->otherwise ? o->otherwise : "");
        }
        if (row->example) fprintf(f, "\n    %s\n", row->example);
    }
    fputs("\n## Options of every command\n\n| option | meaning | default |\n| --- | --- | --- |\n", f);
    for (const cmd_option *o = cmd_common_options(&common); o->name; o++)
        fprintf(f, "| `--%s%s%s` | %s | %s |\n", o->name, o->value ? " " : "", o->value ? o->value : "", o->help,
                o->otherwise ? o->otherwise : "");
}
