/* text_priv: the reader under text_parse.c. */
#ifndef HN_IR_TEXT_PRIV_H
#define HN_IR_TEXT_PRIV_H

#include "ir/ir_priv.h"

typedef struct hn_text {
    hn_env *env;
    hn_arena *arena;
    const char *begin, *p, *end;
    size_t made_bytes; /* by splat and random so far */
    int depth;         /* of regions */
} hn_text;

typedef struct hn_text_num {
    bool is_float;
    int64_t i;
    uint64_t u; /* the integer, also above INT64_MAX */
    double f;
} hn_text_num;

hn_status hn_text_wrong(hn_text *c, const char *why);
void hn_text_blanks(hn_text *c);
bool hn_text_peek(hn_text *c, char ch);
bool hn_text_accept(hn_text *c, char ch);
hn_status hn_text_expect(hn_text *c, char ch) HN_MUST_CHECK;
hn_str hn_text_word(hn_text *c); /* of bare characters; empty when there is none */
bool hn_text_accept_word(hn_text *c, const char *s);
hn_status hn_text_string(hn_text *c, hn_str *out) HN_MUST_CHECK;
hn_status hn_text_cstring(hn_text *c, const char **out) HN_MUST_CHECK; /* without NUL bytes */
hn_status hn_text_name(hn_text *c, const char **out) HN_MUST_CHECK;    /* bare or quoted */
hn_status hn_text_number(hn_text *c, hn_text_num *out) HN_MUST_CHECK;
hn_status hn_text_integer(hn_text *c, int64_t *out) HN_MUST_CHECK;
hn_status hn_text_type(hn_text *c, hn_graph *g, hn_type *out) HN_MUST_CHECK;
hn_status hn_text_data(hn_text *c, const hn_type *type, hn_tensor **out) HN_MUST_CHECK;

#endif
