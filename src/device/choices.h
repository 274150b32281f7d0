/* choices: what was measured on this machine. Beside the rule table, which needs no search, a file may hold for a
 * node's key the drivers and kernels that were timed and the one to take. The key covers everything that a driver may
 * look at and the numerics class, so that a choice can change speed but never leaves the class. A file that was made by
 * another machine or by other kernels is not used. */
#ifndef HN_DEVICE_CHOICES_H
#define HN_DEVICE_CHOICES_H

#include "base/arena.h"
#include "device/device.h"

enum { HN_KEY_BYTES = 33, HN_CHOICES_MAX = 16 };

typedef struct hn_choice {
    char key[HN_KEY_BYTES]; /* hex digits and a NUL */
    bool taken;             /* of the rows of a key exactly one is */
    const hn_driver *driver;
    const hn_kernel *kernel; /* NULL: by the driver's own rule */
    double us, spread;       /* median; distance of the quartiles over the median */
} hn_choice;

typedef struct hn_choices {
    hn_choice *row; /* sorted by key */
    size_t count, cap;
} hn_choices;

/* Types of the node's values are known. */
hn_status hn_choice_key(hn_env *env, const hn_node *node, char key[HN_KEY_BYTES]) HN_MUST_CHECK;
/* The rows of a key, or NULL. */
const hn_choice *hn_choices_find(const hn_choices *c, const char *key, size_t *count);
/* Put these rows, all of one key, in place of what the key had. */
hn_status hn_choices_set(hn_env *env, hn_choices *c, const hn_choice *rows, size_t count) HN_MUST_CHECK;
void hn_choices_fini(hn_env *env, hn_choices *c);

/* No file gives no rows. HN_UNSUPPORTED: made by another machine or by other kernels; HN_INPUT: not such a file. */
hn_status hn_choices_load(hn_env *env, const char *path, const hn_machine *m, hn_choices *out) HN_MUST_CHECK;
hn_status hn_choices_save(hn_env *env, const char *path, const hn_machine *m, const hn_choices *c) HN_MUST_CHECK;

#endif
