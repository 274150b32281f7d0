#!/bin/sh
# mutate: makes each edit of tools/mutations.txt in a copy of the tree and demands that a test fails. An edit that no longer applies, that
# does not compile, or that no test notices is a failure of this run.  usage: mutate.sh [regex of edits]
# A line is FILE|FROM|TO|TESTS: FROM is literal text that occurs once in FILE, TESTS a regex of ctest names.
set -u
cd "$(dirname "$0")/.."
root=$PWD
copy=$root/build-mutate
only=${1:-.}
log=$copy/mutate.log
mkdir -p "$copy/tree"
git ls-files -co --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done >"$copy/files"
# Only what differs is written, so that a second run compiles little.
(cd "$copy/tree" && find . -type f ! -path './build/*' | sed 's|^\./||' | sort) >"$copy/have"
sort "$copy/files" | comm -13 - "$copy/have" | while read -r f; do rm -f "$copy/tree/$f"; done
while read -r f; do
    cmp -s "$f" "$copy/tree/$f" || { mkdir -p "$copy/tree/$(dirname "$f")" && cp -p "$f" "$copy/tree/$f" && touch "$copy/tree/$f"; }
done <"$copy/files"
cd "$copy/tree" || exit 1
export HONE_DATA="${HONE_DATA:-$root/../shared/data}"
[ -f build/build.ninja ] || cmake -S . -B build -G Ninja >"$log" 2>&1 || { cat "$log"; exit 1; }
ninja -C build -j "${JOBS:-$(nproc)}" >"$log" 2>&1 || { tail -30 "$log"; echo "mutate: the tree does not build"; exit 1; }

# The build targets behind the tests a regex names: one test program, a corpus replay, or the program itself for scripts.
targets_of() {
    ctest --test-dir build -N -R "$1" 2>/dev/null | sed -n 's/^ *Test *#[0-9]*: *//p' | while IFS=/ read -r room name; do
        if [ "$room" = fuzz ]; then echo "replay_$name"
        elif [ -f "test/$room/test_$name.c" ]; then echo "test_${room}_$name"
        else echo hone; fi
    done | sort -u
}

noticed=0
missed=0
while IFS='|' read -r file from to tests; do
    case $file in '' | '#'*) continue ;; esac
    echo "$file|$from" | grep -qE "$only" || continue
    cp -p "$file" "$copy/original"
    if ! FROM="$from" TO="$to" awk '
        { line = line (NR > 1 ? "\n" : "") $0 }
        END {
            from = ENVIRON["FROM"]
            at = index(line, from)
            if (at == 0 || index(substr(line, at + 1), from) != 0) exit 1
            print substr(line, 1, at - 1) ENVIRON["TO"] substr(line, at + length(from))
        }' "$copy/original" >"$file"; then
        verdict="DOES NOT APPLY (the text must occur exactly once)"
    elif ! targets=$(targets_of "$tests") || [ -z "$targets" ]; then
        verdict="NO TEST $tests"
    elif ! ninja -C build -j "${JOBS:-$(nproc)}" $targets >"$log" 2>&1; then
        verdict="DOES NOT COMPILE"
    elif ctest --test-dir build -R "$tests" -j "${JOBS:-$(nproc)}" --timeout 20 >"$log" 2>&1; then
        verdict="NOT NOTICED by $tests"
    else
        verdict=
    fi
    if [ -z "$verdict" ]; then
        noticed=$((noticed + 1))
        echo "noticed: $file: $from -> $to"
    else
        missed=$((missed + 1))
        echo "MISSED:  $file: $from -> $to: $verdict"
    fi
    cp "$copy/original" "$file"
done <"$root/tools/mutations.txt"
echo "mutate: $noticed noticed, $missed missed"
[ "$missed" = 0 ] && [ "$noticed" -gt 0 ]
