/*
 * libsplitio in C++, without a network: evaluates the feature flags of a web shop, which are in a file.
 *
 *     c++ -std=c++17 quickstart.cpp -lsplitio && ./a.out path/to/examples/data
 */
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <splitio.hpp>

using namespace std::chrono_literals;

static splitio::Factory start(const std::string &directory) {
    auto config = splitio::Config{}
                      .set("splitFile", directory + "/environment.json")
                      .set("segmentDirectory", directory + "/segments")
                      .set("featuresRefreshRate", 30s)
                      .logger(splitio::LogLevel::warning, [](const splitio::LogRecord &record) {
                          std::cerr << "split: " << record.target << ": " << record.message << '\n';
                      });
    splitio::Factory split{"localhost", config}; // with an SDK key of Split in place of "localhost" it asks Split
    split.block_until_ready(5s);
    return split;
}

static void evaluate(const splitio::Factory &split) {
    /* A treatment is a string_view that is never empty and never dangles. */
    std::cout << "checkout for ann: " << split.treatment("ann", "checkout_one_page") << '\n';

    /* What is known of the key goes with the question. */
    std::cout << "loyalty of zoe:   " << split.treatment("zoe", "loyalty_tier", {{"orders", 12}}) << '\n';

    /* What many questions share is filled once. */
    const splitio::Attributes kim{
        {"interests", {"hiking", "camping", "tea"}}, {"app_version", "3.4.1"}, {"consent", true}};
    for (const char *flag : {"wishlist_sharing", "app_ar_preview", "marketing_emails"}) {
        std::cout << flag << " for kim: " << split.treatment("kim", flag, kim) << '\n';
    }

    /* A treatment may have a configuration, and a reason. */
    const splitio::Result hero = split.treatment_with_config("mia", "homepage_hero");
    std::cout << "hero for mia:     " << hero.treatment() << ", " << hero.config().value_or("{}") << " ("
              << hero.label() << ")\n";

    /* Nothing to evaluate is no failure: it is "control", and says why. */
    const splitio::Result none = split.treatment_with_config("mia", "no_such_flag");
    std::cout << "no_such_flag:     " << none.treatment() << ", " << none.error().message() << '\n';
}

static void evaluate_many(const splitio::Factory &split) {
    std::cout << "\nthe flag set \"payments\" for ann:\n";
    for (const splitio::ResultView result : split.treatments_with_config_by_flag_set("ann", "payments")) {
        std::cout << "  " << result.flag() << " = " << result.treatment() << ' ' << result.config().value_or("")
                  << '\n';
    }
    const std::vector<std::string> flags{"catalog_layout", "search_backend"};
    for (const splitio::ResultView result : split.treatments({"ann", "shop-7"}, flags)) {
        std::cout << "  " << result.flag() << " = " << result.treatment() << '\n';
    }
}

static void describe(const splitio::Factory &split) {
    std::cout << "\nthe manager knows " << split.flag_names().size() << " flags\n";
    if (const auto flag = split.flag("payment_provider")) {
        std::cout << flag->name() << " has the treatments";
        for (const std::string_view treatment : flag->treatments()) std::cout << ' ' << treatment;
        std::cout << " and is " << (flag->killed() ? "killed" : "alive") << '\n';
    }
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " DIRECTORY, such as examples/data\n";
        return 2;
    }
    splitio::Factory split = start(argv[1]);
    evaluate(split);
    evaluate_many(split);
    describe(split);
    const bool tracked = split.track("ann", "user", "checkout.paid", 49.9, {{"items", 3}, {"coupon", "TENT-2026"}});
    std::cout << "\nthe event was " << (tracked ? "accepted" : "refused") << '\n';
    split.destroy(5s); // sends what is queued; leaving the scope would, too
    return 0;
} catch (const splitio::Error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
