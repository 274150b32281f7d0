#!/bin/sh
# add_op: adding an op is adding one file. A copy of the tree gets test/ops/rows/halve.c as src/ops/halve.c and nothing else;
# the row must then be in the table, in the derived tests and in the documentation. A row whose gradient is wrong must fail.
set -eu
source=${HONE_SOURCE:?}
tmp=$(mktemp -d "${HONE_BUILD:?}/add_op.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
for part in CMakeLists.txt cmake src include cmd test tools; do
    if [ -e "$source/$part" ]; then cp -R "$source/$part" "$tmp/"; fi
done
run() {
    cmake --build "$tmp/build" -j 2 --target "$1" >"$tmp/build.log" 2>&1 || { tail -30 "$tmp/build.log"; exit 1; }
}
cp "$source/test/ops/rows/halve.c" "$tmp/src/ops/halve.c"
cmake -S "$tmp" -B "$tmp/build" -DCMAKE_BUILD_TYPE=Debug >"$tmp/configure.log" 2>&1 || { tail -30 "$tmp/configure.log"; exit 1; }
cmake --build "$tmp/build" --target help >"$tmp/targets.log"
if ! grep -q test_ops_rows "$tmp/targets.log"; then
    echo "SKIP add_op: cmocka is needed"
    exit 77
fi
run test_ops_rows
HONE_TEST_OP=Halve "$tmp/build/test/test_ops_rows" >"$tmp/rows.log" 2>&1 || { cat "$tmp/rows.log"; exit 1; }
grep -q 'OK.*hone.Halve gradients' "$tmp/rows.log" || { echo "the derived tests do not know the new row"; cat "$tmp/rows.log"; exit 1; }
run gen_ops_doc
"$tmp/build/gen_ops_doc" | grep -q '^### Halve$' || { echo "the documentation does not know the new row"; exit 1; }
sed 's/g->dy\[0\], 0\.5/g->dy[0], -0.5/' "$source/test/ops/rows/halve.c" >"$tmp/src/ops/halve.c"
run test_ops_rows
if HONE_TEST_OP=Halve "$tmp/build/test/test_ops_rows" >"$tmp/rows.log" 2>&1; then
    echo "a gradient with the wrong sign passes"
    exit 1
fi
echo "one new file: table, tests and documentation have the row"
