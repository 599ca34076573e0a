/* The second file of layout.c's program that includes the header: nothing in it may be defined twice. */
#include <splitio.h>

split_options layout_other_options(void);

split_options layout_other_options(void) {
    split_options options = SPLIT_OPTIONS_INIT;
    return options;
}
