/*
 * Who owns what, and for how long: moves, results that outlive what they came from, factories after their end, in
 * forked children and on threads that end.
 */
#include "support.hpp"

#include <algorithm>
#include <memory>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "backend.h"

static_assert(std::is_nothrow_move_constructible_v<splitio::Factory> &&
              !std::is_copy_constructible_v<splitio::Factory>);
static_assert(std::is_nothrow_move_assignable_v<splitio::Factory> && !std::is_copy_assignable_v<splitio::Factory>);
static_assert(std::is_nothrow_move_constructible_v<splitio::Result> && !std::is_copy_constructible_v<splitio::Result>);
static_assert(std::is_nothrow_move_assignable_v<splitio::Results> && !std::is_copy_constructible_v<splitio::Results>);
static_assert(std::is_move_constructible_v<splitio::Config> && !std::is_copy_constructible_v<splitio::Config>);
static_assert(std::is_move_assignable_v<splitio::Attributes> && !std::is_copy_constructible_v<splitio::Attributes>);
static_assert(std::is_nothrow_copy_constructible_v<splitio::Error>);

static bool all_control(const splitio::Results &results) {
    return std::all_of(results.begin(), results.end(),
                       [](splitio::ResultView result) { return result.treatment() == splitio::control; });
}

/* Every call there is, on a factory that is `what` ("moved from", "destroyed"). */
static void all_calls_are_harmless(splitio::Factory &split, splitio::Errc code) {
    std::error_code error;
    CHECK(!split.ready());
    CHECK(split.status() == splitio::Status::destroyed);
    CHECK_TEXT(split.treatment("ann", "checkout"), "control");
    CHECK_TEXT(split.treatment({"ann", "b"}, "checkout", {{"age", 31}}), "control");
    const splitio::Result result = split.treatment_with_config("ann", "checkout", {{"age", 31}});
    CHECK_TEXT(result.treatment(), "control");
    CHECK_CODE(result.error(), code);
    CHECK_INT(split.treatments("ann", {"checkout", "banner"}).size(), 2);
    CHECK_TEXT(split.treatments_with_config("ann", {"checkout"})[0].treatment(), "control");
    CHECK(all_control(split.treatments_by_flag_set("ann", "web")));
    CHECK(all_control(split.treatments_by_flag_sets("ann", {"web"})));
    CHECK(all_control(split.treatments_with_config_by_flag_set("ann", "web")));
    CHECK(all_control(split.treatments_with_config_by_flag_sets("ann", {"web"})));
    CHECK(!split.track("ann", "user", "paid", 1, {{"a", 1}}, error));
    CHECK_CODE(error, code);
    CHECK(!split.track("ann", "user", "paid"));
    CHECK_THROWS(split.block_until_ready(), code, "");
    CHECK_THROWS(split.block_until_ready(1s), code, "");
    CHECK_THROWS(split.flush(), code, "");
    CHECK_THROWS(split.flush(1s), code, "");
    CHECK_THROWS(split.on_ready([] {}), code, "");
    CHECK_THROWS(split.on_update([](const splitio::Update &) {}), code, "");
    split.block_until_ready(error);
    CHECK_CODE(error, code);
    split.flush(error);
    CHECK_CODE(error, code);
    split.destroy(error);
    CHECK_CODE(error, std::error_code{});
    split.destroy(1s);
    split.destroy();
    CHECK(split.flag_names().empty());
    CHECK(split.flags().empty());
    CHECK(!split.flag("checkout").has_value());
    CHECK(split.flag_json("checkout").empty() || split.flag_json("checkout").view() == "null");
    CHECK(split.flags_json().view().find("checkout") == std::string_view::npos);
}

static void a_factory_that_was_moved_from_is_empty(void) {
    splitio::Factory split = shop();
    splitio::Factory other = std::move(split);
    CHECK(!split && other);
    CHECK_NULL(split.c_ptr());
    all_calls_are_harmless(split, splitio::Errc::invalid_argument);
    CHECK_THROWS(split.resume(), splitio::Errc::invalid_argument, "");
    CHECK_TEXT(other.treatment("ann", "checkout"), "on");
    split = std::move(other);
    CHECK_TEXT(split.treatment("ann", "checkout"), "on");
    CHECK_TEXT(other.treatment("ann", "checkout"), "control");

    /* What it is assigned to ends. */
    splitio::Factory second = shop();
    second = std::move(split);
    CHECK_TEXT(second.treatment("ann", "checkout"), "on");
    std::vector<splitio::Factory> several;
    for (int i = 0; i < 4; i++) several.push_back(shop());
    for (const splitio::Factory &each : several) CHECK_TEXT(each.treatment("ann", "checkout"), "on");
    several.clear();
    second.destroy();
    CHECK(eventually(threads_gone, NULL));
}

static void a_destroyed_factory_answers_control(void) {
    splitio::Factory split = shop();
    split.destroy();
    CHECK(split);
    all_calls_are_harmless(split, splitio::Errc::destroyed);
    std::error_code error;
    split.resume(error);
    CHECK_CODE(error, splitio::Errc::destroyed);
}

static void the_end_of_a_scope_ends_its_factory(void) {
    {
        const splitio::Factory split =
            ready(config_on(in_data("flags.json")).listener([](const splitio::Impression &) {}));
        CHECK(!threads_gone(NULL));
    }
    CHECK(eventually(threads_gone, NULL));
}

static void handles_change_hands(void) {
    splitio::Factory split = shop();
    split_factory *handle = split.release();
    CHECK_SET(handle);
    CHECK(!split);
    CHECK_STR(split_get_treatment(handle, "ann", "checkout", NULL), "on");
    splitio::Factory adopted = splitio::Factory::adopt(handle, 1s);
    CHECK(adopted.c_ptr() == handle);
    CHECK_TEXT(adopted.treatment("ann", "checkout"), "on");
    adopted.on_ready([] {});
    CHECK(!splitio::Factory::adopt(nullptr));

    split_config *raw = config_on(in_data("flags.json")).c_ptr(); // ended with its owner; only that it compiles counts
    static_cast<void>(raw);
    splitio::Attributes attributes{{"age", 18}};
    CHECK_INT(split_attributes_set_int(attributes.c_ptr(), "age", 3), SPLIT_OK);
    CHECK_TEXT(adopted.treatment("ann", "adults", attributes), "no");
}

static void a_configuration_serves_many_factories(void) {
    splitio::Config config = config_on(in_data("flags.json"));
    splitio::Factory one = ready(config), two = ready(config);
    splitio::Config moved = std::move(config);
    splitio::Factory three = ready(moved);
    CHECK_TEXT(one.treatment("ann", "checkout"), "on");
    CHECK_TEXT(three.treatment("ann", "checkout"), "on");
    CHECK_THROWS(config.set("featuresRefreshRate", 30), splitio::Errc::invalid_argument, "");
    CHECK_THROWS(config.merge_json("{}"), splitio::Errc::invalid_argument, "");
    CHECK_THROWS(config.listener([](const splitio::Impression &) {}), splitio::Errc::invalid_argument, "");
    CHECK_THROWS(config.queue(splitio::Queue::logs), splitio::Errc::invalid_argument, "");
    std::error_code error;
    config.logger(
        splitio::LogLevel::error, [](const splitio::LogRecord &) {}, error);
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    CHECK(moved.destroy_timeout() == splitio::Config::default_destroy_timeout);
}

static void results_keep_their_configuration(void) {
    write_file("kept.json", one_flag("kept", "red", 1));
    std::unique_ptr<splitio::Factory> split = std::make_unique<splitio::Factory>(shop());
    splitio::Result result = split->treatment_with_config("ann", "checkout");
    splitio::Results results = split->treatments_with_config("ann", {"checkout", "banner"});
    std::optional<splitio::Flag> flag = split->flag("checkout");
    splitio::NameList names = split->flag_names();
    const std::string_view treatment = split->treatment("ann", "checkout"), label = result.label();
    split.reset();
    CHECK_TEXT(result.config().value_or("none"), "{\"color\":\"red\"}");
    CHECK_TEXT(results[0].config().value_or("none"), "{\"color\":\"red\"}");
    CHECK_TEXT(flag->name(), "checkout");
    CHECK_TEXT(names[0], "adults");
    CHECK_TEXT(treatment, "on");
    CHECK_TEXT(label, "whitelisted");

    splitio::Result moved = std::move(result);
    CHECK_TEXT(moved.config().value_or("none"), "{\"color\":\"red\"}");
    CHECK_TEXT(result.treatment(), "control");
    CHECK(!result.config().has_value());
    result = std::move(moved);
    CHECK(!moved.config().has_value());
    splitio::Result &itself = result;
    result = std::move(itself);
    CHECK_TEXT(result.config().value_or("none"), "{\"color\":\"red\"}");

    splitio::Results others = std::move(results);
    CHECK(results.empty() && results.begin() == results.end() && !results.find("checkout").has_value());
    CHECK_INT(others.size(), 2);
    splitio::Results &themselves = others;
    others = std::move(themselves);
    CHECK_INT(others.size(), 2);
    results = std::move(others);
    CHECK_INT(results.size(), 2);
    CHECK_TEXT(results.find("checkout")->config().value_or("none"), "{\"color\":\"red\"}");
    splitio::NameList more = std::move(names);
    CHECK(names.empty() && !more.empty());
}

static void results_outlive_a_change_of_definitions(void) {
    const auto write = [](const char *treatment, const char *config, int number) {
        std::string text = one_flag("outlived", treatment, number);
        text.insert(text.find("\"conditions\""),
                    "\"configurations\": {\"" + std::string(treatment) + "\": \"" + config + "\"}, ");
        write_file("outlived.json", text.c_str());
    };
    write("on", "old", 1);
    splitio::Factory split = ready(
        config_on(in_scratch("outlived.json")).set("localhostRefreshEnabled", true).set("featuresRefreshRate", 1s));
    const splitio::Result before = split.treatment_with_config("ann", "outlived");
    write("off", "new", 2);
    for (long long end = now_ms() + PATIENCE_MS; split.treatment("ann", "outlived") != "off" && now_ms() < end;) {
        std::this_thread::sleep_for(20ms);
    }
    const splitio::Result after = split.treatment_with_config("ann", "outlived");
    CHECK_TEXT(before.treatment(), "on");
    CHECK_TEXT(before.config().value_or("none"), "old");
    CHECK_TEXT(after.treatment(), "off");
    CHECK_TEXT(after.config().value_or("none"), "new");
}

/* A destructor of a thread that evaluates after what this library keeps for the thread is gone. */
struct Last {
    const splitio::Factory *split = nullptr;
    ~Last() {
        for (int i = 0; i < 3; i++) CHECK_TEXT(split->treatment("ann", "adults", {{"age", 31}}), "yes");
    }
};

static void a_thread_may_evaluate_to_its_end(void) {
    const splitio::Factory split = shop();
    std::thread thread{[&split] {
        static thread_local Last last;
        last.split = &split;
        CHECK_TEXT(split.treatment("ann", "adults", {{"age", 31}}), "yes");
    }};
    thread.join();
}

/* A collection that evaluates while it is read as a value of an evaluation. */
struct Asking {
    const splitio::Factory *split;
    struct iterator {
        using iterator_category = std::forward_iterator_tag;
        using value_type = const char *;
        using difference_type = std::ptrdiff_t;
        using pointer = const value_type *;
        using reference = value_type;
        const splitio::Factory *split;
        int left;
        const char *operator*() const {
            const bool adult = split->treatment("ann", "adults", {{"age", 31}}) == "yes";
            return adult ? "red" : "wrong";
        }
        iterator &operator++() { return --left, *this; }
        bool operator==(const iterator &other) const { return left == other.left; }
        bool operator!=(const iterator &other) const { return left != other.left; }
    };
    iterator begin() const { return {split, 2}; }
    iterator end() const { return {split, 0}; }
};

static void an_evaluation_inside_an_evaluation(void) {
    const splitio::Factory split = shop();
    CHECK_TEXT(split.treatment("ann", "painter", {{"age", 1}, {"colors", Asking{&split}}}), "on");
}

[[maybe_unused]] static void a_forked_child_evaluates(void) {
    splitio::Factory split = shop();
    const std::uint32_t before = splitio::fork_generation();
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", 31}}), "yes");
    const pid_t child = fork();
    if (child == 0) {
        bool well =
            splitio::fork_generation() == before + 1 && split.treatment("ann", "adults", {{"age", 31}}) == "yes";
        std::error_code error;
        split.resume(error);
        well = well && !error && split.ready() && split.track("ann", "user", "paid");
        split.destroy(1s, error);
        end_child(well && !error);
    }
    int status = -1;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(splitio::fork_generation(), before);
    CHECK(split.ready());
}

int main(void) {
    RUN(a_factory_that_was_moved_from_is_empty);
    RUN(a_destroyed_factory_answers_control);
    RUN(the_end_of_a_scope_ends_its_factory);
    RUN(handles_change_hands);
    RUN(a_configuration_serves_many_factories);
    RUN(results_keep_their_configuration);
    RUN(results_outlive_a_change_of_definitions);
    RUN(a_thread_may_evaluate_to_its_end);
    RUN(an_evaluation_inside_an_evaluation);
    /* The allocators of sanitizers keep their locks over a fork: children hang in malloc. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    RUN(a_forked_child_evaluates);
#endif
    return check_finish("lives");
}
