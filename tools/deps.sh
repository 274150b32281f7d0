#!/bin/sh
# deps: see that what the build needs is there. Missing Debian packages are installed when that needs no password, else named.
# usage: deps.sh [ci]   (ci: also what .ci/run needs)
set -eu

need_cmd() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need_pc() { pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"; }
need_header() {
    for d in /usr/include "/usr/include/$(cc -dumpmachine 2>/dev/null || echo none)" /usr/local/include; do
        if [ -f "$d/$1" ]; then return; fi
    done
    missing="$missing $2"
}

look() {
    missing=
    need_cmd cc gcc
    need_cmd cmake cmake
    need_cmd ninja ninja-build
    need_cmd pkg-config pkg-config
    need_pc jansson libjansson-dev
    need_pc yaml-0.1 libyaml-dev
    need_pc zlib zlib1g-dev
    need_pc libjpeg libjpeg-dev
    need_pc libpng libpng-dev
    need_pc sndfile libsndfile1-dev
    need_pc libarchive libarchive-dev
    need_pc libwebp libwebp-dev
    need_pc libopenjp2 libopenjp2-7-dev
    need_pc cmocka libcmocka-dev
    if [ "${1:-}" = ci ]; then
        need_cmd gcc gcc
        need_cmd clang clang
        need_cmd clang-format-14 clang-format-14
        need_cmd clang-tidy-14 clang-tidy-14
        need_cmd git git
        need_cmd nm binutils
        # The sanitizer runtimes of clang are a package of their own.
        if command -v clang >/dev/null 2>&1; then
            [ -f "$(clang --print-file-name=libclang_rt.asan-x86_64.a 2>/dev/null)" ] ||
                [ -d "$(clang --print-resource-dir)/lib/linux" ] || missing="$missing libclang-rt-14-dev"
        else
            missing="$missing libclang-rt-14-dev"
        fi
    fi
}

look "$@"
[ -n "$missing" ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo='sudo -n'
    else
        echo "deps: missing Debian packages:$missing" >&2
        echo "deps: install them with: apt-get install$missing" >&2
        exit 1
    fi
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "deps: missing (Debian names):$missing; install them with this system's package manager" >&2
    exit 1
fi
echo "deps: installing$missing"
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 update
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
look "$@"
[ -z "$missing" ] || { echo "deps: still missing:$missing" >&2; exit 1; }
