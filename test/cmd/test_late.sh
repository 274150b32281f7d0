# late: without the library that writes JSON a command with --json fails and says what is missing, why, and what to do.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
name=$(LC_ALL=C grep -aoE 'libjansson\.so\.[0-9]+' "$HONE" | head -n 1)
[ -n "$name" ] || { echo "the program does not name the library"; exit 1; }
echo "no library" >"$dir/$name"
failed=0
for call in "explain $HONE_SOURCE/models/glyph20.onnx" "inspect $HONE_SOURCE/models/glyph20.onnx"; do
    # shellcheck disable=SC2086 # several words
    LD_LIBRARY_PATH="$dir" "$HONE" $call --json >"$dir/out" 2>"$dir/err"
    [ $? -eq 4 ] || { echo "$call: not exit code 4"; failed=1; }
    for part in "\"error\": \"the library $name, which is needed here, cannot be opened" "install it" '"exit": 4'; do
        grep -qF -- "$part" "$dir/out" || { echo "$call does not say: $part"; cat "$dir/out"; failed=1; }
    done
    LD_LIBRARY_PATH="$dir" "$HONE" $call >"$dir/out" 2>&1 || { echo "$call fails without --json"; failed=1; }
done
exit $failed
