/* lib_siblings: several convolutions of one image as one. */
#ifndef HN_PASSES_LIB_SIBLINGS_H
#define HN_PASSES_LIB_SIBLINGS_H

#include "passes/lib_match.h"

/* Input `input` of nodes, weights or biases with one entry a channel, one after the other, zeros where a node has none;
 * NULL when no node has one. Weights are input 1. */
hn_value *hn_joined(hn_rw *rw, hn_node *const *nodes, size_t count, size_t input, int64_t channels);

/* A hone.QConv, channels last, of fewer than `few` channels with a result of 8 bits and without a residual. */
bool hn_q_few(const hn_node *n, int64_t few);
/* Whether two of them differ in weights, scales, biases and zero points of the result at most. */
bool hn_q_alike(const hn_node *a, const hn_node *b);
/* All of them as one: zero points that differ become a residual of one number for each channel. */
hn_value *hn_q_merged(hn_rw *rw, hn_node *const *nodes, size_t count, int64_t channels);

/* The depthwise hone.QConv that alone reads the result of n, a hone.QConv, one result a channel; else NULL. */
hn_node *hn_q_depthwise(const hn_node *n);
/* Whether two of them differ in weights, scales, biases and zero points at most. */
bool hn_q_depth_alike(const hn_node *a, const hn_node *b);
/* All of them as one that reads x, [1, h, w, channels]. Where their inputs have zero points that differ, x is padded
 * beforehand; zero points of results that differ become a residual. */
hn_value *hn_q_depth_merged(hn_rw *rw, hn_node *const *nodes, size_t count, hn_value *x);

#endif
