/* onnx_version: what the conversions of older operator sets share. A conversion brings a node from the versions below
 * its row's bound to that bound; several may apply, in the order of the table. */
#ifndef HN_FORMATS_ONNX_VERSION_H
#define HN_FORMATS_ONNX_VERSION_H

#include "formats/onnx_priv.h"

typedef hn_status hn_onnx_conv_fn(hn_onnx_scope *s, hn_onnx_node *n);

hn_rw hn_onnx_rw(hn_onnx_scope *s, const hn_onnx_node *n);
hn_status hn_onnx_input_set(hn_onnx_scope *s, hn_onnx_node *n, size_t i, hn_value *v) HN_MUST_CHECK;
/* Moves a list of integers from an attribute to input i; does nothing when it is absent. */
hn_status hn_onnx_ints_to_input(hn_onnx_scope *s, hn_onnx_node *n, const char *attr, size_t i) HN_MUST_CHECK;
/* The node is replaced by one value. */
hn_status hn_onnx_result(hn_onnx_scope *s, hn_onnx_node *n, hn_rw *rw, hn_value *v) HN_MUST_CHECK;
/* A fresh array for n->results. */
hn_status hn_onnx_results(hn_onnx_scope *s, hn_onnx_node *n) HN_MUST_CHECK;
hn_dtype hn_onnx_dtype(const hn_onnx_node *n, size_t i, hn_dtype otherwise); /* of input i where known */
int hn_onnx_rank(const hn_onnx_node *n, size_t i);                           /* -1 where unknown */

hn_onnx_conv_fn hn_onnx_old_batchnorm, hn_onnx_old_upsample, hn_onnx_old_resize, hn_onnx_resize_empty,
    hn_onnx_old_softmax, hn_onnx_old_groupnorm, hn_onnx_old_broadcast, hn_onnx_old_prelu, hn_onnx_old_dropout,
    hn_onnx_old_tile, hn_onnx_old_scan, hn_onnx_exp_affine, hn_onnx_exp_scaled, hn_onnx_exp_image_scaler,
    hn_onnx_exp_crop, hn_onnx_exp_dynamic_slice, hn_onnx_exp_mvn;

/* ---- onnx_contrib.c: operators of com.microsoft that the standard can say exactly ---- */
hn_onnx_conv_fn *hn_onnx_contrib(const char *domain, const char *op);

/* ---- onnx_domains.c: the conversion for an operator of any domain but the standard one; NULL: none ---- */
hn_onnx_conv_fn *hn_onnx_domain(const char *domain, const char *op);
/* ---- onnx_preview.c: operators of ai.onnx.preview, written as what they stand for ---- */
hn_onnx_conv_fn *hn_onnx_preview(const char *domain, const char *op);

#endif
