/* lib_doc: the op table as Markdown. docs/ops.md is this text and a test compares the two, so the page cannot lie. */
#include "ops/lib.h"
#include "ops/ops.h"

typedef struct page {
    hn_env *env;
    hn_buf *out;
} page;

static void types_of(const page *p, uint32_t types)
{
    static const struct {
        const char *name;
        uint32_t types;
    } sets[] = {{"any", HN_T_ALL},      {"numbers", HN_T_NUM}, {"floats", HN_T_FLOAT},
                {"integers", HN_T_INT}, {"f8", HN_T_F8},       {"complex", HN_T_COMPLEX}};
    const char *comma = "";
    for (size_t i = 0; i < HN_COUNT(sets); i++) {
        if ((types & sets[i].types) != sets[i].types) continue;
        hn_buf_printf(p->env, p->out, "%s%s", comma, sets[i].name);
        types &= ~sets[i].types;
        comma = ", ";
    }
    for (int t = 1; t < HN_DTYPES; t++) {
        if (!(types & HN_BIT(t))) continue;
        hn_buf_printf(p->env, p->out, "%s%s", comma, hn_dtype_name((hn_dtype)t));
        comma = ", ";
    }
}

static void ports(const page *p, const char *side, const hn_port *port, int n, bool repeats)
{
    hn_buf_printf(p->env, p->out, "- %s:", side);
    for (int i = 0; i < n; i++) {
        hn_buf_printf(p->env, p->out, "%s `%s`%s%s", i ? ";" : "", port[i].name, repeats && i == n - 1 ? "..." : "",
                      port[i].optional ? " (optional)" : "");
        if (port[i].var) hn_buf_printf(p->env, p->out, " %c", port[i].var);
        hn_buf_puts(p->env, p->out, ": ");
        types_of(p, port[i].types);
    }
    hn_buf_puts(p->env, p->out, n ? "\n" : " none\n");
}

static void attributes(const page *p, const hn_op *op)
{
    static const char *const kinds[] = {"", "int", "float", "string", "ints", "floats", "strings", "tensor", "type"};
    for (const hn_attr_row *a = op->attrs; a && a->name; a++) {
        hn_buf_printf(p->env, p->out, "- attribute `%s`: %s", a->name, kinds[a->kind]);
        if (a->required)
            hn_buf_puts(p->env, p->out, ", required");
        else if (a->otherwise)
            hn_buf_printf(p->env, p->out, ", default %s", a->otherwise[0] ? a->otherwise : "empty");
        hn_buf_printf(p->env, p->out, "; %s\n", a->doc);
    }
}

static void row(const page *p, const hn_op *op)
{
    hn_buf_printf(p->env, p->out, "\n### %s\n\nsince %d", op->name, op->since);
    if (op->flags & HN_OP_ELEMENTWISE) hn_buf_puts(p->env, p->out, ", elementwise");
    if (op->flags & HN_OP_VIEW) hn_buf_puts(p->env, p->out, ", a view");
    if (op->flags & HN_OP_RANDOM) hn_buf_puts(p->env, p->out, ", random");
    if (op->flags & HN_OP_CONTROL) hn_buf_puts(p->env, p->out, ", control flow");
    hn_buf_printf(p->env, p->out, ". %s\n\n", op->doc);
    ports(p, "inputs", op->in, op->nin, op->flags & HN_OP_VARIADIC);
    ports(p, "outputs", op->out, op->nout, op->flags & HN_OP_VARIADIC_OUT);
    attributes(p, op);
    switch (op->grad_kind) {
    case HN_GRAD_BUILDER: hn_buf_puts(p->env, p->out, "- gradient: yes\n"); break;
    case HN_GRAD_ZERO: hn_buf_puts(p->env, p->out, "- gradient: zero almost everywhere\n"); break;
    case HN_GRAD_DECOMPOSE: hn_buf_puts(p->env, p->out, "- gradient: through its decomposition\n"); break;
    default: hn_buf_printf(p->env, p->out, "- gradient: none; %s\n", op->grad_reason ? op->grad_reason : ""); break;
    }
    if (op->decompose) hn_buf_puts(p->env, p->out, "- decomposes into simpler operators\n");
}

hn_status hn_ops_doc(hn_env *env, const hn_op_table *ops, hn_buf *out)
{
    const page p = {env, out};
    const char *domain = NULL;
    hn_buf_printf(
        env, out,
        "# Operators\n\nThe %zu rows of the op table, written by `make docs` from the rows themselves.\n\n"
        "Each row has inference of types, a reference kernel (control flow apart) and a statement about its gradient."
        " `since` is the operator-set version whose semantics are implemented; files of older versions are converted"
        " when they are read. Ports with the same letter have the same element type. floats: f16, bf16, f32, f64;"
        " integers: 8 to 64 bits, signed and unsigned; numbers: both; any: these and bool, string, complex, and the"
        " 8-, 6-, 4- and 2-bit types.\n",
        ops->count);
    for (size_t i = 0; i < ops->count; i++) {
        const hn_op *op = ops->rows[i];
        if (!domain || strcmp(domain, op->domain) != 0) {
            domain = op->domain;
            hn_buf_printf(env, out, "\n## Domain %s\n", domain[0] ? domain : "ai.onnx");
        }
        row(&p, op);
    }
    return hn_buf_status(out);
}
