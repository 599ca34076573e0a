/* An event loop that nobody calls back: it waits for a descriptor and takes what is there. */
#include <poll.h>

#include "guide.h"

static bool over;

static void take(const char *records) {
    over = strstr(records, "\"type\":\"impression\"") != NULL;
}

int main(void) {
    split_config *config = shop();
    /* doc: enable */
    split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS | SPLIT_QUEUE_EVENTS, 0);
    /* doc: end */
    split_factory *factory = started("localhost", config);
    split_get_treatment(factory, "ann", "checkout_one_page", NULL);

    /* doc: loop */
    struct pollfd split = {split_poll_fd(factory), POLLIN, 0}; /* beside the loop's other descriptors */
    while (!over) {
        split_json records;
        if (poll(&split, 1, 1000) <= 0) continue;
        split_status status = split_poll(factory, 0, 100, &records);
        if (status == SPLIT_E_DESTROYED) break;
        if (status != SPLIT_OK) continue; /* SPLIT_E_TIMEOUT: nothing is there */
        take(records.ptr);                /* an array of objects whose "type" is "impression", "log" or "event" */
        split_json_release(&records);
    }
    /* doc: end */
    printf("an impression came\n");
    end(factory);
    return EXIT_SUCCESS;
}
