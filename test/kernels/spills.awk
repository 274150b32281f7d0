# Reads `objdump -d --no-show-raw-insn`. An innermost loop with eight vector multiplications or more is a hot one; vectors
# that it moves to or from the stack were spilled. One line per loop that does; at the end the number of hot loops.
function number(hex,    i, v) {
    for (i = 1; i <= length(hex); i++) v = 16 * v + index("0123456789abcdef", substr(hex, i, 1)) - 1
    return v
}
function flush(    i, j, k, inner, products, moves) {
    for (i = 1; i <= jumps; i++) {
        inner = 1
        for (j = 1; j <= jumps; j++)
            if (j != i && to[j] >= to[i] && from[j] <= from[i]) inner = 0
        products = moves = 0
        for (k = 1; inner && k <= count; k++) {
            if (at[k] < to[i] || at[k] > from[i]) continue
            if (text[k] ~ /^v(fn?m(add|sub)[0-9]+ps|pdpbusd|pdpwssd|dpbf16ps|pmaddwd|pmaddubsw)/) products++
            if (text[k] ~ /^vmov.*%[yz]mm/ && text[k] ~ /\(%r[sb]p[,)]/) moves++
        }
        if (products < 8 || name !~ only) continue
        hot++
        if (moves > limit) printf "%s: a loop of %d multiplications moves %d vectors to or from the stack\n", name, products, moves
    }
    jumps = count = 0
}
/^[0-9a-f]+ <.*>:$/ {
    flush()
    name = substr($2, 2, length($2) - 3)
    next
}
/^ +[0-9a-f]+:\t/ {
    at[++count] = here = number(substr($1, 1, length($1) - 1))
    text[count] = substr($0, index($0, "\t") + 1)
    if ($2 ~ /^j/ && $3 ~ /^[0-9a-f]+$/ && (target = number($3)) < here) {
        from[++jumps] = here
        to[jumps] = target
    }
}
END {
    flush()
    printf "hot %d\n", hot
}
