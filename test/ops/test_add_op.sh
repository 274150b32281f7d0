#!/bin/sh
# add_op: adding an op is adding one file. A copy of the tree, with the few rows that gradients of test/ops/rows/halve.c need, gets
# that file as src/ops/halve.c and nothing else; the row must then be in the table, in the derived tests and in the
# documentation. A row whose gradient is wrong must fail.
set -eu
source=${HONE_SOURCE:?}
tmp=$(mktemp -d "${HONE_BUILD:?}/add_op.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/src/ops" "$tmp/src/passes" "$tmp/test/ops" "$tmp/test/support"
for part in CMakeLists.txt cmake include tools; do
    if [ -e "$source/$part" ]; then cp -R "$source/$part" "$tmp/"; fi
done
for room in base tensor ir; do cp -R "$source/src/$room" "$tmp/src/"; done
cp "$source"/src/ops/*.h "$source"/src/ops/lib_*.c "$tmp/src/ops/"
for row in add cast expand mul reduce_sum reshape; do cp "$source/src/ops/$row.c" "$tmp/src/ops/"; done
cp "$source"/src/passes/autodiff.h "$source"/src/passes/lib_autodiff.c "$tmp/src/passes/"
cp "$source/test/ops/test_rows.c" "$tmp/test/ops/"
for file in opcase oprun; do cp "$source/test/support/$file".[ch] "$tmp/test/support/"; done

build() {
    cmake --build "$tmp/build" -j 2 --target "$1" >"$tmp/build.log" 2>&1 || { tail -30 "$tmp/build.log"; exit 1; }
}
cp "$source/test/ops/rows/halve.c" "$tmp/src/ops/halve.c"
cmake -S "$tmp" -B "$tmp/build" -DCMAKE_BUILD_TYPE=Debug >"$tmp/configure.log" 2>&1 || { tail -30 "$tmp/configure.log"; exit 1; }
cmake --build "$tmp/build" --target help >"$tmp/targets.log"
if ! grep -q test_ops_rows "$tmp/targets.log"; then
    echo "SKIP add_op: cmocka is needed"
    exit 77
fi
build test_ops_rows
HONE_TEST_OP=Halve "$tmp/build/test/test_ops_rows" >"$tmp/rows.log" 2>&1 || { cat "$tmp/rows.log"; exit 1; }
grep -q 'OK.*hone.Halve gradients' "$tmp/rows.log" || { echo "the derived tests do not know the new row"; cat "$tmp/rows.log"; exit 1; }
build gen_ops_doc
"$tmp/build/gen_ops_doc" >"$tmp/ops.md"
grep -q '^### Halve$' "$tmp/ops.md" || { echo "the documentation does not know the new row"; exit 1; }
sed 's/g->dy\[0\], 0\.5/g->dy[0], -0.5/' "$source/test/ops/rows/halve.c" >"$tmp/src/ops/halve.c"
build test_ops_rows
if HONE_TEST_OP=Halve "$tmp/build/test/test_ops_rows" >"$tmp/rows.log" 2>&1; then
    echo "a gradient with the wrong sign passes"
    exit 1
fi
echo "one new file: table, tests and documentation have the row"
