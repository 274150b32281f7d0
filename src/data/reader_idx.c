/* reader_idx: IDX files (MNIST's format), plain or gzipped. The labels of NAME-images-idx3-ubyte are looked for in
 * NAME-labels-idx1-ubyte, gzipped or not. A folder that holds exactly one images file works too. */
#include "data/data_priv.h"

#include "base/size.h"

#include <string.h>

typedef struct idx_header {
    hn_dtype dtype;
    int rank;
    int64_t dims[HN_MAX_RANK];
    size_t item_bytes; /* of one entry along the first axis */
} idx_header;

typedef struct idx {
    hn_bytes bytes;
    idx_header head;
    const uint8_t *data;
} idx;

static hn_dtype idx_dtype(uint8_t code)
{
    switch (code) {
    case 0x08: return HN_U8;
    case 0x09: return HN_I8;
    case 0x0b: return HN_I16;
    case 0x0c: return HN_I32;
    case 0x0d: return HN_F32;
    case 0x0e: return HN_F64;
    default: return HN_NONE;
    }
}

static hn_status header_read(hn_env *env, hn_cursor *c, idx_header *h)
{
    uint8_t zero[2] = {0}, code = 0, rank = 0;
    HN_TRY(hn_cursor_u8(env, c, "the IDX magic", &zero[0]));
    HN_TRY(hn_cursor_u8(env, c, "the IDX magic", &zero[1]));
    HN_TRY(hn_cursor_u8(env, c, "the IDX type", &code));
    HN_TRY(hn_cursor_u8(env, c, "the IDX rank", &rank));
    h->dtype = idx_dtype(code);
    if (zero[0] || zero[1] || h->dtype == HN_NONE)
        return hn_fail(env, HN_INPUT, "not an IDX file: it begins with %02x %02x %02x", zero[0], zero[1], code);
    if (rank < 1 || rank > HN_MAX_RANK)
        return hn_fail(env, HN_INPUT, "the IDX rank %d at byte 3 is outside 1..%d", rank, HN_MAX_RANK);
    h->rank = rank;
    for (int d = 0; d < rank; d++) {
        uint32_t v = 0;
        HN_TRY(hn_cursor_u32be(env, c, "an IDX dimension", &v));
        h->dims[d] = v;
    }
    size_t elems = 0, total = 0;
    if (!hn_dims_count(rank - 1, h->dims + 1, &elems) || !hn_dtype_bytes(h->dtype, elems, &h->item_bytes) ||
        !hn_size_mul(h->item_bytes, (size_t)h->dims[0], &total) || total != hn_cursor_left(c))
        return hn_fail(env, HN_INPUT,
                       "the IDX header promises %lld entries of %zu bytes, but %zu bytes follow at byte %zu",
                       (long long)h->dims[0], h->item_bytes, hn_cursor_left(c), c->pos);
    return HN_OK;
}

static void swap_bytes(uint8_t *p, size_t elems, size_t width)
{
    for (size_t i = 0; i < elems; i++, p += width)
        for (size_t a = 0, b = width - 1; a < b; a++, b--) {
            uint8_t t = p[a];
            p[a] = p[b];
            p[b] = t;
        }
}

static hn_status idx_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    const idx *x = ds->impl;
    const idx_header *h = &x->head;
    const uint8_t *src = x->data + index * h->item_bytes;
    const hn_preprocess *pre = &ds->options.pre;
    hn_tensor t;
    if (h->dtype == HN_U8 && h->rank == 3) {
        if (h->dims[1] > HN_PRE_MAX_SIDE || h->dims[2] > HN_PRE_MAX_SIDE)
            return hn_fail(env, HN_LIMIT, "pictures of %lld x %lld pixels are too large", (long long)h->dims[1],
                           (long long)h->dims[2]);
        hn_image im = {(uint8_t *)(uintptr_t)src, (int)h->dims[2], (int)h->dims[1], 1};
        HN_TRY(hn_preprocess_image(env, arena, pre, &im, true, &t));
    } else {
        hn_tensor raw;
        HN_TRY(hn_tensor_init(env, arena, &raw, h->dtype, h->rank - 1, h->dims + 1));
        if (raw.bytes) memcpy(raw.data, src, raw.bytes);
        size_t width = hn_dtype_bits(h->dtype) / 8;
        swap_bytes(raw.data, raw.bytes / width, width);
        HN_TRY(hn_preprocess_array(env, arena, pre, &raw, &t));
    }
    return hn_sample_one(env, arena, &t, out);
}

static void idx_close(hn_env *env, hn_dataset *ds)
{
    idx *x = ds->impl;
    hn_bytes_close(env, &x->bytes);
}

/* The labels file's path, or NULL when there is none. */
static hn_status labels_path(hn_env *env, hn_arena *arena, const char *images, const char **out)
{
    static const char *const from[] = {"images-idx3", "images.idx3", "images-idx2", "images-idx4"};
    static const char *const to[] = {"labels-idx1", "labels.idx1", "labels-idx1", "labels-idx1"};
    *out = NULL;
    const char *base = hn_path_base(images);
    for (size_t i = 0; i < HN_COUNT(from); i++) {
        const char *hit = strstr(base, from[i]);
        if (!hit) continue;
        const char *rest = hit + strlen(from[i]);
        size_t rest_size = strlen(rest);
        if (hn_path_has_ext(rest, ".gz")) rest_size -= 3;
        for (int gz = 0; gz < 2; gz++) {
            char *path = hn_arena_printf(env, arena, "%.*s%s%.*s%s", (int)(hit - images), images, to[i], (int)rest_size,
                                         rest, gz ? ".gz" : "");
            if (!path) return env->error.status;
            if (hn_path_is_file(path)) {
                *out = path;
                return HN_OK;
            }
        }
    }
    return HN_OK;
}

static hn_status labels_read(hn_env *env, hn_dataset *ds, const char *path, const hn_bytes *b)
{
    hn_cursor c = hn_cursor_make(b->data, b->size);
    idx_header h;
    HN_TRY(header_read(env, &c, &h));
    if (h.rank != 1 || (h.dtype != HN_U8 && h.dtype != HN_I32))
        return hn_fail(env, HN_INPUT, "labels must be a list of u8 or i32");
    if ((size_t)h.dims[0] != ds->count)
        return hn_fail(env, HN_INPUT, "%s has %lld labels for %zu pictures", path, (long long)h.dims[0], ds->count);
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    if (!label) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) {
        const uint8_t *p = c.data + c.pos + i * h.item_bytes;
        label[i] = h.dtype == HN_U8
                       ? p[0]
                       : (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
    }
    return hn_labels_set(env, ds, label);
}

/* The one images file of a folder; NULL when there is none or more than one. */
static hn_status images_in(hn_env *env, hn_arena *arena, const char *dir, const char **out, size_t *found)
{
    char **names = NULL;
    size_t n = 0;
    *out = NULL;
    *found = 0;
    HN_TRY(hn_dir_list(env, arena, dir, &names, &n));
    for (size_t i = 0; i < n; i++)
        if (strstr(names[i], "images-idx") || strstr(names[i], "images.idx")) {
            *out = hn_path_join(env, arena, dir, names[i]);
            if (!*out) return env->error.status;
            ++*found;
        }
    return HN_OK;
}

static hn_status idx_open(hn_env *env, const char *path, hn_dataset *ds)
{
    idx *x = hn_arena_alloc(env, &ds->arena, sizeof *x);
    if (!x) return env->error.status;
    if (hn_path_is_dir(path)) {
        size_t found = 0;
        const char *dir = path;
        HN_TRY(images_in(env, &ds->arena, dir, &path, &found));
        if (found != 1) {
            hn_status st = hn_fail(env, HN_INPUT, "the folder holds %zu IDX picture files", found);
            hn_hint(env, "name the file, for example %s/train-images-idx3-ubyte.gz", dir);
            return st;
        }
    }
    HN_TRY(hn_bytes_open(env, path, ds->options.max_bytes, &x->bytes));
    ds->impl = x;
    ds->read = idx_read;
    ds->close = idx_close;
    hn_cursor c = hn_cursor_make(x->bytes.data, x->bytes.size);
    HN_TRY(header_read(env, &c, &x->head));
    x->data = c.data + c.pos;
    ds->count = (size_t)x->head.dims[0];
    if (x->head.item_bytes == 0) ds->count = 0;
    const char *labels = NULL;
    HN_TRY(labels_path(env, &ds->arena, path, &labels));
    if (!labels || ds->count == 0) return HN_OK;
    hn_bytes b;
    HN_TRY(hn_bytes_open(env, labels, ds->options.max_bytes, &b));
    hn_status st = labels_read(env, ds, labels, &b);
    hn_bytes_close(env, &b);
    return hn_context(env, st, "in %s", labels);
}

static hn_status idx_probe(hn_env *env, const char *path, int *score)
{
    if (hn_path_is_dir(path)) {
        hn_arena scratch = {0};
        const char *file = NULL;
        size_t found = 0;
        hn_status st = images_in(env, &scratch, path, &file, &found);
        if (st == HN_IO || st == HN_INPUT) {
            hn_error_clear(env);
            st = HN_OK;
        }
        *score = found ? 70 : 0;
        hn_arena_fini(env, &scratch);
        return st;
    }
    uint8_t h[8];
    if (hn_bytes_peek(env, path, h, sizeof h) == sizeof h && h[0] == 0 && h[1] == 0 && idx_dtype(h[2]) != HN_NONE &&
        h[3] >= 1 && h[3] <= HN_MAX_RANK)
        *score = 70;
    return HN_OK;
}

const hn_reader hn_reader_idx = {
    .name = "idx",
    .doc = "IDX arrays (MNIST), plain or .gz; labels of NAME-images-idx3-ubyte come from NAME-labels-idx1-ubyte.",
    .probe = idx_probe,
    .open = idx_open,
};
