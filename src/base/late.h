/* late: shared libraries that few runs need are opened when they are first needed. Linked at start they and what they
 * pull in would take more time than a small model's first answer. Nothing is kept in globals: whoever needs one fills a
 * struct of function pointers of its own. */
#ifndef HN_BASE_LATE_H
#define HN_BASE_LATE_H

#include "base/env.h"

typedef struct hn_late_symbol {
    const char *name;
    void *slot; /* where the function pointer goes */
} hn_late_symbol;

/* Declares a member of a struct of function pointers, and names it in a list of symbols. */
#define HN_LATE_MEMBER(function) __typeof__(&function) function
#define HN_LATE_SYMBOL(lib, function) \
    {                                 \
#function, &(lib)->function   \
    }

/* HN_UNSUPPORTED names the library when it is missing. It stays open until the process ends. */
hn_status hn_late_open(hn_env *env, const char *library, const hn_late_symbol *symbols, size_t count) HN_MUST_CHECK;

#endif
