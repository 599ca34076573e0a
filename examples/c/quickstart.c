/*
 * A tour of libsplitio in one program, without a network: it evaluates the feature flags of a web shop, which are in a
 * file, prints what it is told, and notices that the file changes while it runs.
 *
 *     cc quickstart.c -lsplitio -lpthread && ./a.out path/to/a/copy/of/examples/data
 *
 * `make demo` does that on a copy, because the program edits the file. It ends with status 0 if all went as expected.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_getname_np, to show on which thread callbacks run */
#endif
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <splitio.h>

static int disappointments;

static void expect(bool holds, const char *what) {
    if (holds) return;
    disappointments++;
    printf("  !! expected: %s\n", what);
}

/* ---- Callbacks: each has a list that it fills and main prints ---------------------------------------------------- */

/* Lines that arrived on other threads. All of it belongs to the lock. */
struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    char lines[256][160];
    int count;
};

static struct inbox impressions = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {{0}}, 0};
static struct inbox events = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {{0}}, 0};
static struct inbox logged = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {{0}}, 0};

static void put(struct inbox *inbox, const char *format, ...) {
    va_list values;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->count < 256) {
        va_start(values, format);
        vsnprintf(inbox->lines[inbox->count++], sizeof inbox->lines[0], format, values);
        va_end(values);
        pthread_cond_broadcast(&inbox->arrived);
    }
    pthread_mutex_unlock(&inbox->lock);
}

/* Waits until a line contains `part`, for up to five seconds. */
static bool wait_for(struct inbox *inbox, const char *part) {
    struct timespec deadline;
    bool found = false, timed_out = false;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 5;
    pthread_mutex_lock(&inbox->lock);
    while (!found && !timed_out) {
        for (int i = 0; i < inbox->count; i++) found = found || strstr(inbox->lines[i], part) != NULL;
        if (!found) timed_out = pthread_cond_timedwait(&inbox->arrived, &inbox->lock, &deadline) != 0;
    }
    pthread_mutex_unlock(&inbox->lock);
    return found;
}

static void print(struct inbox *inbox, const char *title, int at_most) {
    pthread_mutex_lock(&inbox->lock);
    printf("\n%s (%d)\n", title, inbox->count);
    for (int i = 0; i < inbox->count && i < at_most; i++) printf("  %s\n", inbox->lines[i]);
    if (inbox->count > at_most) printf("  ... and %d more\n", inbox->count - at_most);
    pthread_mutex_unlock(&inbox->lock);
}

static const char *this_thread(void) {
    static __thread char name[16];
    pthread_getname_np(pthread_self(), name, sizeof name);
    return name;
}

static void on_impression(const split_impression *impression, void *user_data) {
    (void)user_data;
    put(&impressions, "%-12s %-24s %-12s %s", impression->key, impression->flag, impression->treatment,
        impression->label != NULL ? impression->label : "");
}

static void on_event(const split_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == SPLIT_EVENT_READY) {
        put(&events, "ready, told on thread %s", this_thread());
    } else if (event->flags_changed) {
        for (size_t i = 0; i < event->names_len; i++) put(&events, "flag %s changed", event->names[i]);
    } else {
        put(&events, "segments changed");
    }
}

static void on_log(const split_log_record *record, void *user_data) {
    static const char *const levels[] = {"", "error", "warning", "info", "debug"};
    (void)user_data;
    put(&logged, "%-7s %s: %s", levels[record->level], record->target, record->message);
}

/* ---- The tour ---------------------------------------------------------------------------------------------------- */

static split_factory *start(const char *directory) {
    char file[4096], segments[4096];
    split_error error;
    snprintf(file, sizeof file, "%s/environment.json", directory);
    snprintf(segments, sizeof segments, "%s/segments", directory);

    split_config *config = split_config_new();
    if (split_config_set(config, "splitFile", file, &error) != SPLIT_OK ||
        split_config_set(config, "segmentDirectory", segments, &error) != SPLIT_OK ||
        split_config_merge_json(config,
                                "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1,"
                                " \"fallbackTreatments\": {\"byFlag\": {\"gift_cards\": \"off\"}}}",
                                &error) != SPLIT_OK) {
        printf("configuration: %s\n", error.message);
        exit(EXIT_FAILURE);
    }
    split_config_set_logger(config, SPLIT_LOG_INFO, on_log, NULL, NULL);
    split_config_set_impression_listener(config, on_impression, NULL, NULL);

    split_factory *factory = split_factory_new("localhost", config, &error);
    split_config_free(config); /* the factory has its own copy */
    if (factory == NULL) {
        printf("factory: %s\n", error.message);
        exit(EXIT_FAILURE);
    }
    split_on(factory, SPLIT_EVENT_READY, on_event, NULL, NULL);
    split_on(factory, SPLIT_EVENT_UPDATE, on_event, NULL, NULL);
    split_status status = split_block_until_ready(factory, 5000);
    if (status != SPLIT_OK) {
        printf("not ready: %s\n", split_status_string(status));
        exit(EXIT_FAILURE);
    }
    return factory;
}

static void evaluate(const split_factory *factory) {
    static const struct {
        const char *key, *flag, *attributes, *expected;
    } questions[] = {
        {"ann", "checkout_one_page", NULL, "on"},
        {"mia", "checkout_one_page", NULL, "off"},
        {"ann", "checkout_express_pay", "{\"cart_total\": 35}", "on"},
        {"mia", "checkout_express_pay", "{\"cart_total\": 35}", "off"},
        {"mia", "payment_provider", NULL, "stripe"},
        {"otto", "payment_retry", NULL, "off"},
        {"mia", "loyalty_tier", NULL, "gold"},
        {"zoe", "loyalty_tier", "{\"orders\": 12}", "silver"},
        {"victor", "loyalty_tier", NULL, "bronze"},
        {"victor", "loyalty_tier", "{\"email\": \"victor@partner.example\"}", "gold"},
        {"victor", "fraud_screening", NULL, "strict"},
        {"tess", "fraud_screening", NULL, "standard"},
        {"guest-4711", "free_shipping", "{\"lifetime_value\": 1500}", "on"},
        {"guest-4711", "free_shipping", "{\"cart_total\": 20}", "off"},
        {"ben", "search_autocomplete", NULL, "on"},
        {"otto", "search_autocomplete", NULL, "off"},
        {"kim", "coupon_check", "{\"coupon\": \"TENT-2026\"}", "accepted"},
        {"kim", "same_day_delivery", "{\"postcode\": \"10115\"}", "courier"},
        {"kim", "black_friday_badge", "{\"order_date\": 1795816800}", "on"},
        {"kim", "recommendations", "{\"interests\": [\"caving\"]}", "vertical"},
        {"kim", "app_ar_preview", "{\"app_version\": \"3.4.1+store.7\"}", "on"},
        {"kim", "age_check", NULL, "ask"},
        {"mallory", "chat_support", NULL, "off"},
        {"mia", "vip_lounge", NULL, "on"},
        {"kim", "legacy_reviews", NULL, "control"},
        {"kim", "gift_cards", NULL, "off"},
    };
    printf("\nEvaluations\n  %-10s  %-21s  %-9s  %-45s  %s\n", "key", "flag", "treatment", "because", "configuration");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        split_options options = SPLIT_OPTIONS_INIT;
        split_result result;
        options.attributes_json = questions[i].attributes;
        split_get_treatment_with_config(factory, questions[i].key, questions[i].flag, &options, &result);
        printf("  %-10s  %-21s  %-9s  %-45s  %s\n", questions[i].key, questions[i].flag, result.treatment,
               result.label != NULL ? result.label : "", result.config != NULL ? result.config : "");
        expect(strcmp(result.treatment, questions[i].expected) == 0, questions[i].expected);
        split_result_release(&result);
    }
}

static void evaluate_with_attributes_set_one_by_one(const split_factory *factory) {
    static const char *const interests[] = {"hiking", "camping", "tea"};
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    split_attributes_set_strings(attributes, "interests", interests, 3);
    split_attributes_set_datetime(attributes, "registered", 1796083200000); /* milliseconds: 1 December 2026 */
    split_attributes_set_bool(attributes, "consent", true);
    options.attributes = attributes;

    static const char *const flags[] = {"wishlist_sharing", "welcome_tour", "marketing_emails"};
    printf("\nThe same attributes for several evaluations\n");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const char *treatment = split_get_treatment(factory, "kim", flags[i], &options);
        printf("  %-18s %s\n", flags[i], treatment);
        expect(strcmp(treatment, "on") == 0, "on");
    }
    split_attributes_free(attributes);
}

static void evaluate_a_set(const split_factory *factory) {
    size_t count;
    split_results *results = split_get_treatments_with_config_by_flag_set(factory, "ann", "payments", NULL);
    const split_result *each = split_results_data(results, &count);
    printf("\nFlag set \"payments\" for ann (%zu)\n", count);
    for (size_t i = 0; i < count; i++) {
        printf("  %-18s %-9s %s\n", each[i].flag, each[i].treatment, each[i].config != NULL ? each[i].config : "");
    }
    expect(count == 5, "five flags");
    expect(split_results_find(results, "payment_retry") != NULL, "payment_retry among them");
    split_results_free(results);
}

static void describe(const split_factory *factory) {
    size_t count;
    split_name_list *names = split_manager_names(factory);
    split_name_list_data(names, &count);
    printf("\nThe manager knows %zu flags. One of them:\n", count);
    expect(count == 46, "47 flags but the archived one");
    split_name_list_free(names);

    split_flag_view_list *list = split_manager_split(factory, "checkout_express_pay");
    const split_flag_view *const *views = split_flag_view_list_data(list, &count);
    expect(count == 1, "one view");
    if (count == 1) {
        printf("  name           %s\n  traffic type   %s\n  change number  %lld\n  treatments    ", views[0]->name,
               views[0]->traffic_type, (long long)views[0]->change_number);
        for (size_t i = 0; i < views[0]->treatments_len; i++) printf(" %s", views[0]->treatments[i]);
        printf("\n  sets          ");
        for (size_t i = 0; i < views[0]->sets_len; i++) printf(" %s", views[0]->sets[i]);
        printf("\n  prerequisites  %s\n", views[0]->prerequisites_json);
        expect(views[0]->treatments_len == 2 && views[0]->sets_len == 2, "two treatments, two sets");
    }
    split_flag_view_list_free(list);
}

static void track(const split_factory *factory) {
    split_options options = SPLIT_OPTIONS_INIT;
    options.properties_json = "{\"currency\": \"EUR\", \"items\": 3}";
    expect(split_track(factory, "ann", "user", "order.paid", 129.90, &options) == SPLIT_OK, "the event is taken");
    expect(split_track(factory, "ann", "user", "page.view", SPLIT_NO_VALUE, NULL) == SPLIT_OK,
           "an event without value");
    expect(split_track(factory, "ann", "user", "not valid", SPLIT_NO_VALUE, NULL) == SPLIT_E_INVALID_ARGUMENT,
           "an event type with a space is refused");
    split_error error;
    split_last_error(&error);
    printf("\nTracking \"not valid\": %s\n", error.message);
}

/* Kills homepage_hero in the file, as somebody would with an editor: written beside, then renamed. */
static void edit(const char *directory) {
    static const char before[] = "\"killed\": false", after[] = "\"killed\": true";
    char path[4096], beside[4200];
    snprintf(path, sizeof path, "%s/environment.json", directory);
    snprintf(beside, sizeof beside, "%s.new", path);

    FILE *file = fopen(path, "rb");
    char *text = (char *)calloc(1, 1 << 20);
    size_t len = file != NULL && text != NULL ? fread(text, 1, (1 << 20) - 1, file) : 0;
    char *flag = len > 0 ? strstr(text, "\"name\": \"homepage_hero\"") : NULL;
    char *killed = flag != NULL ? strstr(flag, before) : NULL;
    if (file != NULL) fclose(file);
    if (killed == NULL || (file = fopen(beside, "wb")) == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fwrite(text, 1, (size_t)(killed - text), file);
    fputs(after, file);
    fputs(killed + strlen(before), file);
    free(text);
    if (fclose(file) != 0 || rename(beside, path) != 0) {
        perror(beside);
        exit(EXIT_FAILURE);
    }
}

static void notice_a_change(const split_factory *factory, const char *directory) {
    const char *treatment = split_get_treatment(factory, "kim", "homepage_hero", NULL);
    printf("\nhomepage_hero is \"%s\"; somebody kills it in the file ... ", treatment);
    fflush(stdout);
    expect(strcmp(treatment, "seasonal") == 0, "seasonal");
    edit(directory);
    expect(wait_for(&events, "flag homepage_hero changed"), "an update event");
    treatment = split_get_treatment(factory, "kim", "homepage_hero", NULL);
    printf("now it is \"%s\"\n", treatment);
    expect(strcmp(treatment, "plain") == 0, "plain");
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\nDIRECTORY is a copy of examples/data, which this program edits.\n",
                argv[0]);
        return 2;
    }
    if (SPLIT_CHECK_VERSION() != SPLIT_OK) {
        fprintf(stderr, "built for libsplitio %s, running with %s\n", SPLIT_VERSION, split_version());
        return EXIT_FAILURE;
    }
    printf("libsplitio %s, localhost mode, definitions from %s\n", split_version(), "environment.json");

    split_factory *factory = start(argv[1]);
    evaluate(factory);
    evaluate_with_attributes_set_one_by_one(factory);
    evaluate_a_set(factory);
    describe(factory);
    track(factory);
    notice_a_change(factory, argv[1]);
    expect(split_flush(factory, 5000) == SPLIT_OK, "all callbacks have run");

    print(&impressions, "Impressions that the listener received", 12);
    expect(wait_for(&impressions, "homepage_hero"), "an impression of homepage_hero");
    expect(impressions.count == 24 + 3 + 5 + 2, "34 impressions: unknown flags make none");
    print(&events, "Events", 12);
    expect(wait_for(&events, "ready, told on thread splitio-deliver"), "a ready event on the delivery thread");
    print(&logged, "Log lines", 12);
    expect(wait_for(&logged, "legacy_reviews"), "a warning about a flag that does not exist");

    expect(split_destroy(factory, 5000) == SPLIT_OK, "an orderly end");
    expect(strcmp(split_get_treatment(factory, "ann", "checkout_one_page", NULL), "control") == 0,
           "control once it is destroyed");
    split_factory_free(factory);
    printf("\n%s\n", disappointments == 0 ? "All as expected." : "Not all as expected, see the lines with !!.");
    return disappointments == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
