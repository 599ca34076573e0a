/*
 * Answers the questions of conform.py, in C. Labels and change numbers come with the result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>

/* A text that may contain NUL; `data` is NULL for none. */
struct text {
    char *data;
    size_t len;
};

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* Decodes a field where it stands. */
static struct text decoded(char *field) {
    struct text text = {field, 0};
    if (field == NULL) fail("a field is missing");
    if (strcmp(field, "-") == 0) return (struct text){NULL, 0};
    for (const char *from = field; *from != '\0';) {
        if (*from == '%') {
            const char digits[] = {from[1], from[2], '\0'};
            text.data[text.len++] = (char)strtol(digits, NULL, 16);
            from += 3;
        } else {
            text.data[text.len++] = *from++;
        }
    }
    text.data[text.len] = '\0';
    return text;
}

static void print_field(const char *text, size_t len) {
    putchar('\t');
    if (text == NULL) putchar('-');
    for (size_t i = 0; text != NULL && i < len; i++) printf("%%%02X", (unsigned)(unsigned char)text[i]);
}

static split_factory *new_factory(const char *url, const char *fallbacks) {
    static const char *const services[] = {"sdk", "events", "auth", "telemetry"};
    split_config *config = split_config_new();
    split_error error;
    char json[65536], name[64], base[256];
    snprintf(base, sizeof base, "%s/api", url);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        snprintf(name, sizeof name, "%s_api_base_url", services[i]);
        if (split_config_set(config, name, base, &error) != SPLIT_OK) fail(error.message);
    }
    snprintf(json, sizeof json, "{\"streamingEnabled\": false, \"logLevel\": \"none\"%s%s}",
             fallbacks != NULL ? ", \"fallbackTreatments\": " : "", fallbacks != NULL ? fallbacks : "");
    if (split_config_merge_json(config, json, &error) != SPLIT_OK) fail(error.message);
    split_factory *factory = split_factory_new("a-key-of-c", config, &error);
    if (factory == NULL) fail(error.message);
    split_config_free(config);
    if (split_block_until_ready(factory, 20000) != SPLIT_OK) fail("not ready");
    return factory;
}

static void answer(const split_factory *factory, char *fields) {
    char *rest = fields;
    const char *number = strtok_r(rest, "\t", &rest);
    const struct text flag = decoded(strtok_r(NULL, "\t", &rest)), key = decoded(strtok_r(NULL, "\t", &rest)),
                      bucketing_key = decoded(strtok_r(NULL, "\t", &rest)),
                      attributes = decoded(strtok_r(NULL, "\t", &rest));
    split_options options = SPLIT_OPTIONS_INIT;
    split_result result;
    options.bucketing_key = bucketing_key.data;
    options.bucketing_key_len = bucketing_key.len;
    options.attributes_json = attributes.data;
    options.attributes_json_len = attributes.len;
    split_get_treatment_with_config_n(factory, key.data, key.len, flag.data, flag.len, &options, &result);
    fputs(number, stdout);
    print_field(result.treatment, strlen(result.treatment));
    print_field(result.config, result.config_len);
    print_field(result.label, result.label != NULL ? strlen(result.label) : 0);
    printf("\t%lld\n", (long long)result.change_number);
    split_result_release(&result);
}

int main(int count, char **arguments) {
    static char line[1 << 20];
    split_factory *factory = NULL;
    FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
    if (file == NULL) fail("usage: answers QUESTIONS");
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = NULL;
        if (strcmp(strtok_r(line, "\t", &rest), "factory") == 0) {
            split_factory_free(factory);
            const char *url = strtok_r(NULL, "\t", &rest);
            factory = new_factory(url, decoded(strtok_r(NULL, "\t", &rest)).data);
        } else {
            answer(factory, rest);
        }
    }
    fclose(file);
    split_factory_free(factory);
    return 0;
}
