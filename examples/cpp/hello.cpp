#include <chrono>
#include <iostream>
#include <splitio.hpp>

int main() {
    using namespace std::chrono_literals;
    splitio::Factory split{"localhost", splitio::Config{}.set("splitFile", "flags.yaml")};
    split.block_until_ready(5s);
    const splitio::Result result = split.treatment_with_config("ann", "new_checkout", {{"age", 30}, {"plan", "pro"}});
    std::cout << result.treatment() << ' ' << result.config().value_or("") << '\n';
}
