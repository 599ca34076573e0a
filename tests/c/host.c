/*
 * Hosts that are not as the library would like them: other locales and time zones, a standard error that nobody reads,
 * no directory, no descriptors, signals. And the other way round: the host finds its own things as it left them.
 *
 * Built by scripts/ctests with locales of its own: LOCPATH names where de_DE.UTF-8 and tr_TR.UTF-8 are.
 */
#include "backend.h"
#include "children.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

extern char **environ;

static backend *server;

/* ---- Locales and time zones -------------------------------------------------------------------------------------- */

/* What a factory says to questions in which numbers, dates and letters of either case matter. For the caller to free. */
static char *answers(void) {
    static const char *const attributes[] = {
        "{\"age\": 17}",        "{\"age\": 18}", "{\"age\": 18.5}", "{\"registered\": 0}", "{\"registered\": 1.5e12}",
        "{\"tier\": \"TITLE\"}"};
    static const char *const flags[] = {"checkout", "adults", "exact", "newcomer", "rollout", "staff_tools"};
    char *text = (char *)calloc(1, 1 << 16), *end = text;
    split_config *config = standalone_config(server, NULL);
    split_error error;
    if (text == NULL) abort();
    /* Options whose values are words and numbers. */
    const char *const options[][2] = {
        {"impressionsMode", "OPTIMIZED"}, {"logLevel", "INFO"}, {"labelsEnabled", "TRUE"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        end += sprintf(end, "%s %d\n", options[i][0], split_config_set(config, options[i][0], options[i][1], &error));
    }
    split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL);
    split_factory *factory = made("test-key", config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    split_config_free(config);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        for (size_t j = 0; j < sizeof attributes / sizeof *attributes; j++) {
            split_options with = SPLIT_OPTIONS_INIT;
            split_result result;
            with.attributes_json = attributes[j];
            split_status status = split_get_treatment_with_config(factory, "Iann", flags[i], &with, &result);
            end += sprintf(end, "%s %s: %d %s %s %s\n", flags[i], attributes[j], status, result.treatment,
                           result.label != NULL ? result.label : "", result.config != NULL ? result.config : "");
            split_result_release(&result);
        }
    }
    split_json all = {NULL, 0, NULL};
    CHECK_INT(split_manager_json(factory, "checkout", &all), SPLIT_OK);
    end += sprintf(end, "%.2000s\n", all.ptr);
    split_json_release(&all);
    backend_told(server, "DELETE", "requests", NULL);
    split_options properties = SPLIT_OPTIONS_INIT;
    properties.properties_json = "{\"net\": 0.5, \"gross\": 1e-7}";
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1234567.25, &properties), SPLIT_OK);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
    char *posts = backend_requests(server, "events/bulk");
    end += sprintf(end, "%s %s\n", json_text(posts, "0.body.0.value"), json_text(posts, "0.body.0.properties"));
    free(posts);
    return text;
}

static const char *tried_locale, *tried_zone, *wanted;

static void answer_elsewhere(void) {
    if (!CHECK_STR(setlocale(LC_ALL, tried_locale), tried_locale)) return;
    setenv("TZ", tried_zone, 1);
    tzset();
    char *found = answers();
    CHECK_STR(found, wanted);
    CHECK_STR(setlocale(LC_ALL, NULL), tried_locale); /* and it is still that */
    free(found);
}

static void locales_and_time_zones_do_not_matter(void) {
    static const char *const locales[] = {"C", "de_DE.UTF-8", "tr_TR.UTF-8"};
    static const char *const zones[] = {"UTC", "America/St_Johns", "XYZ-13:45"};
    char comma[16], *plain = answers();
    CHECK_HAS(plain, "adults {\"age\": 18}: 0 yes");
    CHECK_HAS(plain, "\n1234567.25 {\"gross\":1e-7,\"net\":0.5}");
    CHECK_SET(setlocale(LC_ALL, "de_DE.UTF-8"));
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    CHECK_STR(comma, "0,5"); /* the locales are there, and do what they are for */
    CHECK_SET(setlocale(LC_ALL, "C"));
    wanted = plain;
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        tried_locale = locales[i];
        tried_zone = zones[i];
        in_child(answer_elsewhere);
    }
    free(plain);
}

/* ---- What belongs to the host ------------------------------------------------------------------------------------ */

/* In words, so that a difference shows itself. For the caller to free. */
static char *belongings(void) {
    char *text = (char *)malloc(1 << 16), *end = text, name[16] = "";
    char *directory = getcwd(NULL, 0);
    mode_t mask = umask(0);
    sigset_t blocked;
    size_t variables = 0;
    if (text == NULL) abort();
    umask(mask);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_getname_np(pthread_self(), name, sizeof name);
    while (environ[variables] != NULL) variables++;
    end += sprintf(end, "umask %o, directory %s, locale %s, thread %s, %zu variables, niceness %d\n", mask, directory,
                   setlocale(LC_ALL, NULL), name, variables, getpriority(PRIO_PROCESS, 0));
    free(directory);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit = {0, 0};
        getrlimit((__rlimit_resource_t)i, &limit);
        end += sprintf(end, "limit %d: %lld %lld\n", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    for (int i = 1; i < NSIG; i++) {
        struct sigaction action;
        if (sigaction(i, NULL, &action) != 0) continue; /* those of the C library itself */
        end += sprintf(end, "signal %d: handler %p, flags %x, blocked %d\n", i, (void *)(uintptr_t)action.sa_handler,
                       (unsigned)action.sa_flags, sigismember(&blocked, i));
    }
    for (int i = 0; i < 3; i++) end += sprintf(end, "descriptor %d: flags %x\n", i, (unsigned)fcntl(i, F_GETFL));
    return text;
}

static void what_belongs_to_the_host_stays_as_it_was(void) {
    notes *heard = notes_new();
    split_config *config = standalone_config(server, "{\"streamingEnabled\": true}");
    CHECK_INT(split_config_set_impression_listener(config, note_impression, heard, note_drop), SPLIT_OK);
    umask(027);
    char *before = belongings();
    split_factory *factory = made("test-key", config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    char *during = belongings();
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
    split_config_free(config);
    char *after = belongings();
    CHECK_STR(during, before);
    CHECK_STR(after, before);
    free(before);
    free(during);
    free(after);
    notes_free(heard);
}

static void live_a_whole_life(void) {
    split_factory *factory = standalone(server, NULL);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
}

/* A directory that is gone, files that nobody may read or that may not grow, few descriptors. */
static void live_poorly(void) {
    const struct rlimit nothing = {0, 0}, little = {64, 64};
    char *gone = strdup(in_scratch("gone"));
    CHECK_INT(mkdir(gone, 0700), 0);
    CHECK_INT(chdir(gone), 0);
    CHECK_INT(rmdir(gone), 0);
    free(gone);
    umask(0777);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &nothing), 0);
    CHECK_INT(setrlimit(RLIMIT_CORE, &nothing), 0);
    CHECK_INT(setrlimit(RLIMIT_MEMLOCK, &nothing), 0);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &little), 0);
    live_a_whole_life();
    CHECK_INT(chdir("/"), 0); /* the shell that ends this process would complain, into a file that may not grow */
}

static void the_hosts_directory_umask_and_limits_do_not_matter(void) {
    in_child(live_poorly);
}

/* Without descriptors there is no factory, of whichever mode, which is said; those that live go on answering. */
static void run_out_of_descriptors(void) {
    const struct {
        const char *key;
        split_config *config;
        split_status status;
    } kinds[] = {
        {"test-key", standalone_config(server, NULL), SPLIT_E_SYSTEM},
        {"localhost", config_for(in_data("flags.json"), NULL), SPLIT_E_SYSTEM}, /* for the thread that reads it */
        {"localhost", config_for(in_scratch("flags.split"), NULL), SPLIT_E_STORAGE},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    struct rlimit limit, none;
    split_error error;
    write_file("flags.split", "checkout on\n");
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    split_factory *alive = standalone(server, NULL);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (size_t i = 0; i < KINDS; i++) {
        CHECK_NULL(split_factory_new(kinds[i].key, kinds[i].config, &error));
        CHECK_INT(error.status, kinds[i].status);
        CHECK_HAS(error.message, "Too many open files");
    }
    CHECK_STR(split_get_treatment(alive, "ann", "checkout", NULL), "on");
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < KINDS; i++) {
        split_factory *factory = made(kinds[i].key, kinds[i].config);
        CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
        CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
        ended(factory);
        split_config_free(kinds[i].config);
    }
    ended(alive);
}

static void without_descriptors_it_fails_in_words(void) {
    in_child(run_out_of_descriptors);
}

/* ---- Standard error ---------------------------------------------------------------------------------------------- */

/* A factory without a logger, so that standard error is its log. */
static split_factory *talkative(void) {
    split_error error;
    split_config *config = split_config_new();
    split_config_set(config, "splitFile", in_data("flags.json"), &error);
    split_config_set(config, "segmentDirectory", in_data("segments"), &error);
    split_config_set(config, "logLevel", "debug", &error);
    split_factory *factory = made("localhost", config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    split_config_free(config);
    return factory;
}

static void warned_and_ended(split_factory *factory) {
    for (int i = 0; i < 1000; i++) CHECK_STR(split_get_treatment(factory, "ann", "not there", NULL), "control");
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
}

/* SIGPIPE ends a program by default; that nobody reads its log is no reason to. */
static void warn_into_a_broken_pipe(void) {
    int broken[2];
    struct sigaction action;
    sigset_t pending;
    signal(SIGPIPE, SIG_DFL);
    CHECK_INT(pipe(broken), 0);
    close(broken[0]);
    dup2(broken[1], STDERR_FILENO);
    close(broken[1]);
    warned_and_ended(talkative());
    sigaction(SIGPIPE, NULL, &action);
    sigpending(&pending);
    CHECK(action.sa_handler == SIG_DFL && !sigismember(&pending, SIGPIPE));
}

static void warn_without_standard_error(void) {
    close(STDERR_FILENO);
    warned_and_ended(talkative());
}

/* A program may close standard error later, and get its number for a file with data. */
static void warn_beside_somebodys_data(void) {
    split_factory *factory = talkative();
    int data = open(in_scratch("data"), O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_INT(dup2(data, STDERR_FILENO), STDERR_FILENO);
    warned_and_ended(factory);
    CHECK_INT(lseek(data, 0, SEEK_END), 0);
}

static void standard_error_may_be_anything(void) {
    in_child(warn_into_a_broken_pipe);
    in_child(warn_without_standard_error);
    in_child(warn_beside_somebodys_data);
}

/* ---- Time-outs and signals --------------------------------------------------------------------------------------- */

static int interruptions;

static void count_interruption(int signal) {
    (void)signal;
    __atomic_add_fetch(&interruptions, 1, __ATOMIC_SEQ_CST);
}

struct wait {
    split_factory *factory;
    int call;
    int64_t timeout;
    split_status status;
    int done;
};

static void *wait_long(void *argument) {
    struct wait *wait = (struct wait *)argument;
    split_json text = {NULL, 0, NULL};
    wait->status = wait->call == 0   ? split_block_until_ready(wait->factory, wait->timeout)
                   : wait->call == 1 ? split_flush(wait->factory, wait->timeout)
                                     : split_poll(wait->factory, wait->timeout, 1, &text);
    __atomic_store_n(&wait->done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The longest time-outs there are really are waited for, and no signal ends such a wait. */
static void the_longest_time_outs_are_for_ever(void) {
    static const int64_t times[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 1000, INT64_MIN};
    enum { CALLS = 3, TIMES = 4, WAITS = CALLS * TIMES };
    struct wait waits[WAITS];
    pthread_t threads[WAITS];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count_interruption; /* without SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    backend_reset(server);
    backend_told(server, "POST", "faults", "{\"hang\": true}");
    split_config *config = standalone_config(server, NULL);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, 0), SPLIT_OK);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    for (int i = 0; i < WAITS; i++) {
        const struct wait wait = {factory, i / TIMES, times[i % TIMES], 99, 0};
        waits[i] = wait;
        threads[i] = spawned(wait_long, &waits[i]);
    }
    for (int i = 0; i < 20; i++) {
        usleep(10000);
        for (int j = 0; j < WAITS; j++) pthread_kill(threads[j], SIGUSR1);
    }
    for (int i = 0; i < WAITS; i++) {
        check_that(!__atomic_load_n(&waits[i].done, __ATOMIC_SEQ_CST), __FILE__, __LINE__, "call %d, %lld: status %d",
                   waits[i].call, (long long)waits[i].timeout, waits[i].status);
    }
    CHECK(__atomic_load_n(&interruptions, __ATOMIC_SEQ_CST) > WAITS);
    split_status status = split_destroy(factory, 500);
    CHECK(status == SPLIT_OK || status == SPLIT_E_TIMEOUT);
    for (int i = 0; i < WAITS; i++) {
        pthread_join(threads[i], NULL);
        check_that(waits[i].status == SPLIT_E_DESTROYED || (waits[i].call == 1 && waits[i].status == SPLIT_E_TIMEOUT),
                   __FILE__, __LINE__, "call %d ended with %d", waits[i].call, waits[i].status);
    }
    split_factory_free(factory);
    CHECK(eventually(threads_gone, NULL));
}

int main(void) {
    static const char *const arguments[] = {"--streaming", NULL};
    server = backend_started(arguments);
    RUN(locales_and_time_zones_do_not_matter);
    RUN(what_belongs_to_the_host_stays_as_it_was);
    RUN(the_hosts_directory_umask_and_limits_do_not_matter);
    RUN(without_descriptors_it_fails_in_words);
    RUN(standard_error_may_be_anything);
    RUN(the_longest_time_outs_are_for_ever);
    backend_ended(server);
    return check_finish("host");
}
