/* Writes the samples of a data set, pre-processed, as DIR/INDEX.npy (first input, with a batch axis of 1) and the
 * labels as DIR/labels.txt, so that another runtime can be fed the very bytes that hone feeds a model.
 * Arguments: DATA PREPROCESS LABEL_OFFSET LIMIT (0: all) DIR. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "data/npy.h"

static hn_status dump(hn_env *env, const hn_dataset *ds, size_t n, const char *dir, FILE *labels)
{
    for (size_t i = 0; i < n; i++) {
        char path[4096];
        hn_arena arena = {0};
        hn_batch batch;
        hn_status st = hn_dataset_batch(env, ds, &i, 1, &arena, &batch);
        snprintf(path, sizeof path, "%s/%zu.npy", dir, i);
        if (st == HN_OK) st = hn_npy_save(env, path, &batch.input[0]);
        if (st == HN_OK) fprintf(labels, "%lld\n", (long long)batch.label[0]);
        hn_arena_fini(env, &arena);
        HN_TRY(st);
    }
    return HN_OK;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: dump_inputs DATA PREPROCESS LABEL_OFFSET LIMIT DIR\n");
        return 2;
    }
    hn_env env;
    hn_env_init(&env);
    hn_dataset *ds = NULL;
    hn_data_options o = {.label_offset = strtoll(argv[3], NULL, 10)};
    size_t limit = (size_t)strtoull(argv[4], NULL, 10);
    char path[4096];
    snprintf(path, sizeof path, "%s/labels.txt", argv[5]);
    FILE *labels = fopen(path, "w");
    hn_status st = labels ? hn_preprocess_parse(&env, argv[2], &o.pre) : hn_fail(&env, HN_IO, "cannot write %s", path);
    if (st == HN_OK) st = hn_dataset_open(&env, argv[1], &o, &ds);
    if (st == HN_OK) st = dump(&env, ds, limit && limit < ds->count ? limit : ds->count, argv[5], labels);
    if (labels) fclose(labels);
    if (ds) hn_dataset_close(&env, ds);
    if (st != HN_OK) {
        char text[2048];
        hn_error_format(&env.error, text, sizeof text);
        fprintf(stderr, "dump_inputs: %s\n", text);
        return 1;
    }
    return 0;
}
