#!/bin/sh
# check_words: words that have no place in the tracked text: promises instead of code, and paths of one machine.
set -eu
cd "$(dirname "$0")/.."
self=tools/check_words.sh
status=0
look() {
    if git grep -nIE "$@" -- . ":!$self" ':!LICENSE' ':!fuzz/corpus' ':!models'; then status=1; fi
}
look -w 'TODO|FIXME|XXX|HACK'
look -i 'not (yet )?implemented|\bplaceholder (for|until|value for now)|\bstub(bed)? out\b'
look '(^|[^A-Za-z0-9_.])/(work|root|home/[a-z]+)/'
exit $status
