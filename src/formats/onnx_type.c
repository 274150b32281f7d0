/* onnx_type: TypeProto and ValueInfoProto. */
#include "formats/onnx_priv.h"

static hn_status read_dim(hn_onnx_scope *s, hn_cursor c, int64_t *out)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    *out = -1;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "dim", &f, &more));
        if (!more) return HN_OK;
        if (f.number == 1) {
            HN_TRY(hn_pb_expect(env, &f, HN_PB_VARINT, "dim_value"));
            int64_t v = (int64_t)f.value;
            if (v < 0) {
                hn_fail(env, HN_INPUT, "dim_value is %lld, at byte %zu", (long long)v, f.at);
                hn_hint(env, "a free dim has a name (dim_param) or no value at all");
                return env->error.status;
            }
            *out = v;
        } else if (f.number == 2) {
            HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "dim_param"));
            if (f.bytes.size == 0) continue;
            char *name = hn_arena_strndup(env, &s->r->scratch, (const char *)f.bytes.data, f.bytes.size);
            if (name == NULL) return env->error.status;
            if (name[0] == '\0') continue;
            *out = hn_graph_symbol(s->graph, name);
            if (*out == -1) return env->error.status;
        }
    }
}

static hn_status read_shape(hn_onnx_scope *s, hn_cursor c, hn_type *t)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    t->rank = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "shape", &f, &more));
        if (!more) return HN_OK;
        if (f.number != 1) continue;
        HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "shape"));
        if (t->rank == HN_MAX_RANK)
            return hn_fail(env, HN_UNSUPPORTED, "a shape with more than %d dims, at byte %zu", (int)HN_MAX_RANK, f.at);
        HN_TRY(read_dim(s, f.bytes, &t->dims[t->rank++]));
    }
}

static hn_status read_tensor_type(hn_onnx_scope *s, hn_cursor c, hn_type *t)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "tensor type", &f, &more));
        if (!more) return HN_OK;
        if (f.number == 1) {
            HN_TRY(hn_pb_expect(env, &f, HN_PB_VARINT, "elem_type"));
            if (f.value == 0) continue;
            if (f.value > INT64_MAX || !hn_dtype_valid((int64_t)f.value))
                return hn_fail(env, HN_INPUT, "element type %llu at byte %zu is not known", (unsigned long long)f.value,
                               f.at);
            t->dtype = (hn_dtype)f.value;
        } else if (f.number == 2) {
            HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "shape"));
            HN_TRY(read_shape(s, f.bytes, t));
        }
    }
}

/* The TypeProto in a field of a Sequence or Optional (1), or of a Map (2). */
static hn_status read_elem_type(hn_onnx_scope *s, hn_cursor c, uint32_t field, int depth, hn_type *t);

/* TypeProto.Map: keys are integers of any width, which stand as i64, or strings. */
static hn_status read_map_type(hn_onnx_scope *s, hn_cursor c, int depth, hn_type *t)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    hn_dtype key = HN_NONE;
    HN_TRY(read_elem_type(s, c, 2, depth, t));
    if (t->kind != HN_KIND_TENSOR)
        return hn_fail(env, HN_UNSUPPORTED, "a map to other values than tensors, at byte %zu", hn_pb_at(&c));
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "map type", &f, &more));
        if (!more) break;
        if (f.number != 1) continue;
        HN_TRY(hn_pb_expect(env, &f, HN_PB_VARINT, "key_type"));
        if (f.value == HN_STRING)
            key = HN_STRING;
        else if (f.value < HN_DTYPES && (HN_BIT(f.value) & HN_T_INT) != 0)
            key = HN_I64;
        else
            return hn_fail(env, HN_INPUT, "key type %llu at byte %zu is not an integer or string",
                           (unsigned long long)f.value, f.at);
    }
    t->kind = HN_KIND_MAP;
    t->key = key;
    return HN_OK;
}

static hn_status read_type(hn_onnx_scope *s, hn_cursor c, int depth, hn_type *t)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    *t = hn_type_tensor(HN_NONE, -1, NULL);
    if (depth > 3) return hn_fail(env, HN_UNSUPPORTED, "a type nested too deeply, at byte %zu", hn_pb_at(&c));
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "type", &f, &more));
        if (!more) return HN_OK;
        if (f.number == 6) continue; /* denotation */
        if (f.number == 1 || f.number == 4 || f.number == 5 || f.number == 9)
            HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "type"));
        switch (f.number) {
        case 1: HN_TRY(read_tensor_type(s, f.bytes, t)); break;
        case 4:
            HN_TRY(read_elem_type(s, f.bytes, 1, depth, t));
            if (t->kind != HN_KIND_TENSOR && t->kind != HN_KIND_MAP)
                return hn_fail(env, HN_UNSUPPORTED, "a sequence of sequences or optionals, at byte %zu", f.at);
            t->kind = t->kind == HN_KIND_MAP ? HN_KIND_SEQUENCE_MAP : HN_KIND_SEQUENCE;
            break;
        case 9:
            HN_TRY(read_elem_type(s, f.bytes, 1, depth, t));
            if (t->kind == HN_KIND_TENSOR)
                t->kind = HN_KIND_OPTIONAL;
            else if (t->kind == HN_KIND_SEQUENCE)
                t->kind = HN_KIND_OPTIONAL_SEQUENCE;
            else
                return hn_fail(env, HN_UNSUPPORTED, "an optional of an optional or a map, at byte %zu", f.at);
            break;
        case 5: HN_TRY(read_map_type(s, f.bytes, depth, t)); break;
        case 7: return hn_fail(env, HN_UNSUPPORTED, "an opaque type, at byte %zu", f.at);
        case 8: return hn_fail(env, HN_UNSUPPORTED, "a sparse tensor type, at byte %zu", f.at);
        default: break;
        }
    }
}

static hn_status read_elem_type(hn_onnx_scope *s, hn_cursor c, uint32_t field, int depth, hn_type *t)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    *t = hn_type_tensor(HN_NONE, -1, NULL);
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "type", &f, &more));
        if (!more) return HN_OK;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "type"));
        HN_TRY(read_type(s, f.bytes, depth + 1, t));
    }
}

hn_status hn_onnx_type(hn_onnx_scope *s, hn_cursor c, hn_type *out)
{
    return read_type(s, c, 0, out);
}

hn_status hn_onnx_value_info(hn_onnx_reader *r, hn_cursor c, hn_str *name, hn_cursor *type)
{
    hn_pb_field f;
    *name = (hn_str){"", 0};
    *type = (hn_cursor){0};
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "value info", &f, &more));
        if (!more) return HN_OK;
        if (f.number != 1 && f.number != 2) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "value info"));
        if (f.number == 1)
            *name = (hn_str){(const char *)f.bytes.data, f.bytes.size};
        else
            *type = f.bytes;
    }
}
