#!/bin/sh
# The inner loops of the matrix and window tiles keep their sums in registers: nothing of them goes to the stack. Read off
# the objects of this build; instrumented builds are not optimised, so there the test is left out.
set -eu
objects=$(dirname "$HONE")/CMakeFiles/hone_objects.dir/src/kernels
here=$(dirname "$0")
command -v objdump >/dev/null || { echo "SKIP no objdump"; exit 77; }
[ -d "$objects/avx512" ] || { echo "SKIP no x86 kernels in this build"; exit 77; }
if nm "$HONE" | grep -q "__asan_init\|__tsan_init\|__ubsan_handle"; then
    echo "SKIP an instrumented build"
    exit 77
fi
total=0
# kernel files, and the functions in them that hold the inner loops
while read -r files functions; do
    for object in "$objects"/$files.c.o; do
        [ -f "$object" ] || { echo "FAILED: no object $object"; exit 1; }
        found=$(objdump -d --no-show-raw-insn "$object" | awk -v limit=0 -v only="$functions" -f "$here/spills.awk")
        hot=${found##*hot }
        [ "$hot" -gt 0 ] || { echo "FAILED: ${object##*/} has no loop that looks hot; does spills.awk still fit?"; exit 1; }
        case $found in
        hot*) ;;
        *) echo "FAILED: ${object##*/}: $found"; exit 1 ;;
        esac
        total=$((total + hot))
    done
done <<'EOF'
avx512/gemm_f32_* ^tile
avx512/dwconv_f32 .
avx512/conv_few_f32_* .
bf16/gemm_bf16_* ^tile
vnni/gemm_q8_* ^[us]8_
vnni/wino_q8_4 ^rows_of
avx2/dwconv_f32 ^(strip|sweep|narrow)
avx2/dwconv_q8 ^(near|far)_
avx2/conv_few_f32 ^(tile|short|three)
avx2/gemm_f32_6x16 ^tile
avx2/gemm_bf16_4x16 ^tile
avx2/gemm_q8_6x16* ^(wide|half)_
avx2/rowconv_q8 ^(any|plain)_
avx2/wino_q8_* ^rows_of
EOF
echo "$total inner loops, none of them spills"
