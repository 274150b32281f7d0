#!/bin/sh
# check_mutations: the text that each edit of tools/mutations.txt replaces occurs once in its file.
set -eu
cd "$(dirname "$0")/.."
awk -F'|' '
function bad(what) { printf "tools/mutations.txt:%d: %s: %s\n", FNR, $1, what; failed = 1 }
/^#/ || !NF { next }
NF != 4 { bad("not FILE|FROM|TO|TESTS"); next }
{
    if (!($1 in text)) while ((getline line < $1) > 0) text[$1] = text[$1] line "\n"
    at = index(text[$1], $2)
    if (at == 0) bad("does not hold: " $2)
    else if (index(substr(text[$1], at + 1), $2) != 0) bad("holds more than once: " $2)
}
END { exit failed }
' tools/mutations.txt
