# docs: every command line in the README and the guides names a command and options that the program has, and every local link leads
# to a file.
set -u
cd "$HONE_SOURCE" || exit 1
failed=0
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
grep -hoE '^    (build/)?hone [a-z]+ .*' README.md docs/optimise.md docs/run-and-deploy.md docs/data.md docs/numerics.md |
    sed 's/ *#.*//; s/^ *\(build\/\)\{0,1\}hone //' >"$lines"
[ "$(wc -l <"$lines")" -ge 12 ] || { echo "too few command lines were found"; failed=1; }
while read -r command rest; do
    help=$("$HONE" help "$command" 2>/dev/null) || { echo "no command $command"; failed=1; continue; }
    for option in $(echo "$rest" | grep -oE -- '--[a-z0-9-]+'); do
        echo "$help" | grep -qE -- "^ *$option( |$)" || { echo "hone $command has no $option"; failed=1; }
    done
done <"$lines"
for page in README.md docs/*.md docs/decisions/*.md src/*/README.md cmd/README.md test/README.md tools/README.md; do
    for link in $(grep -oE '\]\([^)#]+\)' "$page" | sed 's/^](//; s/)$//' | grep -v '^http'); do
        [ -e "$(dirname "$page")/$link" ] || { echo "$page: no $link"; failed=1; }
    done
done
exit $failed
