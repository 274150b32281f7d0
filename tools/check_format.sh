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
    echo "$files" | xargs -P "${JOBS:-$(nproc)}" -n 16 $tool --dry-run -Werror 2>&1 | grep -E 'error:' | awk -F: '!seen[$1]++ { print $1 ":" $2 ": format differs; run tools/check_format.sh --fix"; n++ } END { exit n > 0 }'
fi
