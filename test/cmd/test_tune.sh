#!/bin/sh
# hone tune writes a file that later commands read; a damaged one costs a warning, not the command.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=${HONE_SOURCE:-$(dirname "$0")/../..}/models/glyph20.onnx
fail() {
    echo "FAILED: $*"
    exit 1
}
"$HONE" tune "$model" --time-budget 5s --choices "$work/deep/choices" >"$work/out" || fail "tune gives $?"
grep -q "^kept in $work/deep/choices" "$work/out" || fail "the file is not named"
[ "$(head -1 "$work/deep/choices")" = "hone choices 1" ] || fail "the file begins otherwise"
"$HONE" explain "$model" --choices "$work/deep/choices" | grep -q "not .*: measured .* us; .* us for what is taken" ||
    fail "explain does not tell what was measured"
"$HONE" explain "$model" --choices "" | grep -q "measured" && fail "rules alone tell of measurements"
sed -i '4s/^/x/' "$work/deep/choices"
"$HONE" explain "$model" --choices "$work/deep/choices" >"$work/out" 2>"$work/err" || fail "a damaged file stops the command"
grep -q "line 4" "$work/err" || fail "the warning does not name the line"
"$HONE" tune "$model" --choices "" >"$work/out" 2>&1 && fail "tune without a file succeeds"
grep -q -- "--choices" "$work/out" || fail "no hint without a file"
echo "choices are kept, shown, and left aside when damaged"
