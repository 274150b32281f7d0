/* archive: zip and tar files of any compression libarchive knows, unpacked to memory within a byte limit. Headers lie
 * about sizes, so members are read in blocks and the limit is applied to what really arrives. */
#include "data/data_priv.h"

#include "base/late.h"
#include "base/size.h"

#include <string.h>

#include <archive.h>
#include <archive_entry.h>

struct hn_chunk {
    struct hn_chunk *next;
    size_t used, cap;
    uint8_t data[];
};

enum { CHUNK_BYTES = 1 << 20, BLOCK_BYTES = 1 << 16 };

typedef struct library {
    HN_LATE_MEMBER(archive_entry_filetype);
    HN_LATE_MEMBER(archive_entry_pathname);
    HN_LATE_MEMBER(archive_error_string);
    HN_LATE_MEMBER(archive_filter_bytes);
    HN_LATE_MEMBER(archive_read_data);
    HN_LATE_MEMBER(archive_read_free);
    HN_LATE_MEMBER(archive_read_new);
    HN_LATE_MEMBER(archive_read_next_header);
    HN_LATE_MEMBER(archive_read_open_memory);
    HN_LATE_MEMBER(archive_read_support_filter_all);
    HN_LATE_MEMBER(archive_read_support_format_tar);
    HN_LATE_MEMBER(archive_read_support_format_zip);
} library;

static hn_status open_library(hn_env *env, library *l)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(l, archive_entry_filetype),
        HN_LATE_SYMBOL(l, archive_entry_pathname),
        HN_LATE_SYMBOL(l, archive_error_string),
        HN_LATE_SYMBOL(l, archive_filter_bytes),
        HN_LATE_SYMBOL(l, archive_read_data),
        HN_LATE_SYMBOL(l, archive_read_free),
        HN_LATE_SYMBOL(l, archive_read_new),
        HN_LATE_SYMBOL(l, archive_read_next_header),
        HN_LATE_SYMBOL(l, archive_read_open_memory),
        HN_LATE_SYMBOL(l, archive_read_support_filter_all),
        HN_LATE_SYMBOL(l, archive_read_support_format_tar),
        HN_LATE_SYMBOL(l, archive_read_support_format_zip),
    };
    return hn_late_open(env, HONE_SONAME_archive, symbols, HN_COUNT(symbols));
}

typedef struct unpacker {
    library lib;
    hn_env *env;
    hn_arena *arena;
    struct archive *in;
    size_t left; /* bytes that may still be unpacked */
    size_t max_bytes;
    size_t cap;
    hn_archive *out;
} unpacker;

static hn_status chunk_add(unpacker *u, size_t need)
{
    size_t bytes = 0;
    if (!hn_size_add(hn_max_size(need, CHUNK_BYTES), sizeof(struct hn_chunk), &bytes))
        return hn_fail(u->env, HN_LIMIT, "an archive member is too large");
    struct hn_chunk *c = hn_alloc(u->env, bytes);
    if (!c) return u->env->error.status;
    c->cap = bytes - sizeof *c;
    c->used = 0;
    c->next = u->out->chunks;
    u->out->chunks = c;
    return HN_OK;
}

static hn_status broken(unpacker *u)
{
    const char *why = u->lib.archive_error_string(u->in);
    return hn_fail(u->env, HN_INPUT, "the archive is broken at byte %lld: %s",
                   (long long)u->lib.archive_filter_bytes(u->in, -1), why ? why : "bad data");
}

/* Members grow at the end of the newest chunk; one that does not fit moves to a larger chunk of its own. */
static hn_status member_read(unpacker *u, hn_member *m)
{
    uint8_t *start = NULL;
    size_t size = 0;
    for (;;) {
        struct hn_chunk *c = u->out->chunks;
        if (!c || c->cap - c->used < BLOCK_BYTES) {
            size_t need = 0;
            if (!hn_size_mul(size, 2, &need) || !hn_size_add(need, BLOCK_BYTES, &need))
                return hn_fail(u->env, HN_LIMIT, "an archive member is too large");
            HN_TRY(chunk_add(u, need));
            struct hn_chunk *fresh = u->out->chunks;
            if (size) {
                memcpy(fresh->data, start, size);
                c->used -= size;
                fresh->used = size;
            }
            /* An emptied chunk is of no more use. */
            if (c && c->used == 0) {
                fresh->next = c->next;
                hn_free(u->env, c);
            }
            c = fresh;
        }
        start = c->data + c->used - size;
        la_ssize_t got = u->lib.archive_read_data(u->in, c->data + c->used, BLOCK_BYTES);
        if (got < 0) return broken(u);
        if (got == 0) break;
        if ((size_t)got > u->left) {
            hn_status st = hn_fail(u->env, HN_LIMIT, "unpacked data is above the limit of %zu bytes", u->max_bytes);
            hn_hint(u->env, "unpack the archive to a folder and give the folder");
            return st;
        }
        u->left -= (size_t)got;
        c->used += (size_t)got;
        size += (size_t)got;
    }
    /* Keep every member aligned for readers of arrays. */
    u->out->chunks->used = hn_min_size(hn_align_up(u->out->chunks->used, 16), u->out->chunks->cap);
    m->data = start;
    m->size = size;
    return HN_OK;
}

static hn_status members_grow(unpacker *u)
{
    size_t cap = u->cap ? 2 * u->cap : 256;
    hn_member *next = hn_arena_array(u->env, u->arena, cap, sizeof *next);
    if (!next) return u->env->error.status;
    if (u->out->count) memcpy(next, u->out->member, u->out->count * sizeof *next);
    u->out->member = next;
    u->cap = cap;
    return HN_OK;
}

static hn_status unpack(unpacker *u)
{
    for (;;) {
        struct archive_entry *e = NULL;
        int rc = u->lib.archive_read_next_header(u->in, &e);
        if (rc == ARCHIVE_EOF) return HN_OK;
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return broken(u);
        if (u->lib.archive_entry_filetype(e) != AE_IFREG) continue;
        const char *name = u->lib.archive_entry_pathname(e);
        if (!name || name[0] == '\0')
            return hn_fail(u->env, HN_INPUT, "member %zu of the archive has no usable name", u->out->count);
        if (strlen(name) > HN_PATH_MAX)
            return hn_fail(u->env, HN_LIMIT, "member %zu of the archive has a name longer than %d bytes", u->out->count,
                           HN_PATH_MAX);
        if (u->out->count >= HN_ARCHIVE_MAX_MEMBERS)
            return hn_fail(u->env, HN_LIMIT, "the archive has more than %d members", HN_ARCHIVE_MAX_MEMBERS);
        if (u->out->count == u->cap) HN_TRY(members_grow(u));
        hn_member *m = &u->out->member[u->out->count];
        while (name[0] == '.' && name[1] == '/') name += 2;
        m->name = hn_arena_strdup(u->env, u->arena, name);
        if (!m->name) return u->env->error.status;
        u->out->count++;
        HN_TRY(hn_context(u->env, member_read(u, m), "member %s", m->name));
    }
}

hn_status hn_archive_open(hn_env *env, hn_arena *arena, const char *path, size_t max_bytes, hn_archive *out)
{
    *out = (hn_archive){0};
    unpacker u = {.env = env, .arena = arena, .left = max_bytes, .max_bytes = max_bytes, .out = out};
    hn_map map;
    HN_TRY(hn_map_open(env, path, &map));
    hn_status st = open_library(env, &u.lib);
    if (st != HN_OK) goto out;
    u.in = u.lib.archive_read_new();
    if (!u.in) {
        st = hn_fail(env, HN_NOMEM, "libarchive could not start");
        goto out;
    }
    (void)u.lib.archive_read_support_filter_all(u.in);
    (void)u.lib.archive_read_support_format_tar(u.in);
    (void)u.lib.archive_read_support_format_zip(u.in);
    if (map.size == 0 || u.lib.archive_read_open_memory(u.in, map.data, map.size) != ARCHIVE_OK) {
        st = hn_fail(env, HN_INPUT, "not a tar or zip archive");
        goto out;
    }
    st = unpack(&u);
out:
    if (u.in) (void)u.lib.archive_read_free(u.in);
    hn_map_close(&map);
    if (st != HN_OK) hn_archive_close(env, out);
    return hn_context(env, st, "in %s", path);
}

void hn_archive_close(hn_env *env, hn_archive *a)
{
    for (struct hn_chunk *c = a->chunks; c;) {
        struct hn_chunk *next = c->next;
        hn_free(env, c);
        c = next;
    }
    *a = (hn_archive){0};
}
