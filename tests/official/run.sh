#!/bin/sh
# Runs Split's own SDKs for Python and Node against the emulator. Needs cargo, python3 with venv, node with npm, and their
# registries at the first run; what is installed stays below the target directory. With --install-only that is all it does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/official
python_sdk=splitio_client==10.7.0
node_sdk=@splitsoftware/splitio@11.11.2

mkdir -p "$work/node"
work=$(cd "$work" && pwd)
if [ "$(cat "$work/venv/installed" 2>/dev/null)" != "$python_sdk" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$python_sdk"
    echo "$python_sdk" >"$work/venv/installed"
fi
if [ "$(cat "$work/node/installed" 2>/dev/null)" != "$node_sdk" ]; then
    (cd "$work/node" && npm install --silent --no-audit --no-fund --prefix . "$node_sdk")
    echo "$node_sdk" >"$work/node/installed"
fi
[ "${1:-}" != --install-only ] || exit 0
cargo build --quiet --manifest-path "$root/Cargo.toml" --target-dir "$target" -p splitio-emulator

run=$(mktemp -d "$work/run.XXXXXX")
emulator=
# shellcheck disable=SC2329  # called by the trap
clean_up() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
    rm -rf "$run"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

cp -R "$here/environment/." "$run/"
"$target/debug/splitio-emulator" --port 0 --file "$run/flags.json" --segments "$run/segments" >"$run/out" &
emulator=$!
tries=0
until url=$(sed -n 's/^listening on //p' "$run/out") && [ -n "$url" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 100 ] || { echo "the emulator did not start" >&2; exit 1; }
    sleep 0.1
done

passed=0
failed=0
# run_sdk COMMAND...: shows its output, and adds the sums of its last line.
run_sdk() {
    "$@" >"$run/log" 2>&1 || true
    sed '$d' "$run/log"
    sums=$(tail -n 1 "$run/log")
    case $sums in
        *" passed, "*" failed")
            passed=$((passed + ${sums%% *}))
            sums=${sums#* passed, }
            failed=$((failed + ${sums%% *}))
            ;;
        *)
            echo "$sums"
            echo "FAILED $*: ended without a result"
            failed=$((failed + 1))
            ;;
    esac
}
run_sdk "$work/venv/bin/python" "$here/python_sdk.py" "$url" "$run/flags.json"
run_sdk env NODE_PATH="$work/node/node_modules" node "$here/node_sdk.mjs" "$url" "$run/flags.json"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
