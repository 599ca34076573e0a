# Read by the scripts that let programs talk to servers: the emulator, and the certificates it may have. Not a program.
#
# The script makes the directory $run; its trap calls `stop_servers`.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Leaves what a case says: not what this shell happens to have. To be called when all is built, which may want it.
forget_proxies() {
    unset HTTP_PROXY http_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY no_proxy REQUEST_METHOD
    unset SSL_CERT_FILE SSL_CERT_DIR
}

processes=()
stop_servers() {
    local process
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    wait
}

wait_for() { # what command...
    local what=$1 tries
    shift
    for ((tries = 0; tries < 200; tries++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    die "$what did not start"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The flags of examples/data behind Split's API.
emulator() { # name arguments...; sets url
    local name=$1
    shift
    "$SPLITIO_EMULATOR" --port 0 --streaming --file examples/data/environment.json \
        --segments examples/data/segments \
        "$@" >"$run/$name.url" &
    processes+=($!)
    wait_for "the emulator" grep -q '^listening on ' "$run/$name.url"
    url=$(sed -n 's/^listening on //p' "$run/$name.url")
}

# A private authority, ca.pem, and what it gave to localhost: server.pem with server.key.
certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=A private authority" -keyout "$run/ca.key" \
        -out "$run/ca.pem" -addext basicConstraints=critical,CA:TRUE 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$run/server.key" -out "$run/server.csr" 2>/dev/null
    openssl x509 -req -in "$run/server.csr" -CA "$run/ca.pem" -CAkey "$run/ca.key" -CAcreateserial -days 2 \
        -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$run/server.pem" 2>/dev/null
}
