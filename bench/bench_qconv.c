/* 8-bit against float32 convolution through their drivers, one thread, channels last: best times, interleaved, and the
 * ratio, at the layers of mobilenet_v2, squeezenet1.1, resnet20, the MLPerf Tiny models and detectors; inputs of up to
 * 3 channels come channels first, as in the models. First argument: an ISA cap (default: auto); second: a part of the
 * names of the layers to measure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "device/device.h"
#include "ops/ops.h"

typedef struct layer {
    const char *name;
    int64_t h, w, c, m, kh, kw, stride, pad, group;
} layer;

static const layer layers[] = {
    {"mnv2 first", 224, 224, 3, 32, 3, 3, 2, 1, 1},
    {"mnv2 dw 112x32", 112, 112, 32, 32, 3, 3, 1, 1, 32},
    {"mnv2 32>16", 112, 112, 32, 16, 1, 1, 1, 0, 1},
    {"mnv2 16>96", 112, 112, 16, 96, 1, 1, 1, 0, 1},
    {"mnv2 dw 112x96 /2", 112, 112, 96, 96, 3, 3, 2, 1, 96},
    {"mnv2 96>24", 56, 56, 96, 24, 1, 1, 1, 0, 1},
    {"mnv2 24>144", 56, 56, 24, 144, 1, 1, 1, 0, 1},
    {"mnv2 dw 56x144", 56, 56, 144, 144, 3, 3, 1, 1, 144},
    {"mnv2 144>24", 56, 56, 144, 24, 1, 1, 1, 0, 1},
    {"mnv2 dw 28x192", 28, 28, 192, 192, 3, 3, 1, 1, 192},
    {"mnv2 144>32", 28, 28, 144, 32, 1, 1, 1, 0, 1},
    {"mnv2 32>192", 28, 28, 32, 192, 1, 1, 1, 0, 1},
    {"mnv2 192>64", 14, 14, 192, 64, 1, 1, 1, 0, 1},
    {"mnv2 64>384", 14, 14, 64, 384, 1, 1, 1, 0, 1},
    {"mnv2 dw 14x384", 14, 14, 384, 384, 3, 3, 1, 1, 384},
    {"mnv2 384>96", 14, 14, 384, 96, 1, 1, 1, 0, 1},
    {"mnv2 96>576", 14, 14, 96, 576, 1, 1, 1, 0, 1},
    {"mnv2 576>160", 7, 7, 576, 160, 1, 1, 1, 0, 1},
    {"mnv2 160>960", 7, 7, 160, 960, 1, 1, 1, 0, 1},
    {"mnv2 dw 7x960", 7, 7, 960, 960, 3, 3, 1, 1, 960},
    {"mnv2 960>320", 7, 7, 960, 320, 1, 1, 1, 0, 1},
    {"mnv2 320>1280", 7, 7, 320, 1280, 1, 1, 1, 0, 1},
    {"squeeze first", 224, 224, 3, 64, 3, 3, 2, 0, 1},
    {"squeeze 64>16", 55, 55, 64, 16, 1, 1, 1, 0, 1},
    {"squeeze 16>64", 55, 55, 16, 64, 1, 1, 1, 0, 1},
    {"squeeze 3x3 16>64", 55, 55, 16, 64, 3, 3, 1, 1, 1},
    {"squeeze 128>32", 27, 27, 128, 32, 1, 1, 1, 0, 1},
    {"squeeze 32>128", 27, 27, 32, 128, 1, 1, 1, 0, 1},
    {"squeeze 3x3 32>128", 27, 27, 32, 128, 3, 3, 1, 1, 1},
    {"squeeze 256>48", 13, 13, 256, 48, 1, 1, 1, 0, 1},
    {"squeeze 48>192", 13, 13, 48, 192, 1, 1, 1, 0, 1},
    {"squeeze 3x3 48>192", 13, 13, 48, 192, 3, 3, 1, 1, 1},
    {"squeeze 3x3 64>256", 13, 13, 64, 256, 3, 3, 1, 1, 1},
    {"squeeze 512>1000", 13, 13, 512, 1000, 1, 1, 1, 0, 1},
    {"resnet20 first", 32, 32, 3, 16, 3, 3, 1, 1, 1},
    {"resnet20 16>16", 32, 32, 16, 16, 3, 3, 1, 1, 1},
    {"resnet20 32>32", 16, 16, 32, 32, 3, 3, 1, 1, 1},
    {"resnet20 64>64", 8, 8, 64, 64, 3, 3, 1, 1, 1},
    {"resnet20 32>64 /2", 16, 16, 32, 64, 3, 3, 2, 1, 1},
    {"kws first", 49, 10, 1, 64, 10, 4, 2, 4, 1},
    {"kws dw", 25, 5, 64, 64, 3, 3, 1, 1, 64},
    {"kws pw", 25, 5, 64, 64, 1, 1, 1, 0, 1},
    {"vww first", 96, 96, 3, 8, 3, 3, 2, 1, 1},
    {"vww dw", 48, 48, 8, 8, 3, 3, 1, 1, 8},
    {"mnv1 first", 224, 224, 3, 8, 3, 3, 2, 1, 1},
    {"mnv1 dw 112x8", 112, 112, 8, 8, 3, 3, 1, 1, 8},
    {"mnv1 dw 112x16 /2", 112, 112, 16, 16, 3, 3, 2, 1, 16},
    {"mnv1 dw 56x32", 56, 56, 32, 32, 3, 3, 1, 1, 32},
    {"mnv1 dw 14x128", 14, 14, 128, 128, 3, 3, 1, 1, 128},
    {"fastestdet dw5 22x96", 22, 22, 96, 96, 5, 5, 1, 2, 96},
    {"cls dw5 3x96x88", 3, 96, 88, 88, 5, 5, 1, 2, 88},
    {"cls dw5 2x96x200", 2, 96, 200, 200, 5, 5, 1, 2, 200},
    {"det dw5 40x64", 32, 40, 64, 64, 5, 5, 1, 2, 64},
    {"det dw5 80x40 /2", 64, 80, 40, 40, 5, 5, 2, 2, 40},
    {"det dw5 10x464", 8, 10, 464, 464, 5, 5, 1, 2, 464},
    {"yunet dw 40x4", 40, 40, 4, 4, 3, 3, 1, 1, 4},
    {"yunet dw 40x10", 40, 40, 10, 10, 3, 3, 1, 1, 10},
    {"yunet dw 80x64", 80, 80, 64, 64, 3, 3, 1, 1, 64},
    {"yunet dw 40x64", 40, 40, 64, 64, 3, 3, 1, 1, 64},
    {"vww 8>16", 48, 48, 8, 16, 1, 1, 1, 0, 1},
    {"vww 64>128", 6, 6, 64, 128, 1, 1, 1, 0, 1},
};

typedef struct job {
    hn_env env;
    hn_arena arena;
    hn_lower lower;
    const hn_driver *driver;
    void *ptr[16];
    void *scratch;
} job;

static const hn_op *row(const char *domain, const char *name)
{
    for (size_t i = 0; i < hn_ops.count; i++)
        if (!strcmp(hn_ops.rows[i]->domain, domain) && !strcmp(hn_ops.rows[i]->name, name)) return hn_ops.rows[i];
    return NULL;
}

static hn_value *tensor(job *j, hn_graph *g, const char *name, hn_dtype t, int rank, const int64_t *dims, double v)
{
    hn_tensor *x = hn_arena_alloc(&j->env, &j->arena, sizeof *x);
    if (!x || hn_tensor_init(&j->env, &j->arena, x, t, rank, dims) != HN_OK) return NULL;
    for (size_t i = 0; i < hn_tensor_elems(x); i++) hn_set_f64(x, i, v * (double)((i * 2654435761u >> 8) % 17));
    return hn_graph_const(g, name, x);
}

static bool make(job *j, const layer *l, bool bytes, const hn_machine *m, uint64_t isa)
{
    hn_env_init(&j->env);
    hn_graph *g = hn_graph_new(&j->env, &j->arena, &hn_ops, "bench");
    if (!g) return false;
    bool planes = l->c <= 3;
    const int64_t xd[] = {1, planes ? l->c : l->h, planes ? l->h : l->w, planes ? l->w : l->c},
                  wd[] = {l->m, l->c / l->group, l->kh, l->kw};
    hn_type xt = hn_type_tensor(bytes ? HN_U8 : HN_F32, 4, xd);
    hn_value *in[4] = {hn_graph_input(g, "x", &xt), tensor(j, g, "w", bytes ? HN_I8 : HN_F32, 4, wd, 1)};
    if (bytes) in[2] = tensor(j, g, "m", HN_F32, 1, &l->m, 0.0001);
    in[bytes ? 3 : 2] = tensor(j, g, "b", bytes ? HN_I32 : HN_F32, 1, &l->m, 3);
    hn_node *n = hn_node_new(g, NULL, row("hone", bytes ? "QConv" : "Conv"), "n", bytes ? 4 : 3, in, 1);
    const int64_t two[] = {l->stride, l->stride}, pads[] = {l->pad, l->pad, l->pad, l->pad};
    if (!n || hn_node_set_ints(n, "strides", two, 2) != HN_OK || hn_node_set_ints(n, "pads", pads, 4) != HN_OK ||
        hn_node_set_int(n, "group", l->group) != HN_OK || hn_node_set_int(n, "layout", 1) != HN_OK ||
        hn_node_set_int(n, "in_layout", !planes) != HN_OK || hn_node_infer(n) != HN_OK)
        return false;
    j->lower = (hn_lower){.env = &j->env, .arena = &j->arena, .node = n, .machine = m, .isa = isa, .inplace = -1};
    if (hn_device_lower(&j->lower, &j->driver, NULL, NULL) != HN_OK || !j->driver) return false;
    j->scratch = hn_zalloc(&j->env, j->lower.scratch_bytes + 64);
    for (size_t i = 0; i < j->lower.noperands; i++) {
        const hn_operand *o = &j->lower.operands[i];
        if (o->kind == HN_OPERAND_CONST)
            j->ptr[i] = o->data;
        else if (o->value && o->value->data)
            j->ptr[i] = o->value->data->data;
        else if (o->value)
            j->ptr[i] = hn_arena_alloc_aligned(&j->env, &j->arena, hn_type_bytes(&o->value->type), 64);
    }
    return j->scratch != NULL;
}

static double once(job *j, size_t inner)
{
    hn_run r = {
        .env = &j->env, .ptr = j->ptr, .params = j->lower.params, .kernels = j->lower.kernels, .scratch = j->scratch};
    uint64_t t = hn_clock_ns();
    for (size_t i = 0; i < inner; i++)
        if (j->driver->run(&r) != HN_OK) exit(1);
    return (double)(hn_clock_ns() - t) * 1e-3 / (double)inner;
}

int main(int argc, char **argv)
{
    hn_machine m;
    hn_env env;
    uint64_t isa = ~UINT64_C(0);
    hn_machine_read(&m);
    hn_env_init(&env);
    if (argc > 1 && hn_isa_parse(&env, argv[1], &isa) != HN_OK) return 2;
    printf("%-20s %10s %10s %7s %9s  drivers, isa %s\n", "layer", "f32 us", "8-bit us", "ratio", "Gop/s",
           hn_isa_name(isa & m.isa));
    double total[2] = {0, 0};
    for (size_t i = 0; i < HN_COUNT(layers); i++) {
        const layer *l = &layers[i];
        if (argc > 2 && strstr(l->name, argv[2]) == NULL) continue;
        job f = {0}, q = {0};
        if (!make(&f, l, false, &m, isa & m.isa) || !make(&q, l, true, &m, isa & m.isa)) {
            printf("%-20s not lowered\n", l->name);
            continue;
        }
        double best[2] = {1e30, 1e30};
        size_t inner[2] = {1 + (size_t)(2000 / once(&f, 1)), 1 + (size_t)(2000 / once(&q, 1))};
        for (int rep = 0; rep < 9; rep++) {
            double a = once(&f, inner[0]), b = once(&q, inner[1]);
            best[0] = a < best[0] ? a : best[0];
            best[1] = b < best[1] ? b : best[1];
        }
        const hn_type *y = &q.lower.node->out[0]->type;
        double ops = 2.0 * (double)hn_type_elems(y) * (double)(l->c / l->group * l->kh * l->kw);
        printf("%-20s %10.1f %10.1f %7.2f %9.1f  %s %s\n", l->name, best[0], best[1], best[0] / best[1],
               ops / best[1] * 1e-3, f.driver->name, q.driver->name);
        total[0] += best[0], total[1] += best[1];
        hn_free(&f.env, f.scratch), hn_free(&q.env, q.scratch);
        hn_arena_fini(&f.env, &f.arena), hn_arena_fini(&q.env, &q.arena);
    }
    printf("%-20s %10.1f %10.1f %7.2f\n", "sum", total[0], total[1], total[0] / total[1]);
    return 0;
}
