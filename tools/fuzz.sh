#!/bin/sh
# fuzz: runs every libFuzzer target of a build folder for FUZZ_SECONDS, starting from its corpus. New inputs stay in the build folder;
# a crash is kept in BUILD/crashes and fails the run.  usage: fuzz.sh BUILD
set -u
cd "$(dirname "$0")/.."
build=$1
seconds=${FUZZ_SECONDS:-20}
mkdir -p "$build/crashes"
failed=0
ran=0
for target in "$build"/fuzz/fuzz_*; do
    [ -x "$target" ] || continue
    ran=$((ran + 1))
    name=${target##*/fuzz_}
    mkdir -p "$build/corpus/$name"
    seeds=
    [ -d "fuzz/corpus/$name" ] && seeds=fuzz/corpus/$name
    dict=
    [ -f "fuzz/$name.dict" ] && dict=-dict=fuzz/$name.dict
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/crashes/$name-" $dict "$build/corpus/$name" $seeds >"$build/fuzz-$name.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz-$name.log")
        echo "fuzz: $name passed, ${runs:-0} runs in $seconds s"
    else
        echo "fuzz: $name FAILED"
        tail -40 "$build/fuzz-$name.log"
        failed=$((failed + 1))
    fi
done
echo "fuzz: $((ran - failed)) passed, $failed failed"
[ "$failed" = 0 ]
