#!/bin/sh
# demo: the main job on the model and the data that come with the source. Calibrates on one part of the drawn letters, tests on another,
# writes out/demo. `make demo` builds first.  usage: demo.sh   (BUILD: build folder)
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
out=${OUT:-out/demo}
[ -x "$build/hone" ] || { echo "demo: $build/hone is missing; run make demo"; exit 1; }
mkdir -p "$(dirname "$out")"
rm -rf "$out"
# Parts of the glyph set have sample numbers of their own, so calibration and test never meet (src/data/glyph.h).
set -- "$build/hone" optimize models/glyph20.onnx --data glyph:4000:1:1.35:calib --eval glyph:20000:1:1.35:test --max-drop 1.0 --out "$out"
echo "\$ $*"
status=0
"$@" || status=$?
for f in model.onnx model.hone report.html report.json; do
    [ -s "$out/$f" ] || { echo "demo: $out/$f was not written"; exit 1; }
done
exit $status
