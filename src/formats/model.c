/* model: opening and closing model files, and telling their kind from their content. */
#include "formats/model.h"

#include <string.h>

#include "formats/onnx_read.h"
#include "formats/pb.h"

static bool starts(const uint8_t *d, size_t size, size_t at, const char *magic, size_t n)
{
    return size >= at + n && memcmp(d + at, magic, n) == 0;
}

/* Fields 1..26 of ModelProto with the wire types they have, to the end of the file; a file cut short still counts. */
static bool looks_onnx(const uint8_t *d, size_t size)
{
    hn_env quiet;
    hn_env_init(&quiet);
    hn_cursor c = hn_cursor_make(d, size);
    uint32_t seen = 0;
    for (;;) {
        hn_pb_field f;
        bool more = false;
        size_t at = c.pos;
        if (hn_pb_next(&quiet, &c, "model", &f, &more) != HN_OK) {
            /* The first field may be whole only in a longer file: its tag must be that of the graph or the version. */
            return (seen & 2) != 0 || (at == 0 && d[0] == 0x3a);
        }
        if (!more) return (seen & (UINT32_C(1) << 7)) != 0 || (seen & 2) != 0;
        bool varint = f.number == 1 || f.number == 5;
        bool known = f.number <= 8 || f.number == 14 || f.number == 20 || f.number == 25 || f.number == 26;
        if (!known || f.wire != (varint ? HN_PB_VARINT : HN_PB_BYTES)) return false;
        if (f.number == 1 && f.value > 1000) return false;
        seen |= UINT32_C(1) << f.number;
    }
}

static bool looks_safetensors(const uint8_t *d, size_t size)
{
    if (size < 10) return false;
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | d[i];
    return n >= 2 && n < (UINT64_C(1) << 40) && d[8] == '{';
}

static bool looks_text(const uint8_t *d, size_t size)
{
    size_t n = size < 512 ? size : 512;
    for (size_t i = 0; i < n; i++)
        if (d[i] < 9 || (d[i] > 13 && d[i] < 32) || d[i] == 127) return false;
    return true;
}

hn_filetype hn_model_sniff(const void *data, size_t size)
{
    const uint8_t *d = data;
    if (size == 0) return HN_FILE_EMPTY;
    if (starts(d, size, 0, "GGUF", 4)) return HN_FILE_GGUF;
    if (starts(d, size, 4, "TFL3", 4)) return HN_FILE_TFLITE;
    if (starts(d, size, 4, "ORTM", 4)) return HN_FILE_ORT;
    if (starts(d, size, 0, "\x89HDF", 4)) return HN_FILE_HDF5;
    if (starts(d, size, 0, "PK\x03\x04", 4)) return HN_FILE_ZIP;
    if (looks_safetensors(d, size)) return HN_FILE_SAFETENSORS;
    if (size >= 2 && d[0] == 0x80 && d[1] >= 2 && d[1] <= 5) return HN_FILE_PICKLE;
    if (looks_onnx(d, size)) return HN_FILE_ONNX;
    return looks_text(d, size) ? HN_FILE_TEXT : HN_FILE_UNKNOWN;
}

const char *hn_filetype_name(hn_filetype t)
{
    switch (t) {
    case HN_FILE_ONNX: return "an ONNX model";
    case HN_FILE_GGUF: return "a GGUF file";
    case HN_FILE_SAFETENSORS: return "a safetensors file";
    case HN_FILE_TFLITE: return "a TensorFlow Lite model";
    case HN_FILE_ORT: return "an ONNX Runtime (.ort) model";
    case HN_FILE_HDF5: return "an HDF5 file (Keras?)";
    case HN_FILE_ZIP: return "a zip archive (PyTorch, Keras or npz?)";
    case HN_FILE_PICKLE: return "a Python pickle";
    case HN_FILE_TEXT: return "a text file";
    case HN_FILE_EMPTY: return "an empty file";
    case HN_FILE_UNKNOWN: break;
    }
    return "a file of unknown kind";
}

static hn_status read_any(hn_env *env, hn_model *m, const void *data, size_t size, const char *dir,
                          const hn_model_options *options)
{
    hn_filetype t = hn_model_sniff(data, size);
    m->file_bytes = size;
    if (t == HN_FILE_ONNX) return hn_onnx_read(env, m, data, size, dir, options);
    bool wrong = t == HN_FILE_EMPTY || t == HN_FILE_TEXT || t == HN_FILE_UNKNOWN;
    hn_fail(env, wrong ? HN_INPUT : HN_UNSUPPORTED, "%s is %s, not an ONNX model", m->path, hn_filetype_name(t));
    if (starts(data, size, 0, "version https://git-lfs", 23))
        hn_hint(env, "this is a Git LFS pointer: fetch the file itself with `git lfs pull`");
    else
        hn_hint(env, "export the model as ONNX");
    return env->error.status;
}

static hn_status model_new(hn_env *env, const char *path, hn_model **out)
{
    hn_model *m = hn_zalloc(env, sizeof *m);
    *out = m;
    if (m == NULL) return env->error.status;
    m->path = hn_arena_strdup(env, &m->arena, path);
    m->producer = m->producer_version = m->domain = "";
    return m->path == NULL ? env->error.status : HN_OK;
}

static hn_status finish(hn_env *env, hn_status st, const char *path, hn_model **m)
{
    if (st == HN_OK) return st;
    hn_model_close(env, *m);
    *m = NULL;
    return hn_context(env, st, "in %s", path);
}

hn_status hn_model_open(hn_env *env, const char *path, const hn_model_options *options, hn_model **out)
{
    hn_status st = model_new(env, path, out);
    char *dir = NULL;
    if (st == HN_OK) {
        dir = hn_path_dir(env, &(*out)->arena, path);
        st = dir == NULL ? env->error.status : hn_map_open(env, path, &(*out)->map);
    }
    if (st == HN_OK) st = read_any(env, *out, (*out)->map.data, (*out)->map.size, dir, options);
    return finish(env, st, path, out);
}

hn_status hn_model_open_bytes(hn_env *env, const char *name, const void *data, size_t size,
                              const hn_model_options *options, hn_model **out)
{
    hn_status st = model_new(env, name, out);
    if (st == HN_OK) st = read_any(env, *out, data, size, NULL, options);
    return finish(env, st, name, out);
}

void hn_model_close(hn_env *env, hn_model *model)
{
    if (model == NULL) return;
    hn_onnx_maps_fini(&model->external);
    hn_map_close(&model->map);
    hn_arena_fini(env, &model->arena);
    hn_free(env, model);
}

const char *hn_model_meta(const hn_model *m, const char *key)
{
    for (size_t i = 0; i < m->nmeta; i++)
        if (strcmp(m->meta[i].key, key) == 0) return m->meta[i].value;
    return NULL;
}

hn_status hn_model_meta_set(hn_env *env, hn_model *m, const char *key, const char *value)
{
    char *k = hn_arena_strdup(env, &m->arena, key), *v = hn_arena_strdup(env, &m->arena, value);
    if (k == NULL || v == NULL) return env->error.status;
    for (size_t i = 0; i < m->nmeta; i++) {
        if (strcmp(m->meta[i].key, key) != 0) continue;
        m->meta[i].value = v;
        return HN_OK;
    }
    hn_meta *list = hn_arena_array(env, &m->arena, m->nmeta + 1, sizeof *list);
    if (list == NULL) return env->error.status;
    if (m->nmeta > 0) memcpy(list, m->meta, m->nmeta * sizeof *list);
    list[m->nmeta++] = (hn_meta){k, v};
    m->meta = list;
    return HN_OK;
}

int64_t hn_model_opset(const hn_model *m, const char *domain)
{
    for (size_t i = 0; i < m->nopsets; i++)
        if (strcmp(m->opsets[i].domain, domain) == 0) return m->opsets[i].version;
    return 0;
}

const char *hn_model_sha256(hn_model *m)
{
    if (m->sha256[0] == '\0' && m->map.data != NULL) hn_sha256_hex(m->map.data, m->map.size, m->sha256);
    return m->sha256;
}
