#!/bin/sh
# check_layers: every #include "room/file.h" must follow an edge of src/LAYERS; cmd/ sees only include/hone/ and itself; a public
# header sees only public headers; an inside header (*_priv.h) stays in its room.
set -eu
cd "$(dirname "$0")/.."
find $(ls -d src cmd include 2>/dev/null) -name '*.[ch]' -o -name '*.inc' -o -name '*.cu' | sort | xargs awk '
function bad(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }
BEGIN {
    while ((getline line < "src/LAYERS") > 0) {
        if (line ~ /^#/ || line !~ /:/) continue
        split(line, part, ":")
        rooms[part[1]] = 1
        n = split(part[2], list, " ")
        for (i = 1; i <= n; i++) edge[part[1] " " list[i]] = 1
        edge[part[1] " " part[1]] = 1
    }
}
FNR == 1 {
    split(FILENAME, path, "/")
    top = path[1]
    room = path[2]
    if (top == "src" && !(room in rooms)) bad("room " room " is not in src/LAYERS")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*/, "", target)
    if (target !~ /\//) { bad("include \"" target "\" names no room; write \"room/file.h\""); next }
    to = target
    sub(/\/.*/, "", to)
    if (top == "cmd") { if (to != "cmd" && to != "hone") bad("cmd may include only hone/ and cmd/, not " target) }
    else if (top == "include") { if (to != "hone") bad("a public header may include only hone/, not " target) }
    else if (to == "hone") { if (room != "api") bad("only the room api may include " target) }
    else if (!(to in rooms)) bad("no room holds " target)
    else if (!((room " " to) in edge)) bad(room " may not include " target)
    else if (target ~ /_priv\.h$/ && to != room) bad(target " is inside its room")
}
/^[ \t]*#[ \t]*include[ \t]*<hone\// { if (top == "src" && room != "api") bad("only the room api may include the public header") }
END { exit failed }
'
