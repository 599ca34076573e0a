/*
 * Nesting at its limit on a stack as small as musl's (128 KiB): flags that depend on flags, prerequisites, and
 * rule-based segments in each other. Half of it is left for the caller, so the test fills the other half first.
 */
#include "support.h"

#define STACK (128 * 1024)
#define CALLERS_PART (60 * 1024)
#define LIMIT 100 /* evaluations in one another, from the specification */

static split_factory *factory;

enum nesting { DEPENDENCY, PREREQUISITE, SEGMENTS };

/* A chain of `length` flags, or of rule-based segments below one flag; the last is reached by every key. */
static char *chain(enum nesting kind, const char *prefix, int length) {
    static const char all[] = "{\"matcherType\": \"ALL_KEYS\", \"negate\": false}";
    size_t room = (size_t)length * 700 + 2000;
    char *text = (char *)malloc(room), *end = text;
    if (text == NULL) abort();
    end += sprintf(end, "{\"ff\": {\"t\": 1, \"d\": [");
    for (int i = 0; i < (kind == SEGMENTS ? 1 : length); i++) {
        char matcher[256], prerequisite[128] = "";
        bool last = i == length - 1;
        snprintf(matcher, sizeof matcher, "%s", all);
        if (kind == DEPENDENCY && !last) {
            snprintf(matcher, sizeof matcher,
                     "{\"matcherType\": \"IN_SPLIT_TREATMENT\", \"negate\": false, \"dependencyMatcherData\": "
                     "{\"split\": \"%s%d\", \"treatments\": [\"on\"]}}",
                     prefix, i + 1);
        }
        if (kind == SEGMENTS) {
            snprintf(
                matcher, sizeof matcher,
                "{\"matcherType\": \"IN_RULE_BASED_SEGMENT\", \"negate\": false, \"userDefinedSegmentMatcherData\": "
                "{\"segmentName\": \"%s0\"}}",
                prefix);
        }
        if (kind == PREREQUISITE && !last) {
            snprintf(prerequisite, sizeof prerequisite, "\"prerequisites\": [{\"n\": \"%s%d\", \"ts\": [\"on\"]}], ",
                     prefix, i + 1);
        }
        end += sprintf(
            end,
            "%s{\"name\": \"%s%d\", \"seed\": 1, \"trafficAllocationSeed\": 1, \"defaultTreatment\": \"off\", "
            "%s\"conditions\": [{\"conditionType\": \"WHITELIST\", \"label\": \"here\", \"matcherGroup\": "
            "{\"combiner\": \"AND\", \"matchers\": [%s]}, \"partitions\": [{\"treatment\": \"on\", \"size\": 100}]}]}",
            i == 0 ? "" : ", ", prefix, i, prerequisite, matcher);
    }
    end += sprintf(end, "]}, \"rbs\": {\"t\": 1, \"d\": [");
    for (int i = 0; kind == SEGMENTS && i < length - 1; i++) {
        char matcher[256];
        snprintf(matcher, sizeof matcher, "%s", all);
        if (i < length - 2) {
            snprintf(
                matcher, sizeof matcher,
                "{\"matcherType\": \"IN_RULE_BASED_SEGMENT\", \"negate\": false, \"userDefinedSegmentMatcherData\": "
                "{\"segmentName\": \"%s%d\"}}",
                prefix, i + 1);
        }
        end +=
            sprintf(end,
                    "%s{\"name\": \"%s%d\", \"conditions\": [{\"matcherGroup\": {\"combiner\": \"AND\", \"matchers\": "
                    "[%s]}}]}",
                    i == 0 ? "" : ", ", prefix, i, matcher);
    }
    sprintf(end, "]}}");
    return text;
}

/* Stands for the frames of a program that is deep in its own work when it asks. */
static void __attribute__((noinline)) with_the_callers_part_used(void (*act)(const char *), const char *flag) {
    volatile char frames[CALLERS_PART];
    for (size_t i = 0; i < sizeof frames; i += 512) frames[i] = 1;
    act(flag);
    CHECK_INT(frames[0], 1);
}

static const char *treatment, *label;
static split_status status;

static void ask(const char *flag) {
    split_result result;
    status = split_get_treatment_with_config(factory, "ann", flag, NULL, &result);
    treatment = result.treatment;
    label = result.label; /* both live as long as the process */
    split_result_release(&result);
}

static void *on_a_small_stack(void *flag) {
    with_the_callers_part_used(ask, (const char *)flag);
    return NULL;
}

static void asked_on_a_small_stack(const char *flag) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    CHECK_INT(pthread_attr_setstacksize(&attributes, STACK), 0);
    CHECK_INT(pthread_create(&thread, &attributes, on_a_small_stack, (void *)(uintptr_t)flag), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static void nested(enum nesting kind, const char *file, const char *prefix) {
    char first[32];
    char *text = chain(kind, prefix, LIMIT);
    write_file(file, text);
    free(text);
    factory = localhost(in_scratch(file));
    snprintf(first, sizeof first, "%s0", prefix);
    asked_on_a_small_stack(first);
    CHECK_STR(treatment, "on");
    CHECK_STR(label, "here");
    CHECK_INT(status, SPLIT_OK);
    ended(factory);
}

static void too_deep(enum nesting kind, const char *file, const char *prefix) {
    char first[32];
    char *text = chain(kind, prefix, LIMIT + 10);
    write_file(file, text);
    free(text);
    factory = localhost(in_scratch(file));
    snprintf(first, sizeof first, "%s0", prefix);
    asked_on_a_small_stack(first);
    CHECK_STR(treatment, "control");
    CHECK_STR(label, "exception");
    CHECK_INT(status, SPLIT_E_EVALUATION);
    ended(factory);
}

static void flags_that_depend_on_flags(void) {
    nested(DEPENDENCY, "dependency.json", "d");
    too_deep(DEPENDENCY, "dependency-deep.json", "dd");
}

static void prerequisites_of_prerequisites(void) {
    nested(PREREQUISITE, "prerequisite.json", "p");
    too_deep(PREREQUISITE, "prerequisite-deep.json", "pp");
}

static void segments_in_segments(void) {
    nested(SEGMENTS, "segments.json", "s");
    too_deep(SEGMENTS, "segments-deep.json", "ss");
}

static void a_circle_ends_too(void) {
    factory = localhost(in_data("flags.json"));
    asked_on_a_small_stack("loop");
    CHECK_STR(treatment, "control");
    CHECK_STR(label, "exception");
    ended(factory);
}

int main(void) {
    RUN(flags_that_depend_on_flags);
    RUN(prerequisites_of_prerequisites);
    RUN(segments_in_segments);
    RUN(a_circle_ends_too);
    return check_finish("small_stack");
}
