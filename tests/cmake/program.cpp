// program.c for those who use the C header from C++.
#include <cstdio>
#include <memory>

#include <splitio.h>

int main(int argc, char **argv) {
    split_error error{};
    const std::unique_ptr<split_config, decltype(&split_config_free)> config{split_config_new(), split_config_free};
    if (argc != 2 || split_config_set(config.get(), "splitFile", argv[1], &error) != SPLIT_OK) {
        std::fprintf(stderr, "usage: %s file-of-flags: %s\n", argv[0], error.message);
        return 2;
    }
    const std::unique_ptr<split_factory, decltype(&split_factory_free)> factory{
        split_factory_new("localhost", config.get(), &error), split_factory_free};
    if (!factory || split_block_until_ready(factory.get(), 10000) != SPLIT_OK) {
        std::fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    split_result result;
    split_get_treatment_with_config(factory.get(), "ann", "new_checkout", nullptr, &result);
    std::printf("%s %s\n", result.treatment, result.config != nullptr ? result.config : "");
    split_result_release(&result);
    std::printf("header %s, library %s, number %u\n", SPLIT_VERSION, split_version(),
                static_cast<unsigned>(split_version_number()));
    const split_status ended = split_destroy(factory.get(), -1);
    return SPLIT_CHECK_VERSION() == SPLIT_OK && ended == SPLIT_OK ? 0 : 1;
}
