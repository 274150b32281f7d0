#!/bin/sh
# check_sizes: no file over 800 lines, no function over 120; exceptions with reasons in tools/sizes_allowed.txt. A function is
# what starts at a line "{" in column one and ends at a line "}".
set -eu
cd "$(dirname "$0")/.."
git ls-files -co --exclude-standard '*.c' '*.h' '*.inc' '*.cu' | sort | xargs awk '
function report(what, lines, limit) {
    key = FILENAME
    if (key in allowed) { used[key] = 1; return }
    printf "%s: %s has %d lines, the limit is %d\n", key_at, what, lines, limit
    failed = 1
}
BEGIN {
    while ((getline line < "tools/sizes_allowed.txt") > 0) { sub(/[ \t].*/, "", line); if (line != "" && line !~ /^#/) allowed[line] = 1 }
}
FNR == 1 { if (NR > 1 && count > 800 && !(last in allowed)) { printf "%s: the file has %d lines, the limit is 800\n", last, count; failed = 1 } last = FILENAME; start = 0 }
{ count = FNR; key_at = FILENAME ":" FNR }
/^\{/ { start = FNR }
/^\}/ { if (start > 0 && FNR - start + 1 > 120) report("the function ending here", FNR - start + 1, 120); start = 0 }
END {
    if (count > 800 && !(last in allowed)) { printf "%s: the file has %d lines, the limit is 800\n", last, count; failed = 1 }
    exit failed
}
'
