/* onnx_value: SequenceProto, OptionalProto and MapProto <-> lists (tensor/tensor.h), and files that are one of them.
 * What a file holds is told by the type that the model declares: these messages do not tell it themselves. Entries are
 * counted before memory is taken, nesting is bounded. Field numbers are those of onnx-data.proto. */
#include "formats/onnx_value.h"

#include <string.h>

#include "base/size.h"
#include "formats/onnx_tensor.h"
#include "formats/pb.h"

/* Fields of SequenceProto and OptionalProto, which agree. */
enum { V_NAME = 1, V_KIND = 2, V_TENSOR = 3, V_SPARSE = 4, V_SEQUENCE = 5, V_MAP = 6, V_OPTIONAL = 7 };
/* Values of elem_type. */
enum { E_TENSOR = 1, E_SEQUENCE = 3, E_MAP = 4 };
enum { M_KEY_TYPE = 2, M_KEYS = 3, M_STRING_KEYS = 4, M_VALUES = 5 };

typedef struct reader {
    hn_env *env;
    hn_arena *arena;
    hn_onnx_source source;
} reader;

static hn_status read_value(reader *r, hn_cursor c, hn_dtype list, int depth, hn_tensor *out);

static bool is_entry(const hn_pb_field *f)
{
    return f->number >= V_TENSOR && f->number <= V_OPTIONAL;
}

static hn_status read_entry(reader *r, const hn_pb_field *f, int depth, hn_tensor *out)
{
    const char *name;
    hn_cursor c = f->bytes;
    switch (f->number) {
    case V_TENSOR: return hn_onnx_tensor_parse(r->env, r->arena, &c, &r->source, out, &name);
    case V_SPARSE: return hn_onnx_sparse_parse(r->env, r->arena, &c, &r->source, out, &name);
    case V_SEQUENCE: return read_value(r, c, HN_SEQ, depth + 1, out);
    case V_MAP: return read_value(r, c, HN_MAP, depth + 1, out);
    default: return read_value(r, c, HN_OPT, depth + 1, out);
    }
}

static hn_status read_list(reader *r, hn_cursor c, hn_dtype list, int depth, hn_tensor *out)
{
    hn_cursor again = c;
    hn_pb_field f;
    size_t n = 0, i = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, hn_dtype_name(list), &f, &more));
        if (!more) break;
        if (!is_entry(&f)) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, hn_dtype_name(list)));
        n++;
    }
    if (list == HN_OPT && n > 1) return hn_fail(r->env, HN_INPUT, "an optional with %zu values", n);
    HN_TRY(hn_tensor_list(r->env, r->arena, out, list, n));
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &again, hn_dtype_name(list), &f, &more));
        if (!more) return HN_OK;
        if (!is_entry(&f)) continue;
        HN_TRY(hn_context(r->env, read_entry(r, &f, depth, hn_tensor_item(out, i)), "entry %zu", i));
        i++;
    }
}

/* Values that are all single numbers of one type become one tensor. */
static hn_status join_values(reader *r, hn_tensor *values)
{
    size_t n = hn_tensor_elems(values);
    for (size_t i = 0; i < n; i++) {
        const hn_tensor *t = hn_tensor_item(values, i);
        if (hn_dtype_is_list(t->dtype) || hn_tensor_elems(t) != 1 || t->rank > 1 || hn_dtype_bits(t->dtype) < 8 ||
            t->dtype != hn_tensor_item(values, 0)->dtype)
            return HN_OK;
    }
    if (n == 0) return HN_OK;
    hn_tensor one;
    HN_TRY(hn_tensor_init(r->env, r->arena, &one, hn_tensor_item(values, 0)->dtype, 1, (int64_t[]){(int64_t)n}));
    size_t width = one.bytes / n;
    for (size_t i = 0; i < n; i++) memcpy((char *)one.data + i * width, hn_tensor_item(values, i)->data, width);
    *values = one;
    return HN_OK;
}

/* Keys come one by one or packed; the first walk counts them. */
static hn_status read_keys(reader *r, hn_cursor c, size_t ints, size_t strings, hn_tensor *out)
{
    hn_pb_field f;
    size_t i = 0;
    HN_TRY(hn_tensor_init(r->env, r->arena, out, strings ? HN_STRING : HN_I64, 1,
                          (int64_t[]){(int64_t)(strings ? strings : ints)}));
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "map", &f, &more));
        if (!more) return HN_OK;
        if (f.number == M_KEYS) {
            size_t n;
            HN_TRY(hn_pb_scalars(r->env, &f, HN_PB_VARINT, "map keys", (uint64_t *)out->data + i, ints - i, &n));
            i += n;
        } else if (f.number == M_STRING_KEYS) {
            char *s = hn_arena_strndup(r->env, r->arena, (const char *)f.bytes.data, f.bytes.size);
            if (!s) return r->env->error.status;
            ((hn_str *)out->data)[i++] = (hn_str){s, f.bytes.size};
        }
    }
}

static hn_status read_map(reader *r, hn_cursor c, int depth, hn_tensor *out)
{
    hn_cursor again = c, values = {0};
    hn_pb_field f;
    size_t ints = 0, strings = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "map", &f, &more));
        if (!more) break;
        size_t n = 0;
        if (f.number == M_KEYS) HN_TRY(hn_pb_count(r->env, &f, HN_PB_VARINT, "map keys", &n));
        ints += n;
        if (f.number == M_STRING_KEYS || f.number == M_VALUES) HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "map"));
        strings += f.number == M_STRING_KEYS;
        if (f.number == M_VALUES) values = f.bytes;
    }
    if (ints && strings) return hn_fail(r->env, HN_INPUT, "a map with keys of two kinds");
    HN_TRY(hn_tensor_list(r->env, r->arena, out, HN_MAP, 2));
    hn_tensor *item = hn_tensor_item(out, 0);
    HN_TRY(read_keys(r, again, ints, strings, &item[0]));
    HN_TRY(read_value(r, values, HN_SEQ, depth + 1, &item[1]));
    if (hn_tensor_elems(&item[1]) != hn_tensor_elems(&item[0]))
        return hn_fail(r->env, HN_INPUT, "a map with %zu keys and %zu values", hn_tensor_elems(&item[0]),
                       hn_tensor_elems(&item[1]));
    return join_values(r, &item[1]);
}

static hn_status read_value(reader *r, hn_cursor c, hn_dtype list, int depth, hn_tensor *out)
{
    if (depth >= HN_MAX_NESTING)
        return hn_fail(r->env, HN_LIMIT, "values nested more than %d deep, at byte %zu", (int)HN_MAX_NESTING,
                       hn_pb_at(&c));
    return list == HN_MAP ? read_map(r, c, depth, out) : read_list(r, c, list, depth, out);
}

hn_status hn_onnx_value_parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_type *type, hn_tensor *out)
{
    reader r = {env, arena, {.copy = true}};
    const char *name;
    memset(out, 0, sizeof *out);
    if (type->kind == HN_KIND_TENSOR) return hn_onnx_tensor_parse(env, arena, c, &r.source, out, &name);
    return read_value(&r, *c, hn_type_list_dtype(type), 0, out);
}

hn_status hn_onnx_value_load(hn_env *env, hn_arena *arena, const char *path, const hn_type *type, hn_tensor *out)
{
    const char *name;
    if (type->kind == HN_KIND_TENSOR) return hn_onnx_tensor_load(env, arena, path, out, &name);
    hn_map map;
    HN_TRY(hn_map_open(env, path, &map));
    hn_cursor c = hn_cursor_make(map.data, map.size);
    hn_status st = hn_onnx_value_parse(env, arena, &c, type, out);
    hn_map_close(&map);
    return hn_context(env, st, "in %s", path);
}

/* ---- writing ---- */

static void write_list(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name);

static void write_entry(hn_env *env, hn_buf *b, const hn_tensor *t)
{
    static const uint32_t field[] = {V_SEQUENCE, V_OPTIONAL, V_MAP};
    bool list = hn_dtype_is_list(t->dtype);
    size_t mark = hn_pb_begin(env, b, list ? field[t->dtype - HN_SEQ] : V_TENSOR);
    if (list)
        write_list(env, b, t, NULL);
    else
        hn_onnx_tensor_write(env, b, t, NULL);
    hn_pb_end(env, b, mark);
}

static void write_map(hn_env *env, hn_buf *b, const hn_tensor *t)
{
    const hn_tensor *keys = hn_tensor_item(t, 0), *values = hn_tensor_item(t, 1);
    size_t n = hn_tensor_elems(keys);
    hn_pb_put_int(env, b, M_KEY_TYPE, (int64_t)keys->dtype);
    for (size_t i = 0; i < n; i++) {
        const hn_str *s = keys->dtype == HN_STRING ? (const hn_str *)keys->data + i : NULL;
        if (s)
            hn_pb_put_bytes(env, b, M_STRING_KEYS, s->data, s->size);
        else
            hn_pb_put_int(env, b, M_KEYS, hn_get_i64(keys, i));
    }
    size_t mark = hn_pb_begin(env, b, M_VALUES);
    if (values->dtype == HN_SEQ) {
        write_list(env, b, values, NULL);
    } else {
        size_t width = n ? values->bytes / n : 0;
        hn_pb_put_int(env, b, V_KIND, E_TENSOR);
        for (size_t i = 0; i < n; i++) {
            hn_tensor one = {.dtype = values->dtype, .bytes = width, .data = (char *)values->data + i * width};
            write_entry(env, b, &one);
        }
    }
    hn_pb_end(env, b, mark);
}

static void write_list(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name)
{
    if (name) hn_pb_put_str(env, b, V_NAME, name);
    if (t->dtype == HN_MAP) {
        write_map(env, b, t);
        return;
    }
    size_t n = hn_tensor_elems(t);
    hn_dtype first = n ? hn_tensor_item(t, 0)->dtype : HN_NONE;
    if (n || t->dtype == HN_SEQ)
        hn_pb_put_int(env, b, V_KIND, first == HN_SEQ ? E_SEQUENCE : first == HN_MAP ? E_MAP : E_TENSOR);
    for (size_t i = 0; i < n; i++) write_entry(env, b, hn_tensor_item(t, i));
}

void hn_onnx_value_write(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name)
{
    if (hn_dtype_is_list(t->dtype))
        write_list(env, b, t, name);
    else
        hn_onnx_tensor_write(env, b, t, name);
}

hn_status hn_onnx_value_save(hn_env *env, const hn_tensor *t, const char *name, const char *path)
{
    hn_buf b = {0};
    hn_onnx_value_write(env, &b, t, name);
    hn_status st = hn_buf_status(&b);
    if (st == HN_OK) st = hn_file_write(env, path, b.data, b.size);
    hn_buf_fini(env, &b);
    return st;
}
