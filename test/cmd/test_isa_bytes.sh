#!/bin/sh
# Quantised models give the same bytes on every instruction set: each run of `hone run --isa` against the generic one.
set -eu
data=${HONE_DATA:-$(dirname "$0")/../../../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=0
for model in "$data"/models/*_int8_qdq; do
    [ -f "$model/model.onnx" ] && [ -d "$model/test_data_set_0" ] || continue
    found=$((found + 1))
    for isa in generic avx2 avx512 vnni bf16; do
        "$HONE" run "$model/model.onnx" --input "$model/test_data_set_0" --isa $isa --output "$work/$isa" >/dev/null
        for file in "$work"/generic/output_*; do
            cmp "$file" "$work/$isa/${file##*/}" || { echo "FAILED: $model differs with --isa $isa"; exit 1; }
        done
    done
    rm -rf "$work"/*
done
if [ "$found" = 0 ]; then
    echo "SKIP no quantised models below $data"
    exit 77
fi
echo "$found models, the same bytes on every instruction set"
