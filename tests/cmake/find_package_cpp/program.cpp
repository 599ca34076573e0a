// ../program.c by the C++ interface.
#include <iostream>

#include <splitio.hpp>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    try {
        splitio::Factory split{"localhost", splitio::Config{}.set("splitFile", argv[1])};
        split.block_until_ready(std::chrono::seconds{10});
        const splitio::Result result = split.treatment_with_config("ann", "new_checkout");
        std::cout << result.treatment() << ' ' << result.config().value_or("") << '\n'
                  << "header " << SPLIT_VERSION << ", library " << split_version() << ", number "
                  << split_version_number() << '\n';
        split.destroy();
    } catch (const splitio::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
