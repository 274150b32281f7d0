#!/bin/sh
# check_headers: every header compiles alone, in C17 with -Wpedantic; the public ones also as C++ when there is a compiler for it.
set -eu
cd "$(dirname "$0")/.."
cc=${CC:-cc}
status=0
find $(ls -d src include cmd test 2>/dev/null) -name '*.h' | sort | xargs -P "${JOBS:-$(nproc)}" -I{} sh -c '
    h={}
    case $h in
    *avx512*|*/vnni/*|*/bf16/*)
        isa="-mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16" ;;
    src/kernels/*avx2*) isa="-mavx2 -mfma -mf16c" ;;
    *) isa= ;;
    esac
    printf "#include \"%s\"\ntypedef int unused;\n" "$PWD/$h" |
        '"$cc"' -std=c17 -Wall -Wextra -Wpedantic -Werror $isa -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE \
            -Isrc -Iinclude -Itest -I. -fsyntax-only -x c - || { echo "$h does not compile alone"; exit 1; }
' || status=1
if command -v c++ >/dev/null 2>&1; then
    for h in include/hone/*.h; do
        [ -f "$h" ] || continue
        printf '#include "%s"\n' "$PWD/$h" | c++ -std=c++17 -Wall -Wextra -Iinclude -fsyntax-only -x c++ - || {
            echo "$h does not compile as C++"
            status=1
        }
    done
fi
exit $status
