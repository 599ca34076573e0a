/*
 * An evaluation that is warm allocates nothing: neither by the library nor by what splitio.hpp puts on top of it.
 *
 * Every call of malloc and its kin is counted per thread; operator new of the C++ library is one of those.
 */
#include "support.hpp"

#include <cstdlib>
#include <thread>
#include <vector>

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
}

static thread_local long allocations;

extern "C" void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

extern "C" void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

extern "C" void *realloc(void *memory, size_t size) {
    allocations++;
    return __libc_realloc(memory, size);
}

extern "C" void *aligned_alloc(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

extern "C" int posix_memalign(void **memory, size_t alignment, size_t size) {
    allocations++;
    *memory = __libc_memalign(alignment, size);
    return *memory != nullptr ? 0 : 12; /* ENOMEM */
}

static volatile size_t sink;

/* What `work` allocates once it has been done a few times. Impressions are recorded on the way: they are not heard, and
 * of the same key, so that nothing has to grow. */
template <class Work> static long allocated_by(Work &&work) {
    for (int i = 0; i < 100; i++) work();
    const long before = allocations;
    for (int i = 0; i < 1000; i++) work();
    return allocations - before;
}

#define CHECK_FREE(...)                                                                                                \
    CHECK_INT(allocated_by([&] { sink = sink + splitio::Text(std::string_view{__VA_ARGS__}).size(); }), 0)

static void counting_works(void) {
    CHECK_INT(allocated_by([] { free(malloc(10)); }), 1000);
    CHECK_INT(allocated_by([] { sink = std::string(100, 'x').size(); }), 1000);
    CHECK_INT(allocated_by([] { splitio::Attributes{{"a", 1}}; }) >= 1000, 1);
}

static void nothing_is_allocated(void) {
    const splitio::Factory split = shop();
    const std::string key = "a key that is too long to be short: ann", flag = "checkout";
    const std::string_view key_view = std::string_view{key}.substr(3),
                           flag_view = std::string_view{"checkouts"}.substr(0, 8);
    const splitio::Attributes ann{{"plan", "pro"}, {"age", 31}, {"colors", {"red", "green"}}};
    const splitio::Properties page{{"page", "cart"}};
    const std::vector<std::string> colors{"red", "a color whose name is too long to be short"};
    const auto now = std::chrono::system_clock::now();
    CHECK_FREE(split.treatment("ann", "checkout"));
    CHECK_FREE(split.treatment(key, flag));
    CHECK_FREE(split.treatment(key_view, flag_view));
    CHECK_FREE(split.treatment({key_view, key}, flag_view));
    CHECK_FREE(split.treatment(key_view, "adults", ann));
    CHECK_FREE(split.treatment(key_view, "painter", ann));
    CHECK_FREE(split.treatment({key, key_view}, "adults", {{"age", 31}}));
    CHECK_FREE(split.treatment("ann", "checkout", {{"plan", "pro"}}));
    CHECK_FREE(split.treatment(
        "ann", "adults", {{"plan", key}, {"age", 31}, {"vip", true}, {"ratio", 0.5}, {"since", now}, {flag_view, 1}}));
    CHECK_FREE(split.treatment("ann", "painter", {{"colors", {"red", "green"}}}));
    CHECK_FREE(split.treatment("ann", "painter", {{"colors", colors}}));
    CHECK_FREE(split.treatment("ann", "adults", splitio::Options{}.attributes_json("{}")));
    CHECK_FREE(split.treatment_with_config("ann", "checkout").treatment());
    CHECK_FREE(*split.treatment_with_config(key_view, "checkout", {{"age", 31}}).config());
    CHECK_FREE(split.treatment_with_config("ann", "checkout", ann).label());
}

static void nothing_is_allocated_on_other_threads(void) {
    const splitio::Factory split = shop();
    std::thread thread{[&] {
        CHECK_FREE(split.treatment("ann", "adults", {{"age", 31}}));
        CHECK_FREE(split.treatment("ann", "checkout"));
    }};
    thread.join();
}

int main(void) {
    RUN(counting_works);
    RUN(nothing_is_allocated);
    RUN(nothing_is_allocated_on_other_threads);
    return check_finish("allocations");
}
