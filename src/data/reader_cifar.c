/* reader_cifar: CIFAR binary records, plain or gzipped: one label byte (CIFAR-10) or a coarse and a fine one
 * (CIFAR-100, the fine label counts), then R, G and B planes of 32x32. */
#include "data/data_priv.h"

#include "base/size.h"

#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, COARSE = 20 };

typedef struct cifar {
    hn_bytes bytes;
    size_t record; /* bytes */
} cifar;

/* Every record of the form must have labels in range; 0 when no form fits. */
static size_t record_size(const uint8_t *b, size_t size)
{
    static const int limit[2][2] = {{10, 0}, {COARSE, 100}};
    for (size_t labels = 1; labels <= 2; labels++) {
        size_t record = labels + PIXELS;
        bool fits = size > 0 && size % record == 0;
        for (size_t at = 0; fits && at < size; at += record)
            for (size_t k = 0; k < labels; k++) fits = fits && b[at + k] < limit[labels - 1][k];
        if (fits) return record;
    }
    return 0;
}

static hn_status cifar_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    const cifar *c = ds->impl;
    const uint8_t *planes = c->bytes.data + index * c->record + (c->record - PIXELS);
    hn_image im = {hn_arena_alloc(env, arena, PIXELS), SIDE, SIDE, 3};
    if (!im.pixels) return env->error.status;
    for (size_t i = 0; i < PLANE; i++)
        for (size_t ch = 0; ch < 3; ch++) im.pixels[3 * i + ch] = planes[ch * PLANE + i];
    hn_tensor t;
    HN_TRY(hn_preprocess_image(env, arena, &ds->options.pre, &im, true, &t));
    return hn_sample_one(env, arena, &t, out);
}

static void cifar_close(hn_env *env, hn_dataset *ds)
{
    cifar *c = ds->impl;
    hn_bytes_close(env, &c->bytes);
}

static hn_status cifar_open(hn_env *env, const char *path, hn_dataset *ds)
{
    cifar *c = hn_arena_alloc(env, &ds->arena, sizeof *c);
    if (!c) return env->error.status;
    HN_TRY(hn_bytes_open(env, path, ds->options.max_bytes, &c->bytes));
    ds->impl = c;
    ds->read = cifar_read;
    ds->close = cifar_close;
    c->record = record_size(c->bytes.data, c->bytes.size);
    if (c->record == 0) {
        size_t over = c->bytes.size % (1 + PIXELS);
        if (over)
            return hn_fail(env, HN_INPUT, "%zu bytes are no whole number of CIFAR records of %d or %d bytes",
                           c->bytes.size, 1 + PIXELS, 2 + PIXELS);
        size_t at = 0;
        while (at < c->bytes.size && c->bytes.data[at] < 10) at += 1 + PIXELS;
        if (at >= c->bytes.size) return hn_fail(env, HN_INPUT, "the file is empty");
        return hn_fail(env, HN_INPUT, "record %zu at byte %zu has label %d; CIFAR-10 labels are 0 to 9",
                       at / (1 + PIXELS), at, c->bytes.data[at]);
    }
    ds->count = c->bytes.size / c->record;
    ds->classes = c->record == 1 + PIXELS ? 10 : 100;
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    if (!label) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) label[i] = c->bytes.data[i * c->record + (c->record - PIXELS) - 1];
    return hn_labels_set(env, ds, label);
}

static hn_status cifar_probe(hn_env *env, const char *path, int *score)
{
    uint8_t head[2 + PIXELS];
    if (!hn_path_has_ext(path, ".bin") && !hn_path_has_ext(path, ".gz")) return HN_OK;
    if (hn_bytes_peek(env, path, head, sizeof head) < 1 + PIXELS) return HN_OK;
    bool named = strstr(hn_path_base(path), ".bin") != NULL;
    *score = named && (head[0] < 10 || (head[0] < COARSE && head[1] < 100)) ? 50 : 0;
    return HN_OK;
}

const hn_reader hn_reader_cifar = {
    .name = "cifar",
    .doc = "CIFAR-10 or CIFAR-100 binary records, .bin or .bin.gz; samples are 3x32x32 pixels.",
    .probe = cifar_probe,
    .open = cifar_open,
};
