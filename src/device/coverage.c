/* coverage: see the header. Read from rows and drivers; only what a row leaves out of its specification is written
 * here. */
#include "device/coverage.h"

#include <string.h>

#include "base/size.h"
#include "device/device.h"

static const struct {
    const char *op, *missing;
} GAPS[] = {
    {"BatchNormalization", "saved statistics of opsets below 14: no later version has these outputs"},
    {"Col2Im", "string, complex: they cannot be added"},
    {"Scan", "sequence_lens of opset 8: no later version has it"},
};

static void join(hn_env *env, hn_buf *out, bool *first, const char *name)
{
    hn_buf_printf(env, out, "%s%s", *first ? "" : ", ", name);
    *first = false;
}

/* The element types of the first output, else of the first input, that are not fixed. */
static void types(hn_env *env, const hn_op *op, hn_buf *out)
{
    static const struct {
        const char *name;
        uint32_t set;
    } sets[] = {{"any", HN_T_ALL}, {"numbers", HN_T_NUM}, {"floats", HN_T_FLOAT}, {"integers", HN_T_INT}};
    uint32_t bits = op->nin > 0 ? op->in[0].types : op->out[0].types;
    bool first = true;
    for (size_t i = 0; i < HN_COUNT(sets); i++) {
        if ((bits & sets[i].set) != sets[i].set) continue;
        join(env, out, &first, sets[i].name);
        bits &= ~sets[i].set;
    }
    for (int t = 1; t < HN_DTYPES; t++)
        if (bits & HN_BIT(t)) join(env, out, &first, hn_dtype_name((hn_dtype)t));
}

/* Drivers name rows as hn_node_is does: "Conv", "hone.Conv". */
static bool names(const char *listed, const hn_op *op)
{
    size_t n = strlen(op->domain);
    if (n == 0) return strcmp(listed, op->name) == 0;
    return strncmp(listed, op->domain, n) == 0 && listed[n] == '.' && strcmp(listed + n + 1, op->name) == 0;
}

static size_t drivers(hn_env *env, const hn_op *op, hn_buf *out)
{
    size_t count = 0;
    bool first = true;
    for (size_t i = 0; i < hn_driver_count; i++) {
        const hn_driver *d = hn_driver_rows[i];
        for (size_t k = 0; d->ops[k]; k++) {
            if (!names(d->ops[k], op)) continue;
            join(env, out, &first, d->name);
            count++;
            break;
        }
    }
    return count;
}

static void line(hn_env *env, const hn_op *op, hn_buf *out)
{
    const char *domain = op->domain[0] ? op->domain : "ai.onnx";
    hn_buf_printf(env, out, "| %s | %s %d | ", op->name, domain, op->since);
    types(env, op, out);
    hn_buf_puts(env, out, op->flags & HN_OP_CONTROL ? " | executor | " : " | reference | ");
    size_t count = drivers(env, op, out);
    hn_buf_puts(env, out, " | ");
    if (op->flags & HN_OP_CONTROL)
        hn_buf_puts(env, out, "regions are plans of their own");
    else if (op->flags & HN_OP_VIEW && count == 0)
        hn_buf_puts(env, out, "moves no bytes");
    else if (op->flags & HN_OP_SHAPE_ONLY)
        hn_buf_puts(env, out, "known at plan time where shapes are");
    else if (count == 0)
        hn_buf_puts(env, out,
                    op->decompose ? "no driver: runs whole by its reference kernel"
                                  : "no driver: its reference kernel");
    for (size_t i = 0; i < HN_COUNT(GAPS); i++)
        if (!op->domain[0] && strcmp(op->name, GAPS[i].op) == 0)
            hn_buf_printf(env, out, "%sleft out: %s", count == 0 ? "; " : "", GAPS[i].missing);
    hn_buf_puts(env, out, " |\n");
}

hn_status hn_device_coverage(hn_env *env, const hn_op_table *ops, hn_buf *out)
{
    size_t driven = 0;
    hn_buf rows = {0}, scratch = {0};
    for (size_t i = 0; i < ops->count; i++) {
        line(env, ops->rows[i], &rows);
        driven += drivers(env, ops->rows[i], &scratch) > 0;
    }
    hn_buf_printf(
        env, out,
        "\n## Where each operator runs\n\n"
        "Operator, operator set, element types of its first input, and what runs it on the cpu. Every row that is "
        "not control flow has a reference kernel for every type it allows; %zu of %zu have drivers with faster "
        "kernels for some types and shapes besides (`hone explain` says which is taken in a model, and why others "
        "are not). Operators that passes replace (BatchNormalization after Conv, quantised layers) show under what "
        "replaces them, in domain hone. Older operator sets are converted when a file is read; FlexAttention "
        "(ai.onnx.preview), Scatter, Upsample and the experimental operators of opsets 1 to 9 are read as what "
        "they stand for and have no row.\n\n"
        "| operator | operator set | types | every type | drivers | where there is no driver, what is left out |\n"
        "|---|---|---|---|---|---|\n%.*s",
        driven, ops->count, (int)rows.size, (const char *)rows.data);
    hn_status st = hn_buf_status(&rows);
    hn_buf_fini(env, &scratch);
    hn_buf_fini(env, &rows);
    return st == HN_OK ? hn_buf_status(out) : st;
}
