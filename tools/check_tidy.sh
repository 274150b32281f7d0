#!/bin/sh
# check_tidy: a few clang-tidy checks that find real mistakes and are quick. Only the files that changed since the last clean run are
# looked at; the stamps lie in the build folder.  usage: check_tidy.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
tool=
for t in clang-tidy-14 clang-tidy; do
    if command -v $t >/dev/null 2>&1; then tool=$t; break; fi
done
[ -n "$tool" ] || { echo "check_tidy: clang-tidy-14 is missing (Debian package clang-tidy-14)"; exit 1; }
[ -f "$build/compile_commands.json" ] || { echo "check_tidy: no $build/compile_commands.json; build first"; exit 1; }
checks='-*,bugprone-suspicious-memset-usage,bugprone-suspicious-string-compare,bugprone-suspicious-semicolon,bugprone-suspicious-enum-usage,bugprone-infinite-loop,bugprone-macro-parentheses,bugprone-not-null-terminated-result,bugprone-misplaced-widening-cast,bugprone-redundant-branch-condition,misc-redundant-expression'
stamps=$build/tidy
mkdir -p "$stamps"
find $(ls -d src cmd 2>/dev/null) -name '*.c' ! -path 'src/kernels/*/*' | sort | while read -r f; do
    sum=$( (cat "$f"; echo "$checks") | sha256sum | cut -c1-32)
    [ -f "$stamps/$sum" ] || echo "$f $sum"
done >"$stamps/.list"
xargs -r -P "${JOBS:-$(nproc)}" -L 1 sh -c '
    out=$('"$tool"' -p '"$build"' --quiet --warnings-as-errors="*" --checks="'"$checks"'" "$1" 2>/dev/null) ||
        { echo "$out"; exit 1; }
    : >"'"$stamps"'/$2"' sh <"$stamps/.list"
