/* lib_pipeline: the two lists. README.md beside this file says why they are in this order. */
#include "passes/pass.h"

const char *const hn_pipeline_clean[] = {"capture",  "fold",    "inline_if", "fold", "dead", "identity", "cast",
                                         "identity", "fold_bn", "fold",      "cse",  "dead", NULL};

const char *const hn_pipeline_compile[] = {"capture",   "fold",
                                           "inline_if", "fold",
                                           "dead",      "identity",
                                           "cast",      "identity",
                                           "fold_bn",   "transpose_reshape",
                                           "cse",       "qdq",
                                           "fold_dq",   "fold_bn",
                                           "fuse_conv", "gemm",
                                           "layout",    "transpose_reshape",
                                           "fold",      "identity",
                                           "cse",       "dead",
                                           NULL};
