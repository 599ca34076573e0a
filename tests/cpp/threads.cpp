/*
 * One factory, one attribute set and one configuration shared by many threads, while definitions change and while the
 * factory ends. Meant for ThreadSanitizer, and true without it.
 */
#include "support.hpp"

#include <atomic>
#include <thread>
#include <vector>

enum { THREADS = 8 };

static splitio::Config changing(const char *name) {
    return config_on(in_scratch(name)).set("localhostRefreshEnabled", true).set("featuresRefreshRate", 1s);
}

static bool known(std::string_view treatment) {
    return treatment == "red" || treatment == "blue";
}

static void many_threads_share_everything(void) {
    write_file("shared.json", one_flag("shared", "red", 1));
    std::atomic<long> heard{0}, updates{0}, asked{0};
    std::atomic<bool> stop{false};
    splitio::Config config = changing("shared.json");
    config.listener([&](const splitio::Impression &impression) {
        CHECK(known(impression.treatment));
        if (++heard % 100 == 1) throw std::runtime_error("every hundredth");
    });
    config.logger(splitio::LogLevel::error, [&](const splitio::LogRecord &record) { CHECK(!record.message.empty()); });
    splitio::Factory split = ready(config);
    split.on_update([&](const splitio::Update &) { updates++; });
    const splitio::Attributes shared{{"age", 31}, {"tags", {"a", "b"}}};

    std::vector<std::thread> threads;
    for (int number = 0; number < THREADS; number++) {
        threads.emplace_back([&, number] {
            const std::string own = "key-" + std::to_string(number);
            for (long i = 0; !stop; i++) {
                if (!CHECK(known(split.treatment(own, "shared", shared)))) break;
                if (!CHECK(known(split.treatment("ann", "shared", {{"i", i}, {"own", own}})))) break;
                const splitio::Result result = split.treatment_with_config(own, "shared", shared);
                if (!CHECK(known(result.treatment()))) break;
                const splitio::Results results = split.treatments(own, {"shared", "shared"});
                if (!CHECK_INT(results.size(), 1)) break;
                if (i % 64 == 0) {
                    CHECK_INT(split.flag_names().size(), 1);
                    CHECK_TEXT(split.flag("shared")->name(), "shared");
                    CHECK(split.track(own, "user", "paid", 1, {{"i", i}}));
                    if (number == 0) split.on_ready([] {});
                }
                asked++;
                if (i % 256 == 255) std::this_thread::sleep_for(1ms);
            }
        });
    }
    const long changes = effort(4);
    for (long i = 0; i < (changes > 1 ? changes : 2); i++) {
        write_file("shared.json", one_flag("shared", i % 2 == 0 ? "blue" : "red", 2 + i));
        for (long long end = now_ms() + PATIENCE_MS; updates <= i && now_ms() < end;) std::this_thread::sleep_for(10ms);
        CHECK(updates == i + 1);
    }
    stop = true;
    for (std::thread &thread : threads) thread.join();
    CHECK(asked > 0);
    split.destroy(patience);
    CHECK(heard > 0);
}

static void a_factory_ends_while_it_is_asked(void) {
    write_file("shared.json", one_flag("shared", "red", 1));
    for (long round = 0; round < effort(20); round++) {
        std::atomic<int> ended{0};
        std::atomic<bool> begun{false};
        splitio::Factory split = ready(changing("shared.json").listener([](const splitio::Impression &) {}));
        std::vector<std::thread> threads;
        for (int number = 0; number < THREADS; number++) {
            threads.emplace_back([&] {
                std::error_code error;
                for (;;) {
                    const std::string_view treatment = split.treatment("ann", "shared", {{"age", 31}});
                    if (treatment == splitio::control) break;
                    if (!CHECK_TEXT(treatment, "red")) break;
                    begun = true;
                    split.flush(1ms, error);
                    split.track("ann", "user", "paid");
                }
                ended++;
                split.destroy(patience, error);
                CHECK_CODE(error, std::error_code{});
            });
        }
        while (!begun) std::this_thread::sleep_for(1ms);
        split.destroy(patience);
        for (std::thread &thread : threads) thread.join();
        CHECK_INT(ended, THREADS);
    }
}

static void factories_of_one_configuration_on_many_threads(void) {
    const splitio::Config config = config_on(in_data("flags.json")).listener([](const splitio::Impression &) {
        throw std::runtime_error("always");
    });
    std::vector<std::thread> threads;
    for (int number = 0; number < THREADS; number++) {
        threads.emplace_back([&config] {
            for (long i = 0; i < effort(10); i++) {
                splitio::Factory split = ready(config);
                CHECK_TEXT(split.treatment("ann", "checkout", {{"age", 31}}), "on");
            }
        });
    }
    for (std::thread &thread : threads) thread.join();
}

int main(void) {
    RUN(many_threads_share_everything);
    RUN(a_factory_ends_while_it_is_asked);
    RUN(factories_of_one_configuration_on_many_threads);
    return check_finish("threads");
}
