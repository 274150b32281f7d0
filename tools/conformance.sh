#!/bin/sh
# conformance: the ONNX backend cases through every way this program has to run a model: the reference kernels on the graph
# as it stands, then every optimisation pass under each instruction set that the machine has.
# usage: conformance.sh HONE [--part N/M] [--fast] [--missing-ok] [CASES]
#   CASES: a folder of suites, or cases.tar.zst, which is unpacked to a temporary folder (default: that of HONE_DATA)
#   --part N/M: only every M-th case, starting at N (0 to M - 1); --fast: the reference and the best instruction set only
#   --missing-ok: cases refused for an operator without a row do not count as failed
# One line per suite and run: passed; failed; missing (refused: an operator without a row, named in the message); random (of
# the passed, those whose numbers are free: only their shape is compared).
# Exit: 0 all passed, 1 something failed, 77 no cases.
set -eu
hone=$1
shift
part=0 parts=1 runs='reference generic avx2 auto' cases= missing_ok=0 fast=0
while [ $# -gt 0 ]; do
    case $1 in
    --part) part=${2%/*} parts=${2#*/}; shift ;;
    --fast) runs='reference auto' fast=1 ;;
    --missing-ok) missing_ok=1 ;;
    *) cases=$1 ;;
    esac
    shift
done
here=$(cd "$(dirname "$0")" && pwd)
[ -n "$cases" ] || cases=${HONE_DATA:-$here/../../shared/data}/onnx-node/cases.tar.zst
if [ ! -e "$cases" ]; then
    echo "SKIP no cases at $cases"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -f "$cases" ]; then
    mkdir "$work/all"
    if ! { zstd -dqc "$cases" | tar -xf - -C "$work/all"; } 2>"$work/why"; then
        echo "SKIP cannot unpack $cases: $(head -1 "$work/why")"
        exit 77
    fi
    cases=$work/all
fi

# A folder with links to the cases of this part, for each suite (a folder of folders with model.onnx).
# A case may also be one file with its outputs beside it, NAME.onnx and NAME_output_*.pb.
cases=$(cd "$cases" && pwd)
index=0
for model in "$cases"/*/*/model.onnx "$cases"/*/*.onnx; do
    [ -f "$model" ] || continue
    index=$((index + 1))
    [ $((index % parts)) = "$part" ] || continue
    case=${model%/model.onnx}
    suite=${case%/*}
    suite=$work/part/${suite##*/}
    [ -d "$suite" ] || mkdir -p "$suite"
    ln -s "$case" "$suite/"
    [ "$case" != "$model" ] || ln -s "${model%.onnx}"_output_*.pb "$suite/"
done
if [ $index = 0 ]; then
    echo "SKIP no cases below $cases"
    exit 77
fi

bad=0 total=0
printf '%-18s %-10s %7s %7s %7s %7s\n' suite run passed failed missing random
for suite in "$work"/part/*; do
    for run in $runs; do
        # Whole networks take minutes through the reference kernels.
        if [ $fast = 1 ] && [ "$run${suite##*/}" = referencelight ]; then continue; fi
        if [ "$run" = reference ]; then how=--reference; else how="--isa $run"; fi
        # shellcheck disable=SC2086
        "$hone" verify --cases "$suite" $how >"$work/log" 2>&1 || true
        awk -v suite="${suite##*/}" -v run="$run" '
            $1 == "passed" { passed++ }
            $1 == "failed" && /operator .* is not supported/ { missing++ }
            $1 == "failed" { failed++ }
            match($0, /\([0-9]+ of the passed random/) { random = substr($0, RSTART + 1) + 0 }
            END {
                if (!passed && !failed) failed = 1
                printf "%-18s %-10s %7d %7d %7d %7d\n", suite, run, passed, failed - missing, missing, random
            }' "$work/log" >"$work/line"
        cat "$work/line"
        read -r _ _ passed failed missing _ <"$work/line"
        total=$((total + passed))
        [ "$failed" = 0 ] || grep '^failed' "$work/log" | grep -v 'operator .* is not supported' | sed 's/^/    /' ||
            tail -3 "$work/log"
        [ $missing_ok = 1 ] || failed=$((failed + missing))
        bad=$((bad + failed))
    done
done
echo "$total passed, $bad failed"
[ $bad = 0 ]
