/* lib_pipeline: the lists. README.md beside this file says why they are in this order. */
#include "passes/pass.h"

/* clang-format off */
const char *const hn_pipeline_clean[] = {
    "gradient", "capture", "fold", "inline_if", "dead",
    "identity", "cast", "identity", "pad_conv", "fold_bn",
    "fold", "cse", "dead", NULL};

const char *const hn_pipeline_compile[] = {
    "gradient", "capture", "fold", "inline_if", "dead", "labels",
    "identity", "cast", "identity", "channels", "transpose_reshape", "cse",
    "fuse_pattern", "attention", "rnn_table", "lift", "pad_conv", "fold_bn",
    "dead_channels",
    "qdq", "fold_dq", "cse", "channels", "pad_conv", "fold_bn", "fuse_pattern",
    "fuse_conv", "band", "gemm", "one_hot", "layout",
    "transpose_reshape", "fold", "identity", "cse", "dead", NULL};

const char *const hn_pipeline_join[] = {"siblings", "chain", "qkv", "elementwise", NULL};
/* clang-format on */
