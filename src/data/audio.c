/* audio: sound files in memory to one channel of floats, through libsndfile's virtual files. */
#include "data/audio.h"

#include "base/cursor.h"
#include "base/late.h"
#include "base/size.h"

#include <string.h>

#include <sndfile.h>

enum { MAX_CHANNELS = 64, BLOCK_FRAMES = 4096 };

typedef struct library {
    HN_LATE_MEMBER(sf_close);
    HN_LATE_MEMBER(sf_open_virtual);
    HN_LATE_MEMBER(sf_readf_float);
    HN_LATE_MEMBER(sf_strerror);
} library;

static hn_status open_library(hn_env *env, library *l)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(l, sf_close),
        HN_LATE_SYMBOL(l, sf_open_virtual),
        HN_LATE_SYMBOL(l, sf_readf_float),
        HN_LATE_SYMBOL(l, sf_strerror),
    };
    return hn_late_open(env, HONE_SONAME_sndfile, symbols, HN_COUNT(symbols));
}

static sf_count_t source_size(void *self)
{
    return (sf_count_t)((hn_cursor *)self)->size;
}
static sf_count_t source_tell(void *self)
{
    return (sf_count_t)((hn_cursor *)self)->pos;
}

static sf_count_t source_seek(sf_count_t offset, int whence, void *self)
{
    hn_cursor *c = self;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (sf_count_t)c->pos : (sf_count_t)c->size;
    sf_count_t to = 0;
    if (__builtin_add_overflow(from, offset, &to) || to < 0 || to > (sf_count_t)c->size) return -1;
    c->pos = (size_t)to;
    return to;
}

static sf_count_t source_read(void *dst, sf_count_t n, void *self)
{
    hn_cursor *c = self;
    if (n <= 0) return 0;
    size_t take = hn_min_size((size_t)n, hn_cursor_left(c));
    memcpy(dst, c->data + c->pos, take);
    c->pos += take;
    return (sf_count_t)take;
}

static hn_status mix(hn_env *env, hn_arena *arena, const library *lib, SNDFILE *f, const SF_INFO *info, hn_tensor *out)
{
    size_t channels = (size_t)info->channels;
    float *block = hn_alloc(env, (size_t)BLOCK_FRAMES * channels * sizeof *block);
    if (!block) return env->error.status;
    int64_t dims[1] = {info->frames};
    hn_status st = hn_tensor_init(env, arena, out, HN_F32, 1, dims);
    float *dst = out->data;
    sf_count_t at = 0;
    while (st == HN_OK && at < info->frames) {
        sf_count_t got =
            lib->sf_readf_float(f, block, info->frames - at < BLOCK_FRAMES ? info->frames - at : BLOCK_FRAMES);
        if (got <= 0) {
            st = hn_fail(env, HN_INPUT, "the sound ends at frame %lld of %lld", (long long)at, (long long)info->frames);
            break;
        }
        for (sf_count_t i = 0; i < got; i++) {
            double sum = 0;
            for (size_t c = 0; c < channels; c++) sum += (double)block[(size_t)i * channels + c];
            dst[at + i] = (float)(sum / (double)channels);
        }
        at += got;
    }
    hn_free(env, block);
    return st;
}

hn_status hn_audio_decode(hn_env *env, hn_arena *arena, const void *bytes, size_t size, size_t max_bytes,
                          hn_tensor *out, int *rate)
{
    if (max_bytes == 0) max_bytes = (size_t)4 << 30;
    static SF_VIRTUAL_IO const io = {source_size, source_seek, source_read, NULL, source_tell};
    hn_cursor c = hn_cursor_make(bytes, size);
    SF_INFO info = {0};
    SF_VIRTUAL_IO own = io;
    library lib;
    HN_TRY(open_library(env, &lib));
    SNDFILE *f = lib.sf_open_virtual(&own, SFM_READ, &info, &c);
    if (!f) return hn_fail(env, HN_INPUT, "not a sound file that can be read: %s", lib.sf_strerror(NULL));
    hn_status st = HN_OK;
    if (info.channels < 1 || info.channels > MAX_CHANNELS)
        st = hn_fail(env, HN_LIMIT, "the sound has %d channels; at most %d", info.channels, MAX_CHANNELS);
    else if (info.frames < 1)
        st = hn_fail(env, HN_INPUT, "the sound is empty");
    else if ((uint64_t)info.frames > max_bytes / sizeof(float))
        st = hn_fail(env, HN_LIMIT, "the sound of %lld frames is above the limit of %zu bytes", (long long)info.frames,
                     max_bytes);
    else
        st = mix(env, arena, &lib, f, &info, out);
    if (rate) *rate = info.samplerate;
    (void)lib.sf_close(f);
    return st;
}
