/* lib_control: inference of ops with regions: types flow into a region's inputs, the region is inferred, its outputs
 * come back. */
#ifndef HN_OPS_LIB_CONTROL_H
#define HN_OPS_LIB_CONTROL_H

#include "ops/lib_nn.h"

/* Region r of the node; HN_INPUT when it does not have that many inputs (captures not counted) or outputs. */
hn_status hn_control_region(const hn_infer *c, size_t r, size_t nin, size_t nout, hn_graph **out) HN_MUST_CHECK;
/* Infer the region with these types of its first inputs (entries may be NULL: as declared) and with the node's
 * captures, their data included. At run time, where there is no graph, regions are only read. */
hn_status hn_control_infer(const hn_infer *c, hn_graph *region, size_t n, const hn_type *const *types) HN_MUST_CHECK;

#endif
