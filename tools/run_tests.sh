#!/bin/sh
# run_tests: run ctest in a build folder and end in one line of counts, case by case.
# usage: run_tests.sh BUILD [ctest options]. The counts come from ctest's own log.
set -u
export HONE_CHOICES= # no test depends on what was tuned on this machine
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
log=$build/Testing/Temporary/LastTest.log
rm -f "$log"
rc=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "${JOBS:-$(nproc)}" "$@" || rc=$?
if [ ! -f "$log" ]; then
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
counts=$(awk -v rc=$rc -f "$here/count_tests.awk" "$log")
echo "$counts"
case $counts in
*' 0 failed,'*) ;;
*) rc=1 ;;
esac
exit $rc
