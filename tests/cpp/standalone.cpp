/*
 * Standalone mode through splitio.hpp, against the emulator: what is posted, what the stream brings, and the ends.
 */
#include "support.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "backend.h"
#include "children.h"

static backend *server;

/* The owner of text that the emulator answered. */
using Answer = std::unique_ptr<char, decltype(&free)>;

static Answer requests(const char *endpoint) {
    return {backend_requests(server, endpoint), free};
}

static splitio::Config config_of(const backend *where) {
    const std::string url = backend_url(where);
    splitio::Config config;
    for (const char *base :
         {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url", "telemetry_api_base_url"}) {
        config.set(base, url + "/api");
    }
    config.set("streaming_api_base_url", url).set("streamingEnabled", false);
    for (const char *pause :
         {"featuresRefreshRate", "segmentsRefreshRate", "eventsPushRate", "impressionsRefreshRate"}) {
        config.set(pause, 1s);
    }
    config.logger(splitio::LogLevel::none, nullptr);
    return config;
}

static splitio::Factory started(const splitio::Config &config) {
    splitio::Factory split{"test-key", config};
    split.block_until_ready(patience);
    return split;
}

static void impressions_are_heard_and_posted(void) {
    backend_reset(server);
    std::mutex lock;
    std::set<std::string> heard;
    splitio::Factory split =
        started(config_of(server).set("impressionsMode", "DEBUG").listener([&](const splitio::Impression &impression) {
            const std::lock_guard<std::mutex> guard{lock};
            heard.insert(std::string(impression.key) + " " + std::string(impression.treatment));
        }));
    CHECK_TEXT(split.treatment("ann", "checkout"), "on");
    CHECK_TEXT(split.treatment({"zoe", "bucket"}, "checkout", splitio::Options{}.properties({{"page", "cart"}})),
               "off");
    split.flush(patience);
    {
        const std::lock_guard<std::mutex> guard{lock};
        CHECK_INT(heard.size(), 2);
        CHECK_INT(heard.count("ann on") + heard.count("zoe off"), 2);
    }
    CHECK_INT(backend_count(server, "testImpressions/bulk", "items"), 2);
    const Answer posts = requests("testImpressions/bulk");
    CHECK_STR(json_text(posts.get(), "0.body.0.f"), "\"checkout\"");
    CHECK_STR(json_text(posts.get(), "0.body.0.i.0.k"), "\"ann\"");
    CHECK_STR(json_text(posts.get(), "0.body.0.i.1.b"), "\"bucket\"");
    CHECK_STR(json_text(posts.get(), "0.body.0.i.1.properties"), "\"{\\\"page\\\":\\\"cart\\\"}\"");
    split.destroy();
}

static void events_are_posted(void) {
    backend_reset(server);
    splitio::Factory split = started(config_of(server).set("eventsPushRate", 600));
    CHECK(split.track("ann", "user", "paid", 9.75, {{"sku", "tent"}, {"items", 2}, {"gift", true}}));
    CHECK(split.track("ann", "user", "seen"));
    CHECK_INT(backend_count(server, "events/bulk", "requests"), 0);
    split.flush(patience);
    const Answer posts = requests("events/bulk");
    CHECK_STR(json_text(posts.get(), "0.body.0.eventTypeId"), "\"paid\"");
    CHECK_STR(json_text(posts.get(), "0.body.0.value"), "9.75");
    CHECK_STR(json_text(posts.get(), "0.body.0.properties.sku"), "\"tent\"");
    CHECK_STR(json_text(posts.get(), "0.body.0.properties.items"), "2");
    CHECK_STR(json_text(posts.get(), "0.body.0.properties.gift"), "true");
    const char *value = json_at(posts.get(), "0.body.1.value");
    CHECK(value == nullptr || strncmp(value, "null", 4) == 0);
    split.destroy();
}

static void the_stream_brings_changes(void) {
    const char *const arguments[] = {"--streaming", NULL};
    backend *streaming = backend_started(arguments);
    notes *heard = notes_new();
    splitio::Config config = config_of(streaming);
    config.set("streamingEnabled", true).set("featuresRefreshRate", 600).set("segmentsRefreshRate", 600);
    splitio::Factory split = started(config);
    split.on_update([heard, &split](const splitio::Update &update) {
        for (const std::string_view name : update.names) {
            notes_add(heard, "flag %s is %s", std::string(name).c_str(), split.treatment("ann", name).data());
        }
        if (!update.flags_changed) notes_add(heard, "segments");
    });
    CHECK(backend_waited(streaming, "stream", "requests", 1));
    backend_told(streaming, "POST", "flags/kill", "{\"name\": \"staff_tools\", \"treatment\": \"stopped\"}");
    CHECK(notes_wait_for(heard, "flag staff_tools is stopped"));
    CHECK_TEXT(split.treatment("ann", "staff_tools"), "stopped");
    backend_told(streaming, "POST", "segments/update", "{\"name\": \"staff\", \"added\": [\"zoe\"]}");
    CHECK(notes_wait_for(heard, "segments"));
    split.destroy();
    notes_free(heard);
    backend_ended(streaming);
}

static void a_key_that_is_refused(void) {
    backend_reset(server);
    backend_told(server, "POST", "options", "{\"keys\": [\"another\"]}");
    splitio::Factory split{"test-key", config_of(server)};
    CHECK_THROWS(split.block_until_ready(), splitio::Errc::unauthorized, "");
    std::error_code error;
    split.block_until_ready(100ms, error);
    CHECK(error == std::errc::permission_denied);
    CHECK(split.status() == splitio::Status::not_ready);
}

static void the_destructor_sends_what_is_queued(void) {
    backend_reset(server);
    {
        splitio::Factory split =
            started(config_of(server).set("eventsPushRate", 600).set("impressionsRefreshRate", 600));
        for (int i = 0; i < 20; i++) split.track("ann", "user", "paid", i);
        split.treatment("ann", "checkout");
        splitio::Factory other = std::move(split); // and only one of them does
    }
    CHECK_INT(backend_count(server, "events/bulk", "items"), 20);
    CHECK_INT(backend_count(server, "testImpressions/bulk", "items"), 1);
    CHECK(eventually(threads_gone, NULL));
}

static void the_destructor_keeps_its_time(void) {
    backend_reset(server);
    const splitio::Config config = config_of(server).set("eventsPushRate", 600).destroy_timeout(300ms);
    long long begun = 0;
    {
        splitio::Factory split = started(config);
        backend_told(server, "POST", "faults", "{\"endpoint\": \"events/bulk\", \"hang\": true}");
        split.track("ann", "user", "paid", 1);
        begun = now_ms();
    }
    const long long took = now_ms() - begun;
    check_that(took >= 250 && took < 2000, __FILE__, __LINE__, "the end took %lld ms", took);

    splitio::Factory split = started(config);
    split.track("ann", "user", "paid", 1);
    CHECK_THROWS(split.flush(200ms), splitio::Errc::timeout, "");
    CHECK_THROWS(split.destroy(200ms), splitio::Errc::timeout, "");
    split.destroy(); // has nothing more to do
    backend_told(server, "DELETE", "faults", NULL);
}

static void a_wait_ends_with_the_factory(void) {
    backend_reset(server);
    backend_told(server, "POST", "faults", "{\"endpoint\": \"splitChanges\", \"hang\": true}");
    splitio::Factory split{"test-key", config_of(server)};
    std::error_code error;
    std::thread waiting{[&] { split.block_until_ready(std::chrono::hours::max(), error); }};
    std::this_thread::sleep_for(50ms);
    split.destroy(1s);
    waiting.join();
    CHECK_CODE(error, splitio::Errc::destroyed);
}

/* Destroyed by exit(). */
static std::optional<splitio::Factory> global;

static void exits(void) {
    std::exit(0);
}

static void ends_it_first(void) {
    global.reset();
    exits();
}

/* The child has not used what it inherited. */
[[maybe_unused]] static void b02_a_child_ends_by_destructors(void) {
    backend_reset(server);
    global.emplace(started(config_of(server).set("eventsPushRate", 600)));
    CHECK(global->track("parent", "user", "paid"));
    for (void (*const end)(void) : {exits, ends_it_first}) {
        const long long begun = now_ms();
        CHECK_INT(status_of(forked(end)), 0);
        CHECK(now_ms() - begun < 2000);
    }
    CHECK_INT(backend_count(server, "events/bulk", "requests"), 0);
    global.reset();
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

int main(void) {
    const char *const none[] = {NULL};
    server = backend_started(none);
    RUN(impressions_are_heard_and_posted);
    RUN(events_are_posted);
    RUN(the_stream_brings_changes);
    RUN(a_key_that_is_refused);
    RUN(the_destructor_sends_what_is_queued);
    RUN(the_destructor_keeps_its_time);
    RUN(a_wait_ends_with_the_factory);
    /* The allocators of sanitizers keep their locks over a fork: children hang in malloc. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    RUN(b02_a_child_ends_by_destructors);
#endif
    backend_ended(server);
    return check_finish("standalone");
}
