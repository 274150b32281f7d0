/* late: see late.h. */
#define _GNU_SOURCE /* RTLD_NODELETE */
#include "base/late.h"

#include <dlfcn.h>
#include <string.h>

hn_status hn_late_open(hn_env *env, const char *library, const hn_late_symbol *symbols, size_t count)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        hn_fail(env, HN_UNSUPPORTED, "the library %s, which is needed here, cannot be opened: %s", library, dlerror());
        hn_hint(env, "install it, or do without: convert the file, or leave the option out");
        return HN_UNSUPPORTED;
    }
    hn_status st = HN_OK;
    for (size_t i = 0; i < count && st == HN_OK; i++) {
        void *function = dlsym(handle, symbols[i].name);
        if (function)
            memcpy(symbols[i].slot, &function, sizeof function);
        else
            st = hn_fail(env, HN_UNSUPPORTED, "the library %s has no function %s", library, symbols[i].name);
    }
    (void)dlclose(handle); /* it stays, see RTLD_NODELETE */
    return st;
}
