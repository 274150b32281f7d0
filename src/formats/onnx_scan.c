/* onnx_scan: looks at every operator of a model before any node is built, so that the message about an unsupported one
 * can name them all. */
#include <string.h>

#include "formats/onnx_priv.h"

typedef struct unknown {
    const char *domain, *op;
    size_t uses;
    struct unknown *next;
} unknown;

typedef struct scan {
    hn_onnx_reader *r;
    unknown *first, **last;
    size_t kinds, nodes;
    hn_onnx_node at; /* the first node met */
} scan;

static hn_status note(scan *sc, const hn_onnx_node *n)
{
    hn_onnx_reader *r = sc->r;
    unknown *u = sc->first;
    while (u != NULL && (strcmp(u->op, n->op) != 0 || strcmp(u->domain, n->domain) != 0)) u = u->next;
    if (u == NULL) {
        u = hn_arena_alloc(r->env, &r->scratch, sizeof *u);
        if (u == NULL) return r->env->error.status;
        *u = (unknown){.domain = n->domain, .op = n->op};
        *sc->last = u;
        sc->last = &u->next;
        sc->kinds++;
    }
    if (sc->nodes++ == 0) sc->at = *n;
    u->uses++;
    return HN_OK;
}

static hn_status scan_nodes(scan *sc, hn_cursor c, uint32_t field, const hn_opsets *opsets, int depth);

static hn_status scan_attrs(scan *sc, hn_cursor node, const hn_opsets *opsets, int depth)
{
    hn_env *env = sc->r->env;
    hn_pb_field f, a;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &node, "node", &f, &more));
        if (!more) return HN_OK;
        if (f.number != 5 || f.wire != HN_PB_BYTES) continue;
        for (bool inner;;) {
            HN_TRY(hn_pb_next(env, &f.bytes, "attribute", &a, &inner));
            if (!inner) break;
            if (a.number == 6 && a.wire == HN_PB_BYTES) HN_TRY(scan_nodes(sc, a.bytes, 1, opsets, depth + 1));
        }
    }
}

/* Beyond the newest version of the domain that is known here; the main domain is checked with its import. */
static bool newer(const char *domain, int64_t version)
{
    static const struct {
        const char *domain;
        int64_t newest;
    } known[] = {{"ai.onnx.ml", 5}, {"ai.onnx.preview", 1}, {"ai.onnx.preview.training", 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].domain, domain) == 0) return version > known[i].newest;
    return false;
}

static hn_status scan_node(scan *sc, hn_cursor c, const hn_opsets *opsets, int depth)
{
    hn_onnx_reader *r = sc->r;
    hn_onnx_node n;
    HN_TRY(hn_onnx_node_head(r, c, &n));
    hn_onnx_function *f = hn_onnx_function_find(r, n.domain, n.op, n.overload);
    if (f != NULL) {
        if (f->scanned) return HN_OK;
        f->scanned = true;
        return scan_nodes(sc, f->body, 7, &f->opsets, depth + 1);
    }
    HN_TRY(hn_onnx_op_version(r, opsets, n.domain, &n.version));
    HN_TRY(scan_attrs(sc, c, opsets, depth));
    if (n.domain[0] == '\0' && strcmp(n.op, "Constant") == 0) return HN_OK;
    if (newer(n.domain, n.version)) return note(sc, &n);
    if (hn_op_find(r->ops, n.domain, n.op) != NULL || hn_onnx_converts(n.domain, n.op, n.version)) return HN_OK;
    return note(sc, &n);
}

static hn_status scan_nodes(scan *sc, hn_cursor c, uint32_t field, const hn_opsets *opsets, int depth)
{
    hn_onnx_reader *r = sc->r;
    hn_pb_field f;
    if (depth > 2 * r->max_depth)
        return hn_fail(r->env, HN_LIMIT, "graphs nested more than %d deep, at byte %zu", r->max_depth, hn_pb_at(&c));
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "graph", &f, &more));
        if (!more) return HN_OK;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "node"));
        HN_TRY(scan_node(sc, f.bytes, opsets, depth));
    }
}

/* "Foo, com.acme.Bar (3 nodes)" for what comes after the first. */
static void list_others(const scan *sc, char *dst, size_t bytes)
{
    size_t at = 0;
    dst[0] = '\0';
    for (const unknown *u = sc->first->next; u != NULL; u = u->next) {
        const char *parts[] = {at == 0 ? "" : ", ", u->domain, u->domain[0] == '\0' ? "" : ".", u->op};
        size_t need = 0;
        for (size_t i = 0; i < 4; i++) need += strlen(parts[i]);
        if (at + need + 8 > bytes) {
            memcpy(dst + at, " ...", 5);
            return;
        }
        for (size_t i = 0; i < 4; i++) {
            size_t k = strlen(parts[i]);
            memcpy(dst + at, parts[i], k + 1);
            at += k;
        }
    }
}

hn_status hn_onnx_scan(hn_onnx_reader *r, hn_cursor graph, const hn_opsets *opsets)
{
    scan sc = {.r = r};
    sc.last = &sc.first;
    HN_TRY(scan_nodes(&sc, graph, 1, opsets, 0));
    if (sc.kinds == 0) return HN_OK;
    char others[220];
    const hn_onnx_node *n = &sc.at;
    list_others(&sc, others, sizeof others);
    hn_fail(r->env, HN_UNSUPPORTED,
            "operator %.60s of domain %.60s, opset %lld, is not supported (node \"%.60s\", at byte %zu); %zu further "
            "node%s%s%s",
            n->op, n->domain[0] == '\0' ? "ai.onnx" : n->domain, (long long)n->version, hn_onnx_label(n), n->at,
            sc.nodes - 1, sc.nodes == 2 ? "" : "s", others[0] == '\0' ? "" : ", also of ", others);
    hn_hint(r->env, "docs/ops.md lists what is supported; an operator may also come as a model-local function");
    return r->env->error.status;
}
