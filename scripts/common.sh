# Read by the other scripts: where things are, and how they talk. Not a program.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
# Profile of the library that C programs are linked with: what users get, unless a developer is in a hurry.
PROFILE=${SPLITIO_PROFILE:-release}
# Everything built from C, and links to the library by the names that linkers and loaders look for.
OUT=$TARGET/c/$PROFILE
LIBRARIES=$OUT/lib
CC=${CC:-cc}
CXX=${CXX:-c++}
WARNINGS=(-Wall -Wextra -Wpedantic -Werror)

say() { printf '\n== %s\n' "$*"; }
die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Directory below the target directory in which cargo puts a profile.
profile_directory() {
    case $1 in
    dev) echo debug ;;
    *) echo "$1" ;;
    esac
}

# Builds the library, and what else is named, and links it by its soname: `-lsplitio` finds it in $LIBRARIES.
build_library() {
    cargo build --quiet --profile "$PROFILE" --lib "$@"
    link_library "$TARGET/$(profile_directory "$PROFILE")/libsplitio.so"
}

link_library() {
    mkdir -p "$LIBRARIES"
    ln -sf "$1" "$LIBRARIES/libsplitio.so.1"
    ln -sf libsplitio.so.1 "$LIBRARIES/libsplitio.so"
}

# The counts in the last line of a script that ends in "N passed, M failed".
LAST_LINE='$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p'

# Runs a command that counts for itself, shows what it says, and adds that to `passed` and `failed`. `pattern` is a sed
# script that prints "passed failed" for each line with counts.
tally() { # pattern command...
    local pattern=$1 output status=0 good=0 bad=0 each_good each_bad
    output=$(mktemp)
    "${@:2}" 2>&1 | tee "$output" || status=$?
    while read -r each_good each_bad; do
        good=$((good + each_good))
        bad=$((bad + each_bad))
    done < <(sed -n "$pattern" "$output")
    rm -f "$output"
    # It failed without counting a failure, or counted nothing at all: that is one.
    if { [ $status -ne 0 ] && [ $bad -eq 0 ]; } || [ $((good + bad)) -eq 0 ]; then
        bad=1
        echo "FAILED: ${*:2}"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}
