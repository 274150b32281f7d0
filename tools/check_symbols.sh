#!/bin/sh
# check_symbols: libhone.a keeps no writable state and calls nothing that ends or talks past its host. The heap is taken only in
# src/base. Sanitizer builds add symbols of their own and are not checked.  usage: check_symbols.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
lib=$build/libhone.a
[ -f "$lib" ] || { echo "check_symbols: $lib is missing; build first"; exit 1; }
if grep -q '^HONE_SANITIZE:.*=.' "$build/CMakeCache.txt"; then
    echo "check_symbols: $build is a sanitizer build, nothing checked"
    exit 0
fi
objects=$build/CMakeFiles/hone_objects.dir
find "$objects" -name '*.o' | while read -r o; do
    src=${o#"$objects"/}
    [ -f "${src%.o}" ] || [ -f "$build/${src%.o}" ] || rm -f "$o" # left over from a file that is gone
done
find "$objects" -name '*.o' | sort | xargs nm -A -f sysv | awk -F'|' -v prefix="$objects/" -v allow_file=tools/symbols_allowed.txt '
BEGIN {
    while ((getline line < allow_file) > 0) { sub(/[ \t]*#.*/, "", line); if (line != "") allowed[line] = 1 }
    split("abort exit _exit _Exit quick_exit printf vprintf puts putchar fprintf vfprintf fputs fputc putc perror system setlocale " \
          "setenv putenv rand srand strtok strerror __printf_chk __vprintf_chk __fprintf_chk __vfprintf_chk", list, " ")
    for (i in list) forbidden[list[i]] = 1
    split("malloc free calloc realloc reallocarray aligned_alloc posix_memalign memalign valloc strdup strndup __strdup asprintf " \
          "vasprintf __asprintf_chk __vasprintf_chk getline getdelim", list, " ")
    for (i in list) heap[list[i]] = 1
}
function say(text) { printf "%s: %s\n", object, text; failed = 1 }
NF >= 7 {
    object = $1
    sub(/:[^:]*$/, "", object)
    symbol = substr($1, length(object) + 2)
    object = substr(object, length(prefix) + 1)
    sub(/\.o$/, "", object)
    gsub(/ /, "", symbol)
    section = $7
    gsub(/ /, "", section)
    if (symbol in allowed || (object ":" symbol) in allowed) next
    symbols++
    if (section ~ /^(\.(data|bss|tdata|tbss)|\*COM\*)/ && section !~ /^\.data\.rel\.ro/ && symbol !~ /^\./) say("writable data " symbol)
    if (section == "*UND*" && symbol in forbidden) say("calls " symbol)
    if (section == "*UND*" && symbol in heap && object !~ /^src\/base\//) say("calls " symbol "; the heap is behind base/env.h")
}
END {
    if (symbols == 0) { print "check_symbols: nm said nothing"; failed = 1 }
    exit failed
}
'
