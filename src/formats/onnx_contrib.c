/* onnx_contrib: operators of com.microsoft that the standard operators can say exactly. */
#include <string.h>

#include "formats/onnx_version.h"

hn_onnx_conv_fn *hn_onnx_contrib(const char *domain, const char *op)
{
    (void)domain;
    (void)op;
    return NULL;
}
