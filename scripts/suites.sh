# Read by the scripts that build and run suites of C and C++: options, counting, running. Not a program.
#
# The script has SUITES, and a function `build_suite MODE SUITE FLAGS...` that makes $work/SUITE-MODE. Where a suite takes
# arguments, `arguments_of SUITE` prints them, one a line; where it makes no sense, `is_left_out MODE SUITE` holds.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Seconds after which a suite is taken to hang.
LIMIT=${SPLITIO_TEST_LIMIT:-600}
ASAN_SETTINGS=detect_leaks=1:detect_stack_use_after_return=1
UBSAN_SETTINGS=print_stacktrace=1:halt_on_error=1
# The runtime of ThreadSanitizer that the library was built for stands in for gcc's (scripts/sanitize).
TSAN_FLAGS=(-fsanitize=thread -static-libtsan -rdynamic "-L${TSAN_RUNTIME:-.}")
TSAN_SETTINGS=suppressions=$ROOT/tests/sanitize/tsan.supp:history_size=7:exitcode=66
only=
build=yes
chosen=()
while [ $# -gt 0 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --library-is-built) build= ;;
    *) chosen+=("$1") ;;
    esac
    shift
done

passed=0
failed=0

wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

arguments_of() { :; }
is_left_out() { false; }

# The library, the backend of the suites of standalone mode, and the directory $work.
prepare() { # name of the directory
    [ -z "$build" ] || build_library
    build_emulator
    work=$OUT/$1
    mkdir -p "$work"
}

# Counts one check that is a command; its output is shown when it fails.
check() {
    local what=$1
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n%s\n' "$what" "$output"
    fi
}

run_suite() { # mode suite prefix...
    local mode=$1 suite=$2
    shift 2
    local arguments status=0
    mapfile -t arguments < <(arguments_of "$suite")
    timeout "$LIMIT" "$@" "$work/$suite-$mode" "${arguments[@]}" >"$work/$suite-$mode.log" 2>&1 </dev/null || status=$?
    echo $status >"$work/$suite-$mode.status"
}

# Builds all suites of a mode, runs two at a time, and adds up what they say.
mode() { # mode flags -- prefix
    local mode=$1 flags=() prefix=() suite status
    split_at_dashes flags prefix "${@:2}"
    say "$(basename "$0"): $mode"
    local ready=()
    for suite in "${SUITES[@]}"; do
        if is_left_out "$mode" "$suite"; then continue; fi
        rm -f "$work/$suite-$mode".{log,status}
        if build_suite "$mode" "$suite" "${flags[@]}"; then
            ready+=("$suite")
        else
            failed=$((failed + 1))
        fi
    done
    for suite in "${ready[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
        run_suite "$mode" "$suite" "${prefix[@]}" &
    done
    wait
    for suite in "${ready[@]}"; do
        status=$(cat "$work/$suite-$mode.status")
        local counts
        counts=$(sed -n "s/^$suite: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p" "$work/$suite-$mode.log" | tail -1)
        local good=${counts% *} bad=${counts#* }
        good=${good:-0} bad=${bad:-0}
        # A crash, a leak or a hang: the counts alone do not show it.
        if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
            bad=1
            if [ "$status" = 124 ]; then echo "$suite ($mode): no end after $LIMIT s"; fi
        fi
        passed=$((passed + good))
        failed=$((failed + bad))
        if [ "$bad" -gt 0 ]; then
            printf -- '---- %s (%s), exit status %s\n' "$suite" "$mode" "$status"
            tail -n 200 "$work/$suite-$mode.log"
        else
            printf '%-13s %4d passed\n' "$suite" "$good"
            sed -n 's/^measured: /    /p' "$work/$suite-$mode.log"
        fi
    done
}

# A sanitizer that finds nothing may not be there: it has to find what tests/sanitize/planted.c does wrong. Arguments as of
# `mode`; lines of a fault and what is said of it come on standard input. The script has COMPILE, a compiler for C.
planted() { # mode flags -- prefix
    local mode=$1 flags=() prefix=() fault words
    split_at_dashes flags prefix "${@:2}"
    check "tests/sanitize/planted.c is built ($mode)" "${COMPILE[@]}" -g "${flags[@]}" "${WARNINGS[@]}" -Iinclude \
        tests/sanitize/planted.c -o "$work/planted-$mode" -L"$LIBRARIES" -lsplitio -Wl,-rpath,"$LIBRARIES" -lpthread
    while read -r fault words; do
        check "$fault is caught ($mode)" fault_is_caught "$words" "${prefix[@]}" "$work/planted-$mode" "$fault"
    done
}

fault_is_caught() { # words command...
    local status=0
    timeout "$LIMIT" "${@:2}" >"$work/fault.log" 2>&1 </dev/null || status=$?
    if [ $status = 0 ] || ! grep -q "$1" "$work/fault.log"; then
        echo "exit status $status, and nothing about \"$1\":"
        cat "$work/fault.log"
        return 1
    fi
}

# What AddressSanitizer, its LeakSanitizer and UndefinedBehaviorSanitizer have to find. What the library reads is seen
# only where it is instrumented (scripts/sanitize).
planted_for_asan() { # mode flags -- prefix
    local library=()
    [[ $PROFILE != sanitize-* ]] || library=('library_overread heap-buffer-overflow')
    planted "$@" < <(printf '%s\n' 'overflow heap-buffer-overflow' 'undefined signed integer overflow' \
        'leak detected memory leaks' 'library_leak detected memory leaks' "${library[@]}")
}

planted_for_tsan() { # mode flags -- prefix
    planted "$@" < <(printf '%s\n' 'race data race' 'library_race data race')
}

# The last words of the script, and its exit status.
finish() {
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
