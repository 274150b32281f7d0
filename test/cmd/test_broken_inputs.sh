# broken inputs from outside: each is refused with its exit code, and the message names the thing that is wrong.
M=$HONE_SOURCE/models/glyph20.onnx
PIC=$HONE_SOURCE/fuzz/corpus/image
DIR=$(mktemp -d "${TMPDIR:-/tmp}/hone-broken-XXXXXX") || exit 1
trap 'chmod -R u+w "$DIR"; rm -rf "$DIR"' EXIT
cd "$DIR" || exit 1
bad=0

# check CODE TEXT ARGS...: exit code, and TEXT in what is said.
check() {
    want=$1 text=$2
    shift 2
    "$HONE" "$@" >said 2>&1
    got=$?
    if [ $got != "$want" ] || ! grep -qF -- "$text" said; then
        echo "hone $*: exit $got, not $want, or no \"$text\" in:"
        cat said
        bad=$((bad + 1))
    fi
}

# npy FILE DESCR SHAPE BYTES: an array of zeros.
npy() {
    head="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
    printf '\223NUMPY\001\000\166\000%-117s\n' "$head" >"$1"
    head -c "$4" /dev/zero >>"$1"
}

npy good.npy '<f4' '(1, 1, 24, 24)' 2304
check 0 "logits" run "$M" --input good.npy
npy complex.npy '<c8' '(1, 1, 24, 24)' 4608
check 3 "image" run "$M" --input complex.npy
npy wide.npy '<f4' '(1, 1, 24, 25)' 2400
check 3 "image" run "$M" --input wide.npy
npy none.npy '<f4' '(0, 1, 24, 24)' 0
check 0 "f32[0,20]" run "$M" --input none.npy
mkdir folder
check 3 "folder" inspect folder
check 3 "folder" run "$M" --input folder
check 3 "gone.npy" run "$M" --input gone.npy
check 3 "folder" eval "$M" --data folder
check 3 "folder" optimize "$M" --data folder --out o

# Pictures: one that is no picture, a label for a picture that is not there, labels out of range.
mkdir -p pics/a pics/b
cp "$PIC/png_rgb" pics/a/1.png
printf 'no picture at all' >pics/b/2.jpg
check 3 "2.jpg" eval "$M" --data pics --preprocess "resize=24,crop=24"
mkdir listed
cp "$PIC/png_rgb" listed/1.png
printf 'file\tclass_index\n1.png\t0\nghost.png\t1\n' >listed/labels.tsv
check 3 "ghost.png" eval "$M" --data listed
check 3 "label" eval "$M" --data glyph:40 --label-offset 5000

# Values that overflow: optimize names the first activation that shows it.
check 3 'activation "relu1" has' optimize "$M" --data glyph:400 --preprocess mean=1e38 --out o

# Where the results go.
mkdir sealed
chmod a-w sealed
printf 'a file' >taken
check 5 "taken" export "$M" --out taken
[ "$(id -u)" = 0 ] || check 5 "sealed" export "$M" --out sealed/deeper

# Plans: damaged, and made for instruction sets that are ruled out.
"$HONE" export "$M" --to plan --out p >said 2>&1 || { cat said; bad=$((bad + 1)); }
check 0 "logits" run p/model.hone --input good.npy
head -c 3000 p/model.hone >cut.hone
check 3 "cut.hone" run cut.hone --input good.npy
{ head -c 200 p/model.hone; printf 'XXXX'; tail -c +205 p/model.hone; } >odd.hone
check 3 "odd.hone" run odd.hone --input good.npy
if "$HONE" inspect p/model.hone --json | grep -Eq '"isa": "(avx|vnni|bf16)'; then
    check 4 "--isa" run p/model.hone --input good.npy --isa generic
fi

check 64 "--isa" inspect "$M" --isa quick
# A file cut short, and a graph with nothing in it.
head -c 20 "$M" >stub.onnx
check 3 "stub.onnx" inspect stub.onnx
printf '\010\010:\000' >bare.onnx
check 3 "no operator set" inspect bare.onnx
printf '\010\010:\000B\002\020\015' >mute.onnx
check 0 "mute.onnx" inspect mute.onnx
check 3 "no output" eval mute.onnx --data glyph:10
[ $bad = 0 ] || { echo "$bad checks failed"; exit 1; }
