/* lib_q8axis: QuantizeLinear and DequantizeLinear, which differ in their kernel alone: f32 on one side, bytes on the
 * other, one scale and zero point for all or one per index of an axis. Scales may be computed by the graph. */
#ifndef HN_DEVICE_CPU_LIB_Q8AXIS_H
#define HN_DEVICE_CPU_LIB_Q8AXIS_H

#include "device/device.h"

hn_status hn_q8axis_lower(hn_lower *c, int variant);
hn_status hn_q8axis_run(const hn_run *r);

#endif
