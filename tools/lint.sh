#!/bin/sh
# lint: every check, each with its seconds; all run even when one fails.
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build}
failed=0
for check in layers symbols sizes headers words mutations format tidy; do
    start=$(date +%s)
    if tools/check_$check.sh $([ $check = symbols ] || [ $check = tidy ] && echo "$build"); then
        echo "lint: $check passed ($(($(date +%s) - start)) s)"
    else
        echo "lint: $check FAILED ($(($(date +%s) - start)) s)"
        failed=$((failed + 1))
    fi
done
[ $failed = 0 ] || { echo "lint: $failed checks failed"; exit 1; }
