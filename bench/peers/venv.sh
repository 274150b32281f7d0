# venv.sh: sourced by the peers' scripts. `peers_python PACKAGE...` prints the interpreter of a throw-away virtual
# environment that holds the packages, made when it is missing. Peers come from PyPI by name; nothing of them is linked
# into hone or kept in the repository. PEERS_VENV names another place; PEERS_PIP adds arguments for pip.
peers_python() {
    venv=${PEERS_VENV:-$ROOT/build/peers-venv}
    if [ ! -x "$venv/bin/python" ]; then
        mkdir -p "$(dirname "$venv")"
        python3 -m venv "$venv" >&2 || return 1
    fi
    for package in "$@"; do
        if ! "$venv/bin/python" -c "import $package" >/dev/null 2>&1; then
            "$venv/bin/python" -m pip install --quiet --disable-pip-version-check ${PEERS_PIP:-} "$package" >&2 || {
                echo "peers: PyPI gives no $package; without it there is nothing to compare with" >&2
                return 1
            }
        fi
    done
    echo "$venv/bin/python"
}

# The library and the program, built when they are missing or older than their sources.
peers_build() {
    build=${BUILD:-$ROOT/build}
    [ -f "$build/build.ninja" ] || make -s -C "$ROOT" BUILD="$build" all >&2 || return 1
    cmake --build "$build" --target hone hone_shared "$@" >/dev/null || return 1
    echo "$build"
}
