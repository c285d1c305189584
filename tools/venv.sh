#!/bin/sh
# tools/venv.sh DIRECTORY REQUIREMENTS...
#
# Makes the virtual environment DIRECTORY (below the repository root) hold what the pinned REQUIREMENTS files say.
# Does nothing when it already does: each set of files leaves a stamp of everything that decided the result.
# An environment that is outdated, half-made, moved or broken is made anew. BASE_PYTHON names another interpreter.
set -eu

cd "$(dirname "$0")/.."
root=$(pwd -P)
venv=$1
shift

fits="import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))"

# Settings of the machine that would send packages elsewhere than into the environment.
unset PYTHONHOME PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

fail() {
    echo "make: $*" >&2
    exit 1
}

find_python() {
    if [ -n "${BASE_PYTHON:-}" ]; then
        "$BASE_PYTHON" -c "$fits" 2>/dev/null ||
            fail "BASE_PYTHON=$BASE_PYTHON is not Python 3.10 to 3.13: name one that is, or leave it unset."
        command -v "$BASE_PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
        # A name may stand in the path and yet not run (version managers), so each one is tried.
        if "$candidate" -c "$fits" >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    found=$(python3 -V 2>/dev/null) || found="no python3"
    fail "Python 3.10 to 3.13 is needed (dbt-core 1.11 does not run on newer ones) but there is $found: install one" \
        "of them and run make again, or name it: BASE_PYTHON=/path/to/python make build."
}

is_usable() {
    [ ! -e "$venv/.unfinished" ] &&
        "$venv/bin/python" -c "$fits" >/dev/null 2>&1 &&
        "$venv/bin/python" -m pip --version >/dev/null 2>&1 &&
        # A copied or moved environment has scripts that start the interpreter of the old place.
        grep -qF "$root/$venv" "$venv/bin/activate"
}

is_asked_for() {
    [ -z "${BASE_PYTHON:-}" ] || [ "$("$BASE_PYTHON" -V 2>/dev/null)" = "$("$venv/bin/python" -V 2>/dev/null)" ]
}

fingerprint() {
    {
        echo "$root/$venv"
        "$venv/bin/python" -V
        cat "$@"
    } 2>&1 | cksum
}

# `.venv/bin/ope` is the program from any directory (tools/ope).
link_program() {
    [ "$venv" != .venv ] || [ -e "$venv/bin/ope" ] || ln -sf ../../tools/ope "$venv/bin/ope"
}

stamp=$venv/.ready
arguments=
for file in "$@"; do
    stamp=$stamp-$(basename "$file" .txt)
    arguments="$arguments --requirement $file"
done

if is_asked_for && [ -f "$stamp" ] && [ "$(fingerprint "$@")" = "$(cat "$stamp")" ]; then
    link_program
    exit 0
fi

python=$(find_python) || exit 1
# A stamp that no longer fits means other pins, and pip leaves what is no longer pinned where it is.
if [ -f "$stamp" ] || ! is_usable || ! is_asked_for; then
    rm -rf "$venv"
fi
if [ ! -e "$venv" ]; then
    echo "Setting up $venv with $("$python" -V): once, about a minute ..."
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        fail "$python cannot make a virtual environment: install its venv module (Debian and Ubuntu:" \
            "apt install python3-venv) and run make again."
    fi
else
    echo "Adding $* to $venv ..."
fi
touch "$venv/.unfinished"
# shellcheck disable=SC2086  # names of files of this repository: no blanks in them
"$venv/bin/python" -m pip install --quiet --no-deps --only-binary :all: $arguments ||
    fail "the packages of $* could not be installed (see above): check the network and run make again."
"$venv/bin/python" -m pip check >/dev/null || fail "the pins of $* contradict each other: run $venv/bin/python -m pip check."
link_program
rm -f "$venv/.unfinished"
fingerprint "$@" >"$stamp"
