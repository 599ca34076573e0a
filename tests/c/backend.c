#include "backend.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct backend {
    pid_t process;
    int port;
    bool version_6;
    char url[64];
};

static void give_up(const char *what, const char *why) {
    fprintf(stderr, "cannot go on: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* ---- The emulator ------------------------------------------------------------------------------------------------ */

enum { MOST_ARGUMENTS = 32 };

backend *backend_started(const char *const *arguments) {
    const char *program = getenv("SPLITIO_EMULATOR");
    const char *all[MOST_ARGUMENTS] = {program, "--port", "0", "--file", in_data("flags.json"), "--segments"};
    int count = 6, out[2];
    char line[128];
    backend *server = (backend *)calloc(1, sizeof *server);
    if (program == NULL) give_up("SPLITIO_EMULATOR", "not set: it names the program of the emulator");
    if (server == NULL || pipe(out) != 0) give_up("emulator", strerror(errno));
    all[count++] = in_data("segments");
    for (; *arguments != NULL && count < MOST_ARGUMENTS - 1; arguments++) all[count++] = *arguments;

    server->process = fork();
    if (server->process < 0) give_up("fork", strerror(errno));
    if (server->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execv(program, (char *const *)all);
        perror(program);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    if (said == NULL || fgets(line, sizeof line, said) == NULL) give_up(program, "it did not start");
    fclose(said);
    line[strcspn(line, "\n")] = '\0';
    const char *url = strstr(line, "http");
    const char *port = strrchr(line, ':');
    if (url == NULL || port == NULL) give_up(program, line);
    snprintf(server->url, sizeof server->url, "%s", url);
    server->port = atoi(port + 1);
    server->version_6 = strchr(url, '[') != NULL;
    return server;
}

void backend_ended(backend *server) {
    int status;
    kill(server->process, SIGTERM);
    waitpid(server->process, &status, 0);
    free(server);
}

const char *backend_url(const backend *server) {
    return server->url;
}

static int connected(const backend *server) {
    struct sockaddr_in address;
    struct sockaddr_in6 address_6;
    memset(&address, 0, sizeof address);
    memset(&address_6, 0, sizeof address_6);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)server->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_6.sin6_family = AF_INET6;
    address_6.sin6_port = htons((uint16_t)server->port);
    address_6.sin6_addr = in6addr_loopback;
    int connection = socket(server->version_6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *to =
        server->version_6 ? (const struct sockaddr *)&address_6 : (const struct sockaddr *)&address;
    socklen_t size = server->version_6 ? sizeof address_6 : sizeof address;
    if (connection < 0 || connect(connection, to, size) != 0) give_up(server->url, strerror(errno));
    return connection;
}

char *backend_asked(const backend *server, const char *method, const char *what, const char *body) {
    size_t capacity = 1 << 16, len = 0, text_len = body != NULL ? strlen(body) : 0;
    char *answer = (char *)malloc(capacity);
    char *request = (char *)malloc(strlen(what) + text_len + 256);
    int connection = connected(server);
    if (answer == NULL || request == NULL) give_up("malloc", what);
    int size = sprintf(request,
                       "%s /control/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       method, what, text_len, body != NULL ? body : "");
    for (int sent = 0; sent < size;) {
        ssize_t part = send(connection, request + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (part < 0 && errno != EINTR) give_up(what, strerror(errno));
        if (part > 0) sent += (int)part;
    }
    for (;;) {
        if (len + 1 == capacity) {
            capacity *= 2;
            answer = (char *)realloc(answer, capacity);
            if (answer == NULL) give_up("realloc", what);
        }
        ssize_t part = recv(connection, answer + len, capacity - len - 1, 0);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) give_up(what, strerror(errno));
        if (part == 0) break;
        len += (size_t)part;
    }
    answer[len] = '\0';
    close(connection);
    free(request);
    char *start = strstr(answer, "\r\n\r\n");
    if (start == NULL || strncmp(answer, "HTTP/1.1 200 ", 13) != 0) give_up(what, answer);
    memmove(answer, start + 4, len - (size_t)(start + 4 - answer) + 1);
    return answer;
}

void backend_told(const backend *server, const char *method, const char *what, const char *body) {
    free(backend_asked(server, method, what, body));
}

void backend_fails(const backend *server, const char *fault) {
    backend_told(server, "POST", "faults", fault);
}

void backend_reset(const backend *server) {
    backend_told(server, "POST", "reset", NULL);
}

long long backend_count(const backend *server, const char *endpoint, const char *member) {
    char path[128];
    char *counters = backend_asked(server, "GET", "counters", NULL);
    snprintf(path, sizeof path, "%s.%s", endpoint, member);
    long long count = json_at(counters, path) != NULL ? json_int(counters, path) : 0;
    free(counters);
    return count;
}

bool backend_waited(const backend *server, const char *endpoint, const char *member, long long least) {
    long long deadline = now_ms() + PATIENCE_MS;
    while (backend_count(server, endpoint, member) < least) {
        if (now_ms() > deadline) return false;
        usleep(20000);
    }
    return true;
}

char *backend_requests(const backend *server, const char *endpoint) {
    char what[128] = "requests";
    if (endpoint != NULL) snprintf(what, sizeof what, "requests?endpoint=%s", endpoint);
    return backend_asked(server, "GET", what, NULL);
}

/* ---- Factories on it --------------------------------------------------------------------------------------------- */

static void must(split_status status, const split_error *error, const char *what) {
    if (status != SPLIT_OK) give_up(what, error->message);
}

split_config *standalone_config(const backend *server, const char *json) {
    static const char *const bases[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                        "telemetry_api_base_url"};
    split_config *config = split_config_new();
    split_error error;
    char base[96];
    if (config == NULL) give_up("split_config_new", "NULL");
    snprintf(base, sizeof base, "%s/api", server->url);
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        must(split_config_set(config, bases[i], base, &error), &error, bases[i]);
    }
    must(split_config_set(config, "streaming_api_base_url", server->url, &error), &error, "streaming_api_base_url");
    must(split_config_merge_json(config,
                                 "{\"streamingEnabled\": false, \"featuresRefreshRate\": 1, \"segmentsRefreshRate\": 1,"
                                 " \"eventsPushRate\": 1, \"impressionsRefreshRate\": 1}",
                                 &error),
         &error, "options");
    error.message[0] = '\0';
    must(split_config_set_logger(config, SPLIT_LOG_DEBUG, watch_log, NULL, NULL), &error, "split_config_set_logger");
    if (json != NULL) must(split_config_merge_json(config, json, &error), &error, json);
    return config;
}

split_factory *made(const char *key, const split_config *config) {
    split_error error;
    split_factory *factory = split_factory_new(key, config, &error);
    if (factory == NULL) give_up("split_factory_new", error.message);
    return factory;
}

split_factory *standalone(const backend *server, const char *json) {
    split_config *config = standalone_config(server, json);
    split_factory *factory = made("test-key", config);
    split_status status = split_block_until_ready(factory, PATIENCE_MS);
    split_config_free(config);
    if (status != SPLIT_OK) give_up("split_block_until_ready", split_status_string(status));
    return factory;
}

bool threads_gone(void *unused) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    bool gone = true;
    (void)unused;
    if (tasks == NULL) give_up("/proc/self/task", strerror(errno));
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue; /* it ended meanwhile, or is "." */
        if (fgets(name, sizeof name, file) != NULL && strncmp(name, "splitio-", 8) == 0) gone = false;
        fclose(file);
    }
    closedir(tasks);
    return gone;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* The emulator writes no white space, and nothing that is not JSON. */

static const char *after_string(const char *at) {
    for (at++; *at != '"'; at++) at += *at == '\\';
    return at + 1;
}

static const char *after_value(const char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            at = after_string(at);
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    } while (depth > 0 || (*at != ',' && *at != '}' && *at != ']' && *at != '\0'));
    return at;
}

const char *json_first(const char *container) {
    const char *at = container + 1;
    if (*at == ']' || *at == '}') return NULL;
    return *container == '{' ? after_string(at) + 1 : at;
}

const char *json_next(const char *value) {
    const char *at = after_value(value);
    if (*at != ',') return NULL;
    at++;
    if (*at != '"') return at;
    /* The name of a member, or a text in an array. */
    const char *after = after_string(at);
    return *after == ':' ? after + 1 : at;
}

/* The value of a member; its name is `len` bytes. */
static const char *member(const char *object, const char *name, size_t len) {
    const char *at = object + 1;
    while (*at == '"') {
        const char *after = after_string(at);
        if ((size_t)(after - at) == len + 2 && strncmp(at + 1, name, len) == 0) return after + 1;
        at = after_value(after + 1);
        if (*at == ',') at++;
    }
    return NULL;
}

const char *json_at(const char *json, const char *path) {
    while (json != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        if (*json == '{') {
            json = member(json, path, len);
        } else if (*json == '[') {
            long index = strtol(path, NULL, 10);
            json = json_first(json);
            while (json != NULL && index-- > 0) json = json_next(json);
        } else {
            return NULL;
        }
        path += path[len] == '.' ? len + 1 : len;
    }
    return json;
}

size_t json_count(const char *array) {
    size_t count = 0;
    for (const char *item = json_first(array); item != NULL; item = json_next(item)) count++;
    return count;
}

long long json_int(const char *json, const char *path) {
    const char *value = json_at(json, path);
    return value != NULL ? strtoll(value, NULL, 10) : -1000000;
}

const char *json_text(const char *json, const char *path) {
    static __thread char texts[16][1024];
    static __thread unsigned turn;
    char *text = texts[turn++ % 16];
    const char *value = json_at(json, path);
    size_t len = value != NULL ? (size_t)(after_value(value) - value) : 0;
    if (len >= sizeof texts[0]) len = sizeof texts[0] - 1;
    snprintf(text, sizeof texts[0], "%.*s", (int)len, value != NULL ? value : "");
    return value != NULL ? text : "(none)";
}
