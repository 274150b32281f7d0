/* choices: see the header. The file is text: a line for the form's version, one each for the machine and the kernels,
 * then a line per row. */
#include "device/choices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"

enum { FILE_MAX = 64 << 20, FIELDS = 6 };

static void add_type(hn_env *env, hn_buf *b, const hn_value *v)
{
    if (v == NULL) {
        hn_buf_puts(env, b, " -");
        return;
    }
    hn_buf_printf(env, b, " %s%s[", v->data != NULL ? "const " : "", hn_dtype_name(v->type.dtype));
    for (int i = 0; i < v->type.rank; i++) hn_buf_printf(env, b, "%lld,", (long long)v->type.dims[i]);
    hn_buf_puts(env, b, "]");
}

static void add_attr(hn_env *env, hn_buf *b, const hn_attr *a)
{
    hn_buf_printf(env, b, " %s=", a->name);
    switch (a->kind) {
    case HN_ATTR_INT: hn_buf_printf(env, b, "%lld", (long long)a->u.i); break;
    case HN_ATTR_FLOAT: hn_buf_printf(env, b, "%a", a->u.f); break;
    case HN_ATTR_STRING: hn_buf_append(env, b, a->u.s.data, a->u.s.size); break;
    case HN_ATTR_INTS:
        for (size_t i = 0; i < a->count; i++) hn_buf_printf(env, b, "%lld,", (long long)a->u.ints[i]);
        break;
    case HN_ATTR_FLOATS:
        for (size_t i = 0; i < a->count; i++) hn_buf_printf(env, b, "%a,", a->u.floats[i]);
        break;
    default: hn_buf_printf(env, b, "%d of %zu", (int)a->kind, a->count); break;
    }
}

hn_status hn_choice_key(hn_env *env, const hn_node *node, char key[HN_KEY_BYTES])
{
    hn_buf b = {0};
    char digest[65];
    hn_buf_printf(env, &b, "%s.%s isa %llx threads %zu %s", node->op->domain, node->op->name,
                  (unsigned long long)(env->isa & ~(uint64_t)HN_ISA_CHOSEN), hn_pool_threads(env->pool),
                  env->strict ? "strict" : "fast");
    for (const hn_attr *a = node->attrs; a != NULL; a = a->next) add_attr(env, &b, a);
    for (size_t i = 0; i < node->nin; i++) add_type(env, &b, node->in[i]);
    hn_buf_puts(env, &b, " ->");
    for (size_t i = 0; i < node->nout; i++) add_type(env, &b, node->out[i]);
    hn_status st = hn_buf_status(&b);
    hn_sha256_hex(b.data, b.size, digest);
    memcpy(key, digest, HN_KEY_BYTES - 1);
    key[HN_KEY_BYTES - 1] = '\0';
    hn_buf_fini(env, &b);
    return st;
}

/* The first row whose key is not below this one. */
static size_t place(const hn_choices *c, const char *key)
{
    size_t lo = 0, hi = c->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(c->row[mid].key, key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const hn_choice *hn_choices_find(const hn_choices *c, const char *key, size_t *count)
{
    size_t at = place(c, key), n = 0;
    while (at + n < c->count && strcmp(c->row[at + n].key, key) == 0) n++;
    *count = n;
    return n > 0 ? &c->row[at] : NULL;
}

hn_status hn_choices_set(hn_env *env, hn_choices *c, const hn_choice *rows, size_t count)
{
    size_t old;
    if (count == 0) return HN_OK;
    (void)hn_choices_find(c, rows[0].key, &old);
    size_t at = place(c, rows[0].key), total = c->count - old + count;
    if (total > c->cap) {
        hn_choice *grown = hn_alloc(env, 2 * total * sizeof *grown);
        if (grown == NULL) return HN_NOMEM;
        if (c->count > 0) memcpy(grown, c->row, c->count * sizeof *grown);
        hn_free(env, c->row);
        c->row = grown;
        c->cap = 2 * total;
    }
    memmove(c->row + at + count, c->row + at + old, (c->count - at - old) * sizeof *c->row);
    memcpy(c->row + at, rows, count * sizeof *rows);
    c->count = total;
    return HN_OK;
}

void hn_choices_fini(hn_env *env, hn_choices *c)
{
    hn_free(env, c->row);
    *c = (hn_choices){0};
}

/* What the file must have been made by. */
static void print_head(hn_env *env, const hn_machine *m, hn_buf *b)
{
    hn_buf_printf(env, b, "hone choices 1\nmachine %s, isa %llx, caches %zu %zu %zu, cores %zu\nbuild %08x\n", m->cpu,
                  (unsigned long long)m->isa, m->l1d_bytes, m->l2_bytes, m->l3_bytes, m->cores, (unsigned)hn_build_id);
}

hn_status hn_choices_save(hn_env *env, const char *path, const hn_machine *m, const hn_choices *c)
{
    hn_buf b = {0};
    print_head(env, m, &b);
    for (size_t i = 0; i < c->count; i++) {
        const hn_choice *r = &c->row[i];
        hn_buf_printf(env, &b, "%s %s %s %s %.17g %.17g\n", r->key, r->taken ? "take" : "leave", r->driver->name,
                      r->kernel == NULL ? "-" : r->kernel->name, r->us, r->spread);
    }
    hn_status st = hn_buf_status(&b);
    if (st == HN_OK) st = hn_file_write(env, path, b.data, b.size);
    hn_buf_fini(env, &b);
    return st;
}

static bool read_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && *out >= 0;
}

/* One line, cut at its blanks; false when it is none of ours. Names that this build does not have leave `driver` NULL.
 */
static bool read_row(char *line, hn_choice *r)
{
    char *field[FIELDS];
    size_t n = 0;
    for (char *p = line; p != NULL && n < FIELDS; n++) {
        field[n] = p;
        p = strchr(p, ' ');
        if (p != NULL) *p++ = '\0';
        if (n + 1 == FIELDS && p != NULL) return false;
    }
    if (n != FIELDS || strlen(field[0]) != HN_KEY_BYTES - 1) return false;
    *r = (hn_choice){.taken = strcmp(field[1], "take") == 0};
    if (!r->taken && strcmp(field[1], "leave") != 0) return false;
    memcpy(r->key, field[0], HN_KEY_BYTES);
    r->driver = hn_driver_find(field[2]);
    r->kernel = hn_kernel_find(field[3]);
    if (r->kernel == NULL && strcmp(field[3], "-") != 0) r->driver = NULL;
    return read_number(field[4], &r->us) && read_number(field[5], &r->spread);
}

static hn_status broken(hn_env *env, const char *path, size_t line)
{
    hn_fail(env, HN_INPUT, "%s, line %zu, is not a line of measured choices", path, line);
    hn_hint(env, "delete the file; `hone tune` makes a new one");
    return HN_INPUT;
}

static hn_status read_rows(hn_env *env, const char *path, char *text, hn_choices *out)
{
    hn_choice group[HN_CHOICES_MAX];
    size_t n = 0, taken = 0;
    for (size_t line = 4; *text != '\0'; line++) {
        char *end = strchr(text, '\n');
        hn_choice r;
        if (end == NULL) return broken(env, path, line);
        *end = '\0';
        if (!read_row(text, &r) || r.driver == NULL) return broken(env, path, line);
        text = end + 1;
        if (n > 0 && strcmp(group[0].key, r.key) != 0) {
            if (taken != 1) return broken(env, path, line - 1);
            HN_TRY(hn_choices_set(env, out, group, n));
            n = taken = 0;
        }
        if (n == HN_CHOICES_MAX) return broken(env, path, line);
        group[n++] = r;
        taken += r.taken;
        if (*text == '\0') {
            if (taken != 1) return broken(env, path, line);
            HN_TRY(hn_choices_set(env, out, group, n));
        }
    }
    return HN_OK;
}

static hn_status read_text(hn_env *env, const char *path, const hn_machine *m, char *text, hn_choices *out)
{
    hn_buf head = {0};
    print_head(env, m, &head);
    hn_status st = hn_buf_status(&head);
    if (st == HN_OK && strncmp(text, "hone choices ", 13) != 0) {
        st = broken(env, path, 1);
    } else if (st == HN_OK && strncmp(text, head.data, head.size) != 0) {
        st = hn_fail(env, HN_UNSUPPORTED, "%s was measured on another machine or with other kernels", path);
        hn_hint(env, "`hone tune` measures anew and replaces it");
    } else if (st == HN_OK) {
        st = read_rows(env, path, text + head.size, out);
    }
    hn_buf_fini(env, &head);
    return st;
}

hn_status hn_choices_load(hn_env *env, const char *path, const hn_machine *m, hn_choices *out)
{
    hn_map map;
    *out = (hn_choices){0};
    if (!hn_path_is_file(path)) return HN_OK;
    HN_TRY(hn_map_open(env, path, &map));
    char *text = NULL;
    hn_status st = HN_OK;
    if (map.size > FILE_MAX)
        st = hn_fail(env, HN_LIMIT, "%s has %zu bytes, more than measured choices may have (%d)", path, map.size,
                     FILE_MAX);
    else if ((text = hn_alloc(env, map.size + 1)) == NULL)
        st = HN_NOMEM;
    if (st == HN_OK) {
        if (map.size > 0) memcpy(text, map.data, map.size);
        text[map.size] = '\0';
        st = strlen(text) == map.size ? read_text(env, path, m, text, out) : broken(env, path, 1);
    }
    hn_free(env, text);
    hn_map_close(&map);
    if (st != HN_OK) hn_choices_fini(env, out);
    return st;
}
