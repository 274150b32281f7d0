/* record: the public view of the record tree, and the fields that every job's record carries. */
#include "api/api.h"

#include "base/io.h"
#include "report/report.h"

#include <string.h>
#include <sys/stat.h>

const hn_machine *hn_api_machine(hone_env *e)
{
    if (!e->machine.cpu[0]) hn_machine_read(&e->machine);
    return &e->machine;
}

/* The fields of the machine, when they are wanted and not there yet. */
static void complete(const hone_record *rec)
{
    hone_record *r = (hone_record *)(uintptr_t)rec;
    hone_env *e = r->asks;
    if (!e) return;
    r->asks = NULL;
    const hn_machine *is = hn_api_machine(e);
    hn_recs recs = {&e->env, &r->arena};
    hn_rec_str(&recs, r->machine, "cpu", is->cpu);
    hn_rec_int(&recs, r->machine, "cores", (int64_t)is->cores);
    hn_rec_int(&recs, r->machine, "l1d_bytes", (int64_t)is->l1d_bytes);
    hn_rec_int(&recs, r->machine, "l2_bytes", (int64_t)is->l2_bytes);
    hn_rec_int(&recs, r->machine, "l3_bytes", (int64_t)is->l3_bytes);
    hn_rec_str(&recs, r->machine, "isa", hn_isa_name(is->isa));
}

static const hn_rec *get(const hone_record *rec, const char *path)
{
    if (strncmp(path, "machine", 7) == 0) complete(rec);
    return hn_rec_get(rec->root, path);
}

hn_status hn_api_record_begin(hone_env *e, const char *kind, hone_record **out, hn_recs *recs)
{
    hn_error_clear(&e->env);
    *out = NULL;
    hone_record *rec = hn_zalloc(&e->env, sizeof *rec);
    if (!rec) return HN_NOMEM;
    rec->env = &e->env;
    *out = rec;
    *recs = (hn_recs){&e->env, &rec->arena};
    rec->root = hn_rec_map(recs, NULL, NULL);
    hn_rec_str(recs, rec->root, "hone", HONE_VERSION);
    hn_rec_str(recs, rec->root, "kind", kind);
    rec->machine = hn_rec_map(recs, rec->root, "machine");
    rec->asks = rec->machine ? e : NULL;
    hn_rec_str(recs, rec->root, "isa", hn_isa_name(e->env.isa));
    hn_rec_str(recs, rec->root, "numerics", e->env.strict ? "strict" : "fast");
    hn_rec_int(recs, rec->root, "threads", (int64_t)hn_pool_threads(e->env.pool));
    hn_rec_int(recs, rec->root, "seed", (int64_t)e->env.seed);
    return e->env.error.status;
}

hn_status hn_api_record_new(hone_env *e, const char *kind, hone_record **out, hn_recs *recs)
{
    HN_TRY(hn_api_record_begin(e, kind, out, recs));
    complete(*out);
    return e->env.error.status;
}

hone_status hn_api_finish(hone_env *e, hn_status st, hone_record *rec, hone_record **out)
{
    if (st == HN_OK) st = e->env.error.status;
    if (st == HN_OK) {
        *out = rec;
        return HONE_OK;
    }
    hone_record_free(rec);
    *out = NULL;
    return (hone_status)st;
}

void hone_record_free(hone_record *rec)
{
    if (!rec) return;
    hn_env *env = rec->env;
    hn_buf_fini(env, &rec->json);
    hn_arena_fini(env, &rec->arena);
    hn_free(env, rec);
}

const char *hone_record_json(hone_env *e, hone_record *rec)
{
    if (rec->json.size) return rec->json.data;
    hn_error_clear(&e->env);
    complete(rec);
    if (e->env.error.status != HN_OK || hn_report_json(&e->env, rec->root, 1, &rec->json) != HN_OK) return NULL;
    return hn_buf_str(&e->env, &rec->json);
}

double hone_record_number(const hone_record *rec, const char *path, double otherwise)
{
    return hn_rec_num(get(rec, path), "", otherwise);
}

int64_t hone_record_int(const hone_record *rec, const char *path, int64_t otherwise)
{
    const hn_rec *r = get(rec, path);
    return r && r->kind == HN_REC_INT ? r->u.i : otherwise;
}

const char *hone_record_string(const hone_record *rec, const char *path, const char *otherwise)
{
    return hn_rec_text(get(rec, path), "", otherwise);
}

bool hone_record_bool(const hone_record *rec, const char *path, bool otherwise)
{
    const hn_rec *r = get(rec, path);
    return r && r->kind == HN_REC_BOOL ? r->u.b : otherwise;
}

size_t hone_record_count(const hone_record *rec, const char *path)
{
    const hn_rec *r = get(rec, path);
    return r && (r->kind == HN_REC_LIST || r->kind == HN_REC_MAP) ? r->u.c.count : 0;
}

bool hone_record_has(const hone_record *rec, const char *path)
{
    return get(rec, path) != NULL;
}

size_t hn_api_file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}
