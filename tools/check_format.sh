#!/bin/sh
# check_format: clang-format 14 would change nothing.  usage: check_format.sh [--fix]
set -eu
cd "$(dirname "$0")/.."
tool=
for t in clang-format-14 clang-format; do
    if command -v $t >/dev/null 2>&1; then tool=$t; break; fi
done
[ -n "$tool" ] || { echo "check_format: clang-format-14 is missing (Debian package clang-format-14)"; exit 1; }
case $($tool --version) in
*' 14.'*) ;;
*) echo "check_format: $tool is not version 14, whose layout is ours"; exit 1 ;;
esac
files=$(git ls-files -co --exclude-standard '*.c' '*.h' '*.inc')
if [ "${1:-}" = --fix ]; then
    echo "$files" | xargs -P "${JOBS:-$(nproc)}" -n 16 $tool -i
else
    # Each batch speaks once, so that the lines of two batches do not mix.
    # shellcheck disable=SC2016
    echo "$files" | xargs -P "${JOBS:-$(nproc)}" -n 16 sh -c '
        out=$("$0" --dry-run -Werror "$@" 2>&1 | awk -F: "/error:/ && !seen[\$1]++ { print \$1 \": format differs; run tools/check_format.sh --fix\" }")
        [ -z "$out" ] || { echo "$out"; exit 1; }' "$tool"
fi
