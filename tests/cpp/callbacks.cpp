/*
 * Listeners, loggers and handlers that are std::function: what they get, what becomes of what they throw, and that they
 * are destroyed once nobody needs them.
 */
#include "support.hpp"

#include <atomic>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <unistd.h>
#include <vector>

/* Standard error in a file while it lives. */
class Caught {
public:
    Caught() : before_(dup(STDERR_FILENO)) {
        fflush(stderr);
        const int file = open(in_scratch("stderr"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
        dup2(file, STDERR_FILENO);
        close(file);
    }
    ~Caught() { text(); }
    std::string text() {
        if (before_ >= 0) {
            fflush(stderr);
            dup2(before_, STDERR_FILENO);
            close(std::exchange(before_, -1));
            char *read = read_file(in_scratch("stderr"));
            text_ = read;
            free(read);
        }
        return text_;
    }

private:
    int before_;
    std::string text_;
};

class Notebook {
public:
    Notebook() : book_(notes_new()) {}
    Notebook(const Notebook &) = delete;
    Notebook &operator=(const Notebook &) = delete;
    ~Notebook() { notes_free(book_); }
    void add(const std::string &line) { notes_add(book_, "%s", line.c_str()); }
    bool wait_for(const char *part) { return notes_wait_for(book_, part); }
    size_t having(const char *part) { return notes_having(book_, part); }
    const char *operator[](size_t index) { return notes_line(book_, index); }
    size_t size() { return notes_count(book_); }

private:
    notes *book_;
};

static std::string text(std::string_view view) {
    return std::string{view};
}

/* ---- What they get ----------------------------------------------------------------------------------------------- */

static void an_impression_says_everything(void) {
    Notebook seen;
    splitio::TimePoint last{};
    const splitio::TimePoint begun = std::chrono::system_clock::now() - 1s;
    splitio::Factory split =
        ready(config_on(in_data("flags.json")).listener([&](const splitio::Impression &impression) {
            seen.add(text(impression.key) + "|" + text(impression.bucketing_key) + "|" + text(impression.flag) + "|" +
                     text(impression.treatment) + "|" + text(impression.label) + "|" +
                     std::to_string(impression.change_number) + "|" + text(impression.attributes_json) + "|" +
                     text(impression.properties_json) + "|" + (impression.previous_time ? "again" : "first"));
            CHECK(!impression.sdk_version.empty() && !impression.instance.empty());
            last = impression.time;
        }));
    split.treatment("ann", "checkout");
    split.treatment({"ann", "bucket"}, "adults", splitio::Options{{"age", 30}}.properties({{"page", "cart"}}));
    split.flush(patience);
    CHECK_INT(seen.size(), 2);
    CHECK_STR(seen[0], "ann||checkout|on|whitelisted|11|||first");
    CHECK_STR(seen[1], "ann|bucket|adults|yes|age >= 18|13|{\"age\":30}|{\"page\":\"cart\"}|first");
    CHECK(last >= begun && last <= std::chrono::system_clock::now() + 1s);
    split.destroy();
}

static void the_log_has_its_levels(void) {
    Notebook log;
    splitio::Factory split = ready(
        config_on(in_data("flags.json")).logger(splitio::LogLevel::warning, [&](const splitio::LogRecord &record) {
            CHECK(record.level == splitio::LogLevel::warning || record.level == splitio::LogLevel::error);
            CHECK(!record.target.empty() && record.time > splitio::TimePoint{});
            log.add((record.level == splitio::LogLevel::error ? "E " : "W ") + text(record.message));
        }));
    CHECK_INT(log.size(), 0);
    split.treatment("ann", "no_such_flag");
    CHECK_INT(log.having("W "), 1);
    CHECK_INT(log.having("no_such_flag"), 1);
    split.treatment("", "checkout");
    CHECK_INT(log.having("E "), 1);
    split.destroy();
}

static void readiness_and_changes_reach_their_handlers(void) {
    Notebook heard;
    write_file("changing.json", one_flag("changing", "red", 1));
    splitio::Factory split = ready(
        config_on(in_scratch("changing.json")).set("localhostRefreshEnabled", true).set("featuresRefreshRate", 1s));
    split.on_ready([&] { heard.add("ready"); });
    split.on_update([&](const splitio::Update &update) {
        std::string line = update.flags_changed ? "flags" : "segments";
        for (const std::string_view name : update.names) line += " " + text(name);
        heard.add(line + " " + text(split.treatment("ann", "changing")));
    });
    CHECK(heard.wait_for("ready"));
    write_file("changing.json", one_flag("changing", "blue", 2));
    CHECK(heard.wait_for("flags changing blue"));
    CHECK_INT(heard.size(), 2);
    CHECK_THROWS(split.on_ready(nullptr), splitio::Errc::invalid_argument, "");
    std::error_code error;
    split.on_update(nullptr, error);
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    split.destroy();
    split.on_ready([] {}, error);
    CHECK_CODE(error, splitio::Errc::destroyed);
}

/* ---- What they throw --------------------------------------------------------------------------------------------- */

static void what_callbacks_throw_goes_to_the_logger(void) {
    Notebook log;
    int heard = 0;
    write_file("changing.json", one_flag("changing", "red", 1));
    splitio::Config config = config_on(in_scratch("changing.json"));
    config.set("localhostRefreshEnabled", true).set("featuresRefreshRate", 1s);
    config.listener([&](const splitio::Impression &) {
        if (++heard % 2 == 1) throw std::runtime_error("not today");
        throw 42;
    });
    config.logger(splitio::LogLevel::error, [&](const splitio::LogRecord &record) {
        CHECK(record.level == splitio::LogLevel::error);
        log.add(text(record.target) + ": " + text(record.message));
    });
    splitio::Factory split = ready(config);
    split.on_ready([] { throw std::logic_error("too early"); });
    split.on_update([](const splitio::Update &) { throw std::bad_alloc{}; });
    for (int i = 0; i < 4; i++) CHECK_TEXT(split.treatment("ann", "changing"), "red");
    split.flush(patience);
    CHECK_INT(heard, 4);
    CHECK_INT(log.having("callbacks: the impression listener threw: not today"), 2);
    CHECK_INT(log.having("callbacks: the impression listener threw: something that is no std::exception"), 2);
    CHECK_INT(log.having("callbacks: a handler of on_ready threw: too early"), 1);
    write_file("changing.json", one_flag("changing", "blue", 2));
    CHECK(log.wait_for("callbacks: a handler of on_update threw: "));
    CHECK_TEXT(split.treatment("ann", "changing"), "blue");
    split.destroy();
}

static void without_a_logger_it_goes_to_standard_error(void) {
    splitio::Config config;
    config.set("splitFile", in_data("flags.json")).set("segmentDirectory", in_data("segments"));
    config.listener([](const splitio::Impression &) { throw std::runtime_error("not today"); });
    splitio::Factory split = ready(config);
    Caught caught;
    split.treatment("ann", "checkout");
    split.flush(patience);
    CHECK_STR(caught.text().c_str(), "splitio: error: callbacks: the impression listener threw: not today\n");
    split.destroy();

    splitio::Factory silent = ready(config.logger(splitio::LogLevel::none, nullptr));
    Caught nothing;
    silent.treatment("ann", "checkout");
    silent.flush(patience);
    CHECK_STR(nothing.text().c_str(), "");
}

static void a_logger_that_throws_does_no_harm(void) {
    splitio::Config config = config_on(in_data("flags.json"));
    config.logger(splitio::LogLevel::error, [](const splitio::LogRecord &) { throw std::runtime_error("full disk"); });
    config.listener([](const splitio::Impression &) { throw std::runtime_error("not today"); });
    splitio::Factory split = ready(config);
    Caught caught;
    CHECK_TEXT(split.treatment("", "checkout"), "control"); // logs an error
    CHECK_TEXT(split.treatment("ann", "checkout"), "on");
    split.flush(patience);
    const std::string said = caught.text();
    CHECK_HAS(said.c_str(), "splitio: error: callbacks: the logger threw: full disk\n");
    CHECK_HAS(said.c_str(), "splitio: error: callbacks: the impression listener threw: not today\n");
    split.destroy();
}

/* ---- What they may call, and how long they live ------------------------------------------------------------------ */

static void callbacks_may_evaluate_and_not_wait(void) {
    Notebook heard;
    splitio::Factory *mine = nullptr;
    std::atomic<bool> nested{false};
    splitio::Factory split =
        ready(config_on(in_data("flags.json")).listener([&](const splitio::Impression &impression) {
            if (impression.flag != "checkout" || nested.exchange(true)) return;
            std::error_code error;
            heard.add(text(mine->treatment("ann", "adults", {{"age", 31}})));
            mine->flush(1s, error);
            heard.add(error.message());
            mine->block_until_ready(1s, error);
            mine->destroy(1s, error);
            heard.add(error.message());
        }));
    mine = &split;
    split.treatment("ann", "checkout", {{"age", 1}});
    split.flush(patience);
    const std::string reentrant = std::error_code{splitio::Errc::reentrant}.message();
    CHECK_STR(heard[0], "yes");
    CHECK_STR(heard[1], reentrant.c_str());
    CHECK_STR(heard[2], reentrant.c_str());
    CHECK(split.ready());
    split.destroy();
}

static void functions_live_as_long_as_they_are_needed(void) {
    const auto used = std::make_shared<int>(0);
    std::weak_ptr<int> listener, logger, handler;
    const auto token = [](std::weak_ptr<int> &watch) {
        auto strong = std::make_shared<int>(1);
        watch = strong;
        return strong;
    };
    {
        splitio::Factory split = [&] {
            splitio::Config config = config_on(in_data("flags.json"));
            config.listener([t = token(listener)](const splitio::Impression &) { (void)t; });
            config.logger(splitio::LogLevel::error, [t = token(logger)](const splitio::LogRecord &) { (void)t; });
            return ready(config);
        }();
        split.on_update([t = token(handler)](const splitio::Update &) { (void)t; });
        CHECK(!listener.expired() && !logger.expired() && !handler.expired());
        split.destroy();
        CHECK(listener.expired() && handler.expired());
    }
    CHECK(listener.expired() && logger.expired() && handler.expired());

    splitio::Config config;
    config.listener([t = token(listener)](const splitio::Impression &) { (void)t; });
    config.logger(splitio::LogLevel::error, [t = token(logger)](const splitio::LogRecord &) { (void)t; });
    config.listener(nullptr);
    CHECK(listener.expired());
    config.logger(splitio::LogLevel::error, nullptr);
    CHECK(logger.expired());

    splitio::Factory none = std::move(*std::make_unique<splitio::Factory>(shop()));
    splitio::Factory empty = std::move(none);
    CHECK_THROWS(none.on_ready([t = token(handler)] { (void)t; }), splitio::Errc::invalid_argument, "");
    CHECK(handler.expired());
}

/* ---- In place of callbacks: the queue ---------------------------------------------------------------------------- */

static void records_can_be_polled(void) {
    splitio::Factory split = [] {
        splitio::Config config = config_on(in_data("flags.json"));
        return ready(config.queue(splitio::Queue::impressions | splitio::Queue::events, 100));
    }();
    std::string all;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    split.treatment("ann", "checkout");
    CHECK(split.poll_fd() >= 0);
    const auto has = [&all](const char *part) { return all.find(part) != all.npos; };
    while (!(has("whitelisted") && has("\"event\"")) && std::chrono::steady_clock::now() < deadline) {
        const std::optional<splitio::Json> records = split.poll(1s);
        if (!CHECK(records.has_value())) break;
        all += records->view();
    }
    CHECK_HAS(all.c_str(), "\"type\":\"event\"");
    CHECK_HAS(all.c_str(), "\"flag\":\"checkout\"");
    const std::optional<splitio::Json> none = split.poll(1ms, 10);
    CHECK(none.has_value() && none->empty());
    std::error_code error;
    split.poll(1ms, 0, error);
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    split.destroy();
    CHECK(!split.poll(patience, 10, error).has_value());
    CHECK_CODE(error, std::error_code{});
    CHECK(!split.poll(patience).has_value());

    splitio::Factory without = shop();
    CHECK_INT(without.poll_fd(), -1);
    CHECK_THROWS(without.poll(1ms), splitio::Errc::invalid_argument, "");
}

int main(void) {
    RUN(an_impression_says_everything);
    RUN(the_log_has_its_levels);
    RUN(readiness_and_changes_reach_their_handlers);
    RUN(what_callbacks_throw_goes_to_the_logger);
    RUN(without_a_logger_it_goes_to_standard_error);
    RUN(a_logger_that_throws_does_no_harm);
    RUN(callbacks_may_evaluate_and_not_wait);
    RUN(functions_live_as_long_as_they_are_needed);
    RUN(records_can_be_polled);
    return check_finish("callbacks");
}
