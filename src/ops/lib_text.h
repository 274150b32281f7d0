/* lib_text: UTF-8, letter case and white space for rows on strings. Bytes that are no UTF-8 pass through as they are.
 */
#ifndef HN_OPS_LIB_TEXT_H
#define HN_OPS_LIB_TEXT_H

#include "ops/lib.h"

#define HN_TEXT_RAW UINT32_C(0x80000000) /* | a byte that is no UTF-8 */

/* The next character of n > 0 bytes; returns how many bytes it takes. */
size_t hn_utf8_next(const char *s, size_t n, uint32_t *c);
size_t hn_utf8_put(uint32_t c, char dst[4]);
/* Letters of one character to one character: Latin, Greek, Cyrillic, Armenian and what else has simple pairs. */
uint32_t hn_char_lower(uint32_t c);
uint32_t hn_char_upper(uint32_t c);
bool hn_char_space(uint32_t c);
/* A copy of s with every character mapped. */
hn_status hn_text_map(hn_env *env, hn_arena *arena, hn_str s, uint32_t (*map)(uint32_t), hn_str *out) HN_MUST_CHECK;
static inline bool hn_str_same(hn_str a, hn_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
static inline hn_str *hn_strs(const hn_tensor *t)
{
    return t->data;
}

/* ---- regular expressions: RE2 syntax, matched in time linear in the text ---- */
typedef struct hn_regex hn_regex;
/* HN_INPUT where the pattern is wrong, HN_UNSUPPORTED where it asks for what is not here; both name node and construct.
 */
hn_status hn_regex_compile(hn_env *env, hn_arena *arena, const hn_node *node, hn_str pattern,
                           hn_regex **out) HN_MUST_CHECK;
/* Does the whole text match? */
hn_status hn_regex_full(hn_env *env, const hn_regex *re, hn_str text, bool *out) HN_MUST_CHECK;

#endif
