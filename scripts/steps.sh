# Sourced by the other scripts: where results go, headlines with their times, and how to give up.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/evenhand
pkg=$root/server/assets/pkg
cd "$root"

# Outside the repository, so that a second clone finds its dependencies built.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export PATH=$cache/bin:$root/node_modules/.bin:$PATH
if ! command -v cargo >/dev/null && [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ]; then
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
fi

current_step=
step_times=

# step TITLE COMMAND...: runs the command under a headline; the script ends if it fails.
step() {
    current_step=$1
    shift
    local started=$SECONDS
    printf '\n==> %s\n' "$current_step"
    # Not in a condition: there, bash would go on after a failure inside a function.
    "$@"
    local line
    line=$(printf '%6d s  %s' $((SECONDS - started)) "$current_step")
    step_times+=$line$'\n'
    current_step=
}

# To be set as the EXIT trap of a script that uses step.
report_steps() {
    local status=$?
    [ -z "$step_times" ] || printf '\n%s' "$step_times"
    if [ -n "$current_step" ]; then
        printf '\nFailed: %s (exit code %d)\n' "$current_step" "$status" >&2
    elif [ "$status" -eq 0 ]; then
        printf '\nAll of it passed in %d s.\n' "$SECONDS"
    fi
}

# Builds the program that tests and checks start. Of the whole workspace, as its tests are built: by
# itself it would need other features of what it is made of, and so all of that once more.
build_program() {
    cargo build --locked --workspace --bin evenhand
}

# cannot_have PART REMEDY: ends the script.
cannot_have() {
    printf '\n%s cannot be had here.\n  Remedy: %s\n' "$1" "$2" >&2
    exit 1
}

# The SHA-256 of what comes in.
digest() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}

# The version that Cargo.lock pins for a crate.
locked_version() {
    awk -v name="\"$1\"" '$1 == "name" { found = $3 == name }
        found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# python_with PACKAGE==VERSION...: sets $python to a Python of the cache that has them.
python_with() { environment_with python "$@"; }

# environment_with NAME PACKAGE==VERSION...: the same in an environment of its own, for packages that
# others do not go with.
environment_with() {
    local place=$cache/$1
    shift
    python=$place/bin/python
    [ -x "$python" ] || python3 -m venv "$place" ||
        cannot_have "Python with venv" "install both (Debian: python3-venv)."
    "$python" -m pip install --quiet --disable-pip-version-check "$@" ||
        cannot_have "The Python packages $*" "pip install them, with access to a package index."
}
