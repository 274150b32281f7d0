#!/bin/sh
# conformance: a fifth of the ONNX backend cases through the reference kernels and through every pass with the best
# instruction set. tools/conformance.sh runs all of them in every way.
set -eu
"${HONE_SOURCE:?}/tools/conformance.sh" "${HONE:?}" --fast --missing-ok --part 1/5
