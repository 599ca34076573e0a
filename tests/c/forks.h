/*
 * What the suites share that fork: a factory that children inherit, on a backend of which they see changes.
 */
#ifndef FORKS_H
#define FORKS_H

#include "backend.h"
#include "children.h"

#include <dirent.h>

static backend *server;
static split_factory *factory; /* of the running test */

/* A ready factory on a backend that begins anew. */
static inline void make(const char *options) {
    backend_reset(server);
    factory = standalone(server, options);
}

/* The same of a configuration that nobody needs any more. */
static inline void make_ready(split_config *config) {
    factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
}

static inline void kill_banner(const char *treatment) {
    char text[96];
    snprintf(text, sizeof text, "{\"name\": \"banner\", \"treatment\": \"%s\"}", treatment);
    backend_told(server, "POST", "flags/kill", text);
}

static inline bool gives(void *treatment) {
    return strcmp(split_get_treatment(factory, "ann", "banner", NULL), (const char *)treatment) == 0;
}

/* Whether a change is seen. */
static inline bool gave_way(const char *treatment) {
    return eventually(gives, (void *)(uintptr_t)treatment);
}

/* How many descriptors are of a kind, such as "socket:" and "[eventpoll]". */
static inline int count_of(const char *kind) {
    char path[300], target[64];
    int found = 0;
    DIR *open = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = '\0';
        found += strstr(target, kind) != NULL;
    }
    closedir(open);
    return found;
}

#endif
