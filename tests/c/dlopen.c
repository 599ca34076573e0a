/*
 * The library as a plug-in finds it: opened late, used, closed, and opened again, by threads that end afterwards and
 * by a process that forks (B32; scripts/statictests runs it on a plug-in with the static library inside). Not linked with the library; takes its path as its argument.
 */
#include "support.h"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *library;

/* Gives a symbol as a function pointer, by way of memory: C has no conversion from an object pointer. */
static void find(void *handle, const char *name, void *function) {
    void *found = dlsym(handle, name);
    check_that(found != NULL, __FILE__, __LINE__, "no symbol %s", name);
    memcpy(function, &found, sizeof found);
}

struct functions {
    split_config *(*config_new)(void);
    split_status (*config_set)(split_config *, const char *, const char *, split_error *);
    split_status (*set_logger)(split_config *, int32_t, split_log_fn, void *, split_drop_fn);
    split_status (*set_listener)(split_config *, split_impression_fn, void *, split_drop_fn);
    void (*config_free)(split_config *);
    split_factory *(*factory_new)(const char *, const split_config *, split_error *);
    split_status (*block_until_ready)(const split_factory *, int64_t);
    const char *(*get_treatment)(const split_factory *, const char *, const char *, const split_options *);
    split_status (*destroy)(split_factory *, int64_t);
    void (*factory_free)(split_factory *);
};

static void *opened(struct functions *split) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!check_that(handle != NULL, __FILE__, __LINE__, "dlopen: %s", handle != NULL ? "" : dlerror())) return NULL;
    find(handle, "split_config_new", &split->config_new);
    find(handle, "split_config_set", &split->config_set);
    find(handle, "split_config_set_logger", &split->set_logger);
    find(handle, "split_config_set_impression_listener", &split->set_listener);
    find(handle, "split_config_free", &split->config_free);
    find(handle, "split_factory_new", &split->factory_new);
    find(handle, "split_block_until_ready", &split->block_until_ready);
    find(handle, "split_get_treatment", &split->get_treatment);
    find(handle, "split_destroy", &split->destroy);
    find(handle, "split_factory_free", &split->factory_free);
    return handle;
}

static void ignore(const split_impression *impression, void *user_data) {
    (void)impression;
    (void)user_data;
}

/* The whole life of the library, on one thread. */
static void use_and_close(void) {
    struct functions split;
    split_error error;
    void *handle = opened(&split);
    if (handle == NULL) return;
    split_config *config = split.config_new();
    CHECK_INT(split.config_set(config, "splitFile", in_data("flags.json"), &error), SPLIT_OK);
    CHECK_INT(split.config_set(config, "segmentDirectory", in_data("segments"), &error), SPLIT_OK);
    CHECK_INT(split.set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL), SPLIT_OK);
    CHECK_INT(split.set_listener(config, ignore, NULL, NULL), SPLIT_OK);
    split_factory *factory = split.factory_new("localhost", config, &error);
    CHECK_SET(factory);
    split.config_free(config);
    CHECK_INT(split.block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_STR(split.get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_STR(split.get_treatment(factory, "", "checkout", NULL), "control");
    CHECK_INT(split.destroy(factory, -1), SPLIT_OK);
    split.factory_free(factory);
    CHECK_INT(dlclose(handle), 0);
}

static pthread_barrier_t together;

static void *use_on_a_thread(void *unused) {
    use_and_close();
    pthread_barrier_wait(&together); /* all have closed it; only then do the threads end, and run their destructors */
    return unused;
}

static void opened_used_and_closed_again_and_again(void) { /* B32 */
    for (long i = 0; i < effort(50); i++) use_and_close();
}

static void threads_that_called_it_end_after_it_was_closed(void) { /* B32 */
    for (long round = 0; round < effort(10); round++) {
        pthread_t threads[4];
        pthread_barrier_init(&together, NULL, 5);
        for (int i = 0; i < 4; i++) threads[i] = spawned(use_on_a_thread, NULL);
        pthread_barrier_wait(&together);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&together);
    }
}

/* The handler that counts forks was left with libc; it must still be code. */
static void a_fork_after_it_was_closed(void) { /* B32 */
    for (int i = 0; i < 5; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            use_and_close(); /* and it works in the child */
            end_child(__atomic_load_n(&check_failures, __ATOMIC_SEQ_CST) == 0);
        }
        CHECK_INT(waitpid(child, &status, 0), child);
        CHECK_INT(status, 0);
    }
}

static void treatments_stay_valid_after_it_was_closed(void) {
    struct functions split;
    split_error error;
    void *handle = opened(&split);
    if (handle == NULL) return;
    split_config *config = split.config_new();
    CHECK_INT(split.config_set(config, "splitFile", in_data("flags.json"), &error), SPLIT_OK);
    split.set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL);
    split_factory *factory = split.factory_new("localhost", config, &error);
    CHECK_INT(split.block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    const char *treatment = split.get_treatment(factory, "ann", "checkout", NULL);
    split.config_free(config);
    split.factory_free(factory);
    CHECK_INT(dlclose(handle), 0);
    CHECK_STR(treatment, "on"); /* "valid until the process ends" */
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s path/to/libsplitio.so\n", argv[0]);
        return 2;
    }
    library = argv[1];
    RUN(opened_used_and_closed_again_and_again);
    RUN(threads_that_called_it_end_after_it_was_closed);
    RUN(a_fork_after_it_was_closed);
    RUN(treatments_stay_valid_after_it_was_closed);
    return check_finish("dlopen");
}
