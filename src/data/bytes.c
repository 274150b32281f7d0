/* bytes: files that may be gzipped; zlib is opened when one is. Inflating stops at a limit, so that a small file cannot
 * ask for all memory. */
#include "data/data_priv.h"

#include "base/late.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, MAX_STEP = 1 << 30 };

typedef struct library {
    HN_LATE_MEMBER(inflateInit2_);
    HN_LATE_MEMBER(inflate);
    HN_LATE_MEMBER(inflateReset);
    HN_LATE_MEMBER(inflateEnd);
} library;

static hn_status open_library(hn_env *env, library *lib)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(lib, inflateInit2_),
        HN_LATE_SYMBOL(lib, inflate),
        HN_LATE_SYMBOL(lib, inflateReset),
        HN_LATE_SYMBOL(lib, inflateEnd),
    };
    return hn_late_open(env, HONE_SONAME_z, symbols, HN_COUNT(symbols));
}

static bool is_gzip(const uint8_t *b, size_t n)
{
    return n >= 18 && b[0] == 0x1f && b[1] == 0x8b;
}

static voidpf zlib_alloc(voidpf env, uInt items, uInt size)
{
    size_t bytes = 0;
    if (!hn_size_mul(items, size, &bytes)) return Z_NULL;
    return hn_alloc(env, bytes);
}

static void zlib_free(voidpf env, voidpf p)
{
    hn_free(env, p);
}

/* Doubling keeps the copying linear; the last gzip word holds the size modulo 2^32 and is a good first guess. */
static hn_status grow(hn_env *env, uint8_t **buf, size_t used, size_t *cap, size_t want)
{
    uint8_t *next = hn_alloc(env, want);
    if (!next) return env->error.status;
    if (used) memcpy(next, *buf, used);
    hn_free(env, *buf);
    *buf = next;
    *cap = want;
    return HN_OK;
}

static size_t first_guess(const uint8_t *b, size_t size, size_t max_bytes)
{
    const uint8_t *p = b + size - 4;
    size_t isize = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    /* Deflate cannot exceed 1032:1. */
    size_t bound = size > SIZE_MAX / 1032 ? SIZE_MAX : size * 1032;
    return hn_max_size(64, hn_min_size(hn_min_size(isize, bound), max_bytes)) + 1;
}

static hn_status inflate_all(hn_env *env, const library *lib, z_stream *z, const uint8_t *src, size_t size,
                             size_t max_bytes, uint8_t **buf, size_t *out_size)
{
    size_t used = 0, cap = 0, taken = 0;
    HN_TRY(grow(env, buf, 0, &cap, first_guess(src, size, max_bytes)));
    for (;;) {
        if (used == cap) {
            if (used > max_bytes) {
                hn_status st = hn_fail(env, HN_LIMIT, "unpacked data is above the limit of %zu bytes", max_bytes);
                hn_hint(env, "unpack the file first, or raise the limit");
                return st;
            }
            HN_TRY(grow(env, buf, used, &cap, cap > max_bytes / 2 ? max_bytes + 1 : 2 * cap));
        }
        uInt in = (uInt)hn_min_size(size - taken, MAX_STEP), room = (uInt)hn_min_size(cap - used, MAX_STEP);
        z->next_in = (Bytef *)(uintptr_t)(src + taken);
        z->avail_in = in;
        z->next_out = *buf + used;
        z->avail_out = room;
        int rc = lib->inflate(z, Z_NO_FLUSH);
        taken += in - z->avail_in;
        used += room - z->avail_out;
        if (rc == Z_STREAM_END) {
            if (!is_gzip(src + taken, size - taken)) break; /* trailing bytes are ignored, as gzip does */
            if (lib->inflateReset(z) != Z_OK) return hn_fail(env, HN_BUG, "zlib could not start again");
        } else if (rc == Z_MEM_ERROR) {
            return hn_fail(env, HN_NOMEM, "no memory for zlib");
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return hn_fail(env, HN_INPUT, "the gzip data is broken at byte %zu: %s", taken,
                           z->msg ? z->msg : "bad stream");
        } else if (taken == size && z->avail_out != 0) {
            return hn_fail(env, HN_INPUT, "the gzip data ends early, at byte %zu", taken);
        }
    }
    if (used > max_bytes) return hn_fail(env, HN_LIMIT, "unpacked data is above the limit of %zu bytes", max_bytes);
    *out_size = used;
    return HN_OK;
}

hn_status hn_gunzip(hn_env *env, const void *data, size_t size, size_t max_bytes, uint8_t **out, size_t *out_size)
{
    if (!is_gzip(data, size)) return hn_fail(env, HN_INPUT, "not gzip data");
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = env};
    library lib;
    HN_TRY(open_library(env, &lib));
    if (lib.inflateInit2_(&z, GZIP_WINDOW, ZLIB_VERSION, (int)sizeof z) != Z_OK)
        return hn_fail(env, HN_NOMEM, "no memory for zlib");
    uint8_t *buf = NULL;
    hn_status st = inflate_all(env, &lib, &z, data, size, hn_min_size(max_bytes, SIZE_MAX / 4), &buf, out_size);
    (void)lib.inflateEnd(&z);
    if (st != HN_OK) {
        hn_free(env, buf);
        return st;
    }
    *out = buf;
    return HN_OK;
}

hn_status hn_bytes_open(hn_env *env, const char *path, size_t max_bytes, hn_bytes *out)
{
    *out = (hn_bytes){0};
    HN_TRY(hn_map_open(env, path, &out->map));
    out->data = out->map.data;
    out->size = out->map.size;
    if (!is_gzip(out->map.data, out->map.size)) return HN_OK;
    hn_status st = hn_gunzip(env, out->map.data, out->map.size, max_bytes, &out->heap, &out->size);
    out->data = out->heap;
    hn_map_close(&out->map);
    if (st != HN_OK) hn_bytes_close(env, out);
    return hn_context(env, st, "in %s", path);
}

void hn_bytes_close(hn_env *env, hn_bytes *b)
{
    hn_map_close(&b->map);
    hn_free(env, b->heap);
    *b = (hn_bytes){0};
}

size_t hn_bytes_peek(hn_env *env, const char *path, uint8_t *dst, size_t n)
{
    library lib;
    hn_map map;
    z_stream z = {.next_out = dst, .avail_out = (uInt)hn_min_size(n, MAX_STEP)};
    if (!hn_path_is_file(path)) return 0;
    hn_status st = hn_map_open(env, path, &map);
    size_t got = st == HN_OK ? hn_min_size(n, map.size) : 0;
    if (st == HN_OK && is_gzip(map.data, map.size)) {
        got = 0;
        st = open_library(env, &lib);
        if (st == HN_OK && lib.inflateInit2_(&z, GZIP_WINDOW, ZLIB_VERSION, (int)sizeof z) == Z_OK) {
            z.next_in = (Bytef *)(uintptr_t)map.data;
            z.avail_in = (uInt)hn_min_size(map.size, MAX_STEP);
            (void)lib.inflate(&z, Z_SYNC_FLUSH);
            got = (size_t)(z.next_out - dst);
            (void)lib.inflateEnd(&z);
        }
    } else if (got) {
        memcpy(dst, map.data, got);
    }
    hn_map_close(&map);
    if (st != HN_OK) hn_error_clear(env);
    return got;
}
