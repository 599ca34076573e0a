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

# Puts arguments into two arrays: those before "--", and those after it.
split_at_dashes() { # array array arguments...
    local -n before=$1 after=$2
    shift 2
    while [ "$1" != -- ]; do
        before+=("$1")
        shift
    done
    after=("${@:2}")
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
    local cargo=scripts/cargo
    # Who is in a hurry takes what `cargo test` has compiled.
    [ "$PROFILE" != dev ] || cargo=cargo
    "$cargo" build --quiet --profile "$PROFILE" --lib "$@"
    link_library "$TARGET/$(profile_directory "$PROFILE")/libsplitio.so"
}

link_library() {
    mkdir -p "$LIBRARIES"
    ln -sf "$1" "$LIBRARIES/libsplitio.so.1"
    ln -sf libsplitio.so.1 "$LIBRARIES/libsplitio.so"
}

# Where this machine gets the packages of a release of Debian.
mirror() {
    apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
        awk -v suite="$1" '$1 == suite && $2 == "main" { print $3; exit }'
}

# Builds the emulator of Split's back end, unless SPLITIO_EMULATOR names one.
build_emulator() {
    [ -z "${SPLITIO_EMULATOR:-}" ] || return 0
    cargo build --quiet -p splitio-emulator
    export SPLITIO_EMULATOR=$TARGET/debug/splitio-emulator
}

# Gives Go, with the tag "dynamic", what it has of an installed library. Its cache knows neither what pkg-config says nor
# the header: so the paths, and the header's checksum, go by variables that it knows.
go_finds_library() {
    mkdir -p "$TARGET/go/pkgconfig"
    cat >"$TARGET/go/pkgconfig/splitio.pc" <<END
Name: splitio
Description: The Split (Harness FME) feature flag SDK
Version: $(sed -n 's/^#define SPLIT_VERSION "\(.*\)"/\1/p' include/splitio.h)
Libs: -lsplitio
END
    export PKG_CONFIG_PATH=$TARGET/go/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export CGO_CFLAGS="-O2 -g -I$ROOT/include -DSPLITIO_HEADER=$(cksum include/splitio.h | cut -d' ' -f1)"
    export CGO_LDFLAGS="-O2 -g -L$LIBRARIES -Wl,-rpath,$LIBRARIES"
    export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
}

# Whether a package has what it has to pass on: the licence of the project, and those of what is in the library.
has_licences() { # file file
    cmp "$ROOT/LICENSE" "$1" && "$ROOT/scripts/third-party" | cmp - "$2"
}

# Whether files have none of the secrets that the tests use; shows the lines that have.
has_no_secret() { # file...
    local status=0
    grep -naF -f "$ROOT/tests/secrets.txt" "$@" || status=$?
    [ $status = 1 ]
}

# Counts one check that is a command, in `passed` or `failed`.
check() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
    fi
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

# Runs pytest, shows what it says, and adds that to `passed` and `failed`.
tally_pytest() { # command...
    local output status=0 good bad
    output=$(mktemp)
    "$@" 2>&1 | tee "$output" || status=$?
    # The number before a word in the last line; 0 where it is not.
    count() { sed -n "\$s/.*[^0-9]*\b\([0-9][0-9]*\) $1.*/\1/p" "$output" | grep . || echo 0; }
    good=$(count passed)
    bad=$(($(count failed) + $(count error)))
    rm -f "$output"
    # It ended without saying that something failed, or ran nothing.
    if { [ $status -ne 0 ] || [ "$good" = 0 ]; } && [ $bad -eq 0 ]; then bad=1; fi
    passed=$((passed + good))
    failed=$((failed + bad))
}
