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
