/* data: the door. A data set is a finite, indexable, deterministic list of samples; a sample is one or more input
 * tensors, perhaps a label, perhaps a name. After it is opened a set is read-only, so threads may read one set at the
 * same time, each with its own env and arena. Image folders decode on demand; what is compressed as a whole is unpacked
 * once, within limits. */
#ifndef HN_DATA_DATA_H
#define HN_DATA_DATA_H

#include "base/io.h"
#include "data/preprocess.h"
#include "tensor/tensor.h"

enum { HN_DATA_MAX_INPUTS = 32 };

typedef struct hn_sample {
    size_t inputs;
    const hn_tensor *input;        /* without a batch dimension, unless the set is `whole` */
    const char *const *input_name; /* one each; an entry is NULL when the data does not name it */
    int64_t label;                 /* -1: none */
    const char *name;              /* file or "PATH#INDEX" */
} hn_sample;

typedef struct hn_data_options {
    hn_preprocess pre;        /* zeroed: none */
    const char *reader;       /* name of the reader to use; NULL: the one that knows the path best */
    const char *label_column; /* CSV/TSV; NULL: label, class, class_index, target or y, where there is one */
    int64_t label_offset;     /* added to every label: 1 for models with a background class */
    size_t first;             /* take the first so many samples; 0: all */
    size_t max_bytes;         /* of unpacked data held in memory; 0: 4 GiB */
    size_t max_pixels;        /* of one image; 0: HN_IMAGE_MAX_PIXELS */
    size_t max_samples;       /* 0: 2^31 */
} hn_data_options;

typedef struct hn_dataset hn_dataset;
typedef struct hn_reader hn_reader;

/* What a reader fills; everybody else only reads it. Strings and arrays live as long as the set. */
struct hn_dataset {
    size_t count;
    int64_t classes;               /* 0: unknown; else labels are in [0, classes) */
    const char *const *class_name; /* `classes` names, or NULL */
    const int64_t *label;          /* `count` labels (-1: none), or NULL */
    const char *const *name;       /* `count` names, or NULL: samples are named by their index */
    bool whole;                    /* samples hold complete inputs, batch dimension included */
    const char *path;
    const hn_reader *reader;
    hn_data_options options; /* resolved: no zeros among the limits */
    /* inside */
    hn_arena arena; /* lives as long as the set; touched only while opening */
    void *impl;
    hn_status (*read)(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out);
    void (*close)(hn_env *env, hn_dataset *ds); /* may be NULL */
};

/* A row. probe: 0 no, up to 100 certain; a path that cannot be read scores 0 and is no error. */
struct hn_reader {
    const char *name;
    const char *doc;
    hn_status (*probe)(hn_env *env, const char *path, int *score);
    hn_status (*open)(hn_env *env, const char *path, hn_dataset *ds);
};

/* `options` may be NULL. HN_INPUT when no reader knows the path (the message lists what is accepted). */
hn_status hn_dataset_open(hn_env *env, const char *path, const hn_data_options *options,
                          hn_dataset **out) HN_MUST_CHECK;
void hn_dataset_close(hn_env *env, hn_dataset *ds); /* NULL allowed */

/* The sample's tensors lie in the arena, or in the set where they need no change: never write to them. */
hn_status hn_dataset_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena,
                          hn_sample *out) HN_MUST_CHECK;
int64_t hn_dataset_label(const hn_dataset *ds, size_t index); /* -1: none; costs nothing */
/* Samples that have a label. */
size_t hn_dataset_labelled(const hn_dataset *ds);

typedef struct hn_batch {
    size_t n;
    size_t inputs;
    const hn_tensor *input;        /* [n, ...] */
    const char *const *input_name; /* entries may be NULL */
    const int64_t *label;          /* n labels, -1: none */
} hn_batch;

/* Samples index[0..n) stacked along a new first axis (whole sets: joined along their first axis; n == 1 is passed as it
 * is). HN_INPUT names both samples when two differ in shape or dtype. Uses env->pool for reading when it has one. */
hn_status hn_dataset_batch(hn_env *env, const hn_dataset *ds, const size_t *index, size_t n, hn_arena *arena,
                           hn_batch *out) HN_MUST_CHECK;

/* Parts that never overlap. */
typedef enum hn_part { HN_PART_CALIB, HN_PART_SELECT, HN_PART_TEST, HN_PARTS } hn_part;

typedef struct hn_split {
    size_t count[HN_PARTS];
    size_t *index[HN_PARTS]; /* ascending, in the arena */
} hn_split;

/* counts[p] samples for each part; SIZE_MAX for the last part: all that is left. A sample's place comes from a hash of
 * its name (else its index) and the seed; every part holds each class in proportion, to one sample, where labels are
 * known. HN_INPUT when the set is too small for the counts. */
hn_status hn_dataset_split(hn_env *env, const hn_dataset *ds, const size_t counts[HN_PARTS], uint64_t seed,
                           hn_arena *arena, hn_split *out) HN_MUST_CHECK;

/* Every reader, in name order, ending in NULL; written by the build from the files reader_<x>.c (row hn_reader_<x>). */
extern const hn_reader *const hn_reader_rows[];
extern const size_t hn_reader_count;

#endif
