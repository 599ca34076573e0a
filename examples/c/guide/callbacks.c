/* What the library tells a program: that it is ready, that flags changed, impressions, and its log. */
#include "guide.h"

/* doc: listener */
/* On the thread splitio-deliver. What it is given is gone when it returns. */
static void on_impression(const split_impression *impression, void *user_data) {
    FILE *book = (FILE *)user_data;
    fprintf(book, "%s got %s of %s: %s\n", impression->key, impression->treatment, impression->flag,
            impression->label != NULL ? impression->label : "");
}
/* doc: end */

/* doc: logger */
/* On any thread, also on several at a time. It must not call libsplitio. */
static void on_log(const split_log_record *record, void *user_data) {
    static const char *const levels[] = {"", "error", "warning", "info", "debug"};
    fprintf((FILE *)user_data, "%s %s: %s\n", levels[record->level], record->target, record->message);
}
/* doc: end */

/* doc: events */
static void on_ready(const split_event *event, void *user_data) {
    (void)event;
    fprintf((FILE *)user_data, "ready\n");
}

static void on_update(const split_event *event, void *user_data) {
    if (!event->flags_changed) fprintf((FILE *)user_data, "segments changed\n");
    for (size_t i = 0; i < event->names_len; i++) fprintf((FILE *)user_data, "%s changed\n", event->names[i]);
}
/* doc: end */

int main(void) {
    split_config *config = shop();
    /* doc: attach */
    split_config_set_impression_listener(config, on_impression, stdout, NULL);
    split_config_set_logger(config, SPLIT_LOG_WARNING, on_log, stderr, NULL);
    /* doc: end */
    split_error error;
    split_factory *factory = split_factory_new("localhost", config, &error);
    split_config_free(config);
    if (factory == NULL) give_up(error.message);
    /* doc: on */
    split_on(factory, SPLIT_EVENT_READY, on_ready, stdout, NULL);
    split_on(factory, SPLIT_EVENT_UPDATE, on_update, stdout, NULL);
    /* doc: end */
    if (split_block_until_ready(factory, 5000) != SPLIT_OK) give_up("not ready");
    split_flush(factory, 5000); /* "ready" has been told */
    split_get_treatment(factory, "ann", "checkout_one_page", NULL);
    split_get_treatment(factory, "mia", "no_such_flag", NULL); /* no impression, but a line in the log */
    end(factory);
    return EXIT_SUCCESS;
}
