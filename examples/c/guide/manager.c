/* Which flags there are. */
#include "guide.h"

int main(void) {
    split_factory *factory = started("localhost", shop());
    size_t count;

    /* doc: names */
    split_name_list *names = split_manager_names(factory);
    split_name_list_data(names, &count);
    printf("%zu flags\n", count);
    split_name_list_free(names);
    /* doc: end */

    /* doc: one */
    split_flag_view_list *found = split_manager_split(factory, "payment_provider");
    const split_flag_view *const *views = split_flag_view_list_data(found, &count);
    if (count == 1) { /* 0: there is none of this name */
        const split_flag_view *flag = views[0];
        printf("%s, for %s, %s\n", flag->name, flag->traffic_type, flag->killed ? "killed" : "alive");
        for (size_t i = 0; i < flag->treatments_len; i++) printf("  treatment %s\n", flag->treatments[i]);
        for (size_t i = 0; i < flag->configs_len; i++) {
            printf("  %s is configured with %s\n", flag->config_treatments[i], flag->configs[i]);
        }
    }
    split_flag_view_list_free(found);
    /* doc: end */

    /* doc: json */
    split_json text;
    if (split_manager_json(factory, "vip_lounge", &text) == SPLIT_OK) {
        printf("%s\n", text.ptr); /* text.len bytes */
        split_json_release(&text);
    }
    /* doc: end */
    end(factory);
    return EXIT_SUCCESS;
}
