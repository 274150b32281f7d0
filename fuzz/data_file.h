/* data_file: hands fuzzed bytes to a data reader as a file in memory, and reads the first and last sample. */
#ifndef HN_FUZZ_DATA_FILE_H
#define HN_FUZZ_DATA_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/data.h"

static inline void fuzz_data_file(const uint8_t *data, size_t size, const char *reader, const char *label_column)
{
    /* One anonymous file for the process; the reader maps it through /proc. */
    static FILE *file;
    char path[64];
    if (!file && (file = tmpfile()) == NULL) return;
    if (ftruncate(fileno(file), 0) != 0 || pwrite(fileno(file), data, size, 0) != (ssize_t)size) return;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    hn_env env;
    hn_arena a = {0};
    hn_dataset *ds = NULL;
    hn_sample s;
    hn_data_options o = {.reader = reader, .label_column = label_column, .max_bytes = 1 << 22, .max_pixels = 1 << 16};
    hn_env_init(&env);
    if (hn_dataset_open(&env, path, &o, &ds) == HN_OK) {
        if (ds->count == 0) abort();
        for (size_t i = 0; i < ds->count; i++)
            if (hn_dataset_label(ds, i) >= 0 && ds->classes <= hn_dataset_label(ds, i)) abort();
        for (size_t k = 0; k < 2; k++)
            if (hn_dataset_read(&env, ds, k ? ds->count - 1 : 0, &a, &s) == HN_OK && s.inputs == 0) abort();
    } else if (env.error.text[0] == '\0') {
        abort();
    }
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &a);
}

#endif
