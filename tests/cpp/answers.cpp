/*
 * Localhost mode through splitio.hpp: every way to ask, and what is answered, down to texts that are none.
 */
#include "support.hpp"

#include <algorithm>
#include <fstream>
#include <list>
#include <set>
#include <sstream>
#include <vector>
#if __cplusplus >= 202002L
#include <ranges>
#endif

/* ---- One flag ---------------------------------------------------------------------------------------------------- */

static void the_program_of_the_design(void) {
    splitio::Factory split = shop();
    CHECK_TEXT(split.treatment("ann", "checkout"), "on");
    CHECK_TEXT(split.treatment("ann", "checkout", {{"plan", "pro"}}), "on");
    CHECK_TEXT(split.treatment("zoe", "checkout"), "off");
    CHECK_TEXT(split.treatment("zoe", "adults", {{"age", 31}, {"plan", "pro"}}), "yes");
    CHECK(split.treatment("user-42", "no_such_flag", {{"plan", "pro"}}) == splitio::control);
}

static void keys_and_flags_are_any_text(void) {
    splitio::Factory split = shop();
    const std::string key = "ann", flag = "checkout";
    const std::string_view key_view = "ann and others"sv.substr(0, 3), flag_view = "checkouts"sv.substr(0, 8);
    CHECK_TEXT(split.treatment(key, flag), "on");
    CHECK_TEXT(split.treatment(key_view, flag_view), "on");
    CHECK_TEXT(split.treatment({key, "bucket"}, flag_view), "on");
    CHECK_TEXT(split.treatment({"ann", key_view}, flag), "on");
    CHECK_TEXT(split.treatment("bo b", "checkout"), "on");
}

static void the_bucketing_key_decides_the_bucket(void) {
    splitio::Factory split = shop();
    std::string as_matched, as_bucketed;
    for (int i = 0; i < 50; i++) {
        const std::string key = "key-" + std::to_string(i);
        as_matched += split.treatment(key, "rollout");
        as_bucketed += split.treatment({"somebody", key}, "rollout");
        CHECK_TEXT(split.treatment({key, "the same"}, "rollout"), split.treatment({"ann", "the same"}, "rollout"));
    }
    CHECK_TEXT(as_bucketed, as_matched);
    CHECK(as_matched.find("on") != as_matched.npos && as_matched.find("off") != as_matched.npos);
}

static void values_of_every_type(void) {
    using std::chrono::system_clock;
    splitio::Factory split = shop();
    const system_clock::time_point in_2026{std::chrono::hours{24 * 365 * 57}};
    const std::vector<std::string> colors{"green", "red"};
    const std::set<std::string_view> none_of_them{"green", "yellow"};
    const std::list<const char *> pointers{"blue"};
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", 18}}), "yes");
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", 17L}}), "no");
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", static_cast<unsigned char>(18)}}), "yes");
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", std::int64_t{-1}}}), "no");
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", INT64_MIN}}), "no");
    CHECK_TEXT(split.treatment("ann", "adults", {{"age", std::uint64_t{18}}}), "yes");
    CHECK_TEXT(split.treatment("ann", "agreed", {{"consent", true}}), "on");
    CHECK_TEXT(split.treatment("ann", "agreed", {{"consent", false}}), "off");
    CHECK_TEXT(split.treatment("ann", "exact", {{"ratio", 0.5}}), "on");
    CHECK_TEXT(split.treatment("ann", "exact", {{"ratio", 0.5f}}), "on");
    CHECK_TEXT(split.treatment("ann", "exact", {{"ratio", 0.25}}), "off");
    CHECK_TEXT(split.treatment("ann", "modern", {{"version", "2.1.0"}}), "on");
    CHECK_TEXT(split.treatment("ann", "modern", {{"version", std::string{"1.9.9"}}}), "off");
    CHECK_TEXT(split.treatment("ann", "modern", {{"version", "2.0.0 and more"sv.substr(0, 5)}}), "on");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", {"red", "green"}}}), "on");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", {"red"}}}), "on");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", {"green", "yellow"}}}), "off");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", colors}}), "on");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", none_of_them}}), "off");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", pointers}}), "on");
    CHECK_TEXT(split.treatment("ann", "newcomer", {{"registered", in_2026}}), "on");
    CHECK_TEXT(split.treatment("ann", "newcomer", {{"registered", in_2026 - std::chrono::hours{24 * 365}}}), "off");
    CHECK_TEXT(
        split.treatment("ann", "newcomer", {{"registered", std::chrono::time_point_cast<std::chrono::hours>(in_2026)}}),
        "on");
}

static void a_set_of_a_thousand_strings(void) {
    splitio::Factory split = shop();
    std::vector<std::string> colors(1000, "color ");
    for (std::size_t i = 0; i < colors.size(); i++) colors[i] += std::to_string(i);
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", colors}}), "off");
    colors.push_back("blue");
    CHECK_TEXT(split.treatment("ann", "painter", {{"colors", colors}}), "on");
}

static void attributes_can_be_kept(void) {
    splitio::Factory split = shop();
    splitio::Attributes ann{{"plan", "pro"}, {"age", 31}, {"vip", true}, {"colors", {"red", "green"}}};
    CHECK_TEXT(split.treatment("ann", "adults", ann), "yes");
    CHECK_TEXT(split.treatment("ann", "painter", ann), "on");
    ann.set("age", 3).set("colors", {"green"});
    CHECK_TEXT(split.treatment("ann", "adults", ann), "no");
    CHECK_TEXT(split.treatment("ann", "painter", ann), "off");
    ann.merge_json("{\"age\": 40, \"colors\": [\"blue\"]}");
    CHECK_TEXT(split.treatment("ann", "adults", ann), "yes");
    CHECK_TEXT(split.treatment("ann", "painter", ann), "on");
    ann.clear();
    CHECK_TEXT(split.treatment("ann", "adults", ann), "no");
    ann.set("age", 50);
    splitio::Attributes moved = std::move(ann);
    CHECK_TEXT(split.treatment("ann", "adults", moved), "yes");
    CHECK_TEXT(split.treatment("ann", "adults", ann), "no"); // has none any more
    CHECK_THROWS(ann.set("age", 50), splitio::Errc::invalid_argument, "");
    ann = std::move(moved);
    CHECK_TEXT(split.treatment("ann", "adults", ann), "yes");
    CHECK_TEXT(split.treatment("ann", "adults", splitio::Attributes{{"age", 20}}), "yes");
}

static void options_say_more(void) {
    splitio::Factory split = shop();
    const splitio::Properties page{{"page", "cart"}};
    CHECK_TEXT(split.treatment("ann", "adults", splitio::Options{}.attributes_json("{\"age\": 18}")), "yes");
    CHECK_TEXT(split.treatment("ann", "adults", splitio::Options{}.attributes({{"age", 18}}).properties(page)), "yes");
    CHECK_TEXT(split.treatment("ann", "adults", splitio::Options{{"age", 18}}.properties({{"a", 1}, {"b", 2.5}})),
               "yes");
    CHECK_TEXT(split.treatment("ann", "adults", splitio::Options{}.properties_json("{\"page\": 1}")), "no");
    CHECK_TEXT(split.treatment("ann", "adults", {}), "no");
    const splitio::Result result =
        split.treatment_with_config("ann", "checkout", splitio::Options{}.attributes_json("not JSON"));
    CHECK_CODE(result.error(), splitio::Errc::invalid_argument);
    CHECK_TEXT(result.treatment(), "control");
}

static void whole_numbers_beyond_int64_stay_whole(void) {
    notes *seen = notes_new();
    splitio::Factory split =
        ready(config_on(in_data("flags.json")).listener([seen](const splitio::Impression &impression) {
            notes_add(seen, "%s", std::string(impression.properties_json).c_str());
        }));
    split.treatment("ann", "checkout", splitio::Options{}.properties({{"a \"b\"", UINT64_MAX}, {"c", INT64_MIN}}));
    split.flush(patience);
    CHECK_STR(notes_line(seen, 0), "{\"a \\\"b\\\"\":18446744073709551615,\"c\":-9223372036854775808}");
    split.destroy();
    notes_free(seen);
}

static void a_result_says_everything(void) {
    splitio::Factory split = shop();
    const splitio::Result on = split.treatment_with_config("ann", "checkout");
    CHECK_TEXT(on.treatment(), "on");
    CHECK_TEXT(on.config().value_or("none"), "{\"color\":\"red\"}");
    CHECK_TEXT(on.label(), "whitelisted");
    CHECK_INT(on.change_number(), 11);
    CHECK(!on.error());
    CHECK(on.c_result().treatment == split.treatment("ann", "checkout").data());

    const splitio::Result off = split.treatment_with_config("zoe", "checkout");
    CHECK_TEXT(off.treatment(), "off");
    CHECK(!off.config().has_value());
    CHECK_TEXT(split.treatment_with_config("zoe", "banner").config().value_or("none"), ""); // it is the empty text

    const splitio::Result unknown = split.treatment_with_config("ann", "no_such_flag");
    CHECK_TEXT(unknown.treatment(), "control");
    CHECK_CODE(unknown.error(), splitio::Errc::unknown_flag);
    CHECK_INT(unknown.change_number(), -1);
    CHECK(!unknown.config().has_value());
}

/* ---- Texts that are none ----------------------------------------------------------------------------------------- */

static void texts_that_are_invalid_give_control(void) {
    splitio::Factory split = shop();
    const char *const nothing = nullptr;
    const std::string with_nul("ann\0", 4), flag_with_nul("checkout\0x", 10);
    CHECK_TEXT(split.treatment(nothing, "checkout"), "control");
    CHECK_TEXT(split.treatment("ann", nothing), "control");
    CHECK_TEXT(split.treatment("ann", nullptr), "control");
    CHECK_TEXT(split.treatment("", "checkout"), "control");
    CHECK_TEXT(split.treatment("ann", ""), "control");
    CHECK_TEXT(split.treatment(std::string_view{}, "checkout"), "control");
    CHECK_TEXT(split.treatment(std::string{}, std::string{}), "control");
    CHECK_TEXT(split.treatment(with_nul, "checkout"), "control");
    CHECK_TEXT(split.treatment("ann", flag_with_nul), "control");
    CHECK_TEXT(split.treatment("\xff", "checkout"), "control");
    CHECK_TEXT(split.treatment({"ann", ""}, "checkout"), "control");
    CHECK_TEXT(split.treatment({"ann", std::string_view{}}, "checkout"), "control");
    CHECK_TEXT(split.treatment({"ann", with_nul}, "checkout"), "control");
    CHECK_TEXT(split.treatment({"ann", nothing}, "checkout"), "on"); // no bucketing key
    CHECK_TEXT(split.treatment("ann", "checkout", {{"\xff", 1}}), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", {{"fine", 1}, {"plan", "\xff"}}), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", {{"plan", nothing}}), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", {{nothing, UINT64_MAX}}), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", {{with_nul, 1}}), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", {{"tags", {"a", "\xff"}}}), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", splitio::Options{}.properties({{"a", "\xff"}})), "on");
    CHECK_TEXT(split.treatment("ann", "checkout", splitio::Options{}.attributes_json("")), "control");
    CHECK_TEXT(split.treatment("ann", "checkout", splitio::Options{}.attributes_json(nullptr)), "on");
    CHECK_INT(split.treatments(with_nul, {"checkout"}).size(), 1);
    CHECK_TEXT(split.treatments(with_nul, {"checkout"})[0].treatment(), "control");
    CHECK_INT(split.treatments("ann", {flag_with_nul, nothing, "\xff", "", "checkout"}).size(), 1);
    CHECK_INT(split.treatments_by_flag_set("ann", std::string("web\0", 4)).size(), 0);
    CHECK_INT(split.treatments_by_flag_set("ann", nullptr).size(), 0);
    CHECK(!split.flag(flag_with_nul).has_value());
    CHECK(!split.flag(nullptr).has_value());
    CHECK_TEXT(split.flag_json(nullptr).view().substr(0, 1) == "[" ? "all" : "none", "none");
    CHECK(!split.track("ann", "user", flag_with_nul));
    CHECK(!split.track(nullptr, "user", "paid"));
    CHECK_THROWS(splitio::Attributes({{"\xff", 1}}), splitio::Errc::invalid_argument, "UTF-8");
    CHECK_THROWS(splitio::Config{}.set(with_nul, 1), splitio::Errc::invalid_argument, "");
    CHECK_THROWS(splitio::Config{}.set("splitFile", with_nul), splitio::Errc::invalid_argument, "");
}

static void any_language(void) {
    splitio::Factory split = [] {
        write_file("unicode.json", one_flag("\xd1\x84\xd0\xbb\xd0\xb0\xd0\xb3", "\xe2\x9c\x93 \xf0\x9f\x9a\x80", 1));
        return ready(config_on(in_scratch("unicode.json")));
    }();
    CHECK_TEXT(split.treatment("\xe6\x9d\x8e", "\xd1\x84\xd0\xbb\xd0\xb0\xd0\xb3", {{"\xc3\xa9t\xc3\xa9", "\xc3\xa0"}}),
               "\xe2\x9c\x93 \xf0\x9f\x9a\x80");
    CHECK_TEXT(split.flag_names()[0], "\xd1\x84\xd0\xbb\xd0\xb0\xd0\xb3");
}

/* ---- Many flags -------------------------------------------------------------------------------------------------- */

static std::string told(const splitio::Results &results) {
    std::string text;
    for (const splitio::ResultView result : results) {
        text += std::string(result.flag()) + "=" + std::string(result.treatment());
        if (result.config().has_value()) text += "(" + std::string(*result.config()) + ")";
        text += " ";
    }
    return text;
}

static void flags_by_name(void) {
    splitio::Factory split = shop();
    const std::vector<std::string> names{"checkout", "adults"};
    const std::vector<std::string_view> views{"banner"sv, "checkouts"sv.substr(0, 8)};
    const char *const array[] = {"banner", "adults"};
    CHECK_TEXT(told(split.treatments("ann", {"checkout", "no_such_flag", "checkout"})),
               "checkout=on no_such_flag=control ");
    CHECK_TEXT(told(split.treatments_with_config("ann", {"checkout", "banner"})),
               "checkout=on({\"color\":\"red\"}) banner=red() ");
    CHECK_TEXT(told(split.treatments("ann", names, {{"age", 18}})), "checkout=on adults=yes ");
    CHECK_TEXT(told(split.treatments("ann", views)), "banner=red checkout=on ");
    CHECK_TEXT(told(split.treatments({"ann", "bucket"}, array)), "banner=red adults=no ");
    CHECK_TEXT(told(split.treatments("ann", std::vector<std::string>{})), "");
    CHECK_TEXT(told(split.treatments("ann", {names[0], views[0], "adults"})), "checkout=on banner=red adults=no ");
    /* clang 14 cannot read the views of libstdc++ 12. */
#if defined(__cpp_lib_ranges) && (!defined(__clang__) || __clang_major__ >= 16)
    const auto made = names | std::views::transform([](const std::string &name) { return name + ""; });
    CHECK_TEXT(told(split.treatments("ann", made)), "checkout=on adults=no ");
#endif
#if defined(__cpp_lib_ranges)
    static_assert(std::ranges::random_access_range<splitio::Results>);
    static_assert(std::ranges::random_access_range<splitio::NameList>);
#endif
    std::vector<std::string> many{"checkout"};
    for (int i = 0; i < 200; i++) many.push_back("no_such_flag_" + std::to_string(i));
    CHECK_INT(split.treatments("ann", many).size(), 201);
    CHECK_TEXT(split.treatments("ann", many)[200].flag(), "no_such_flag_199");
}

static void flags_by_set(void) {
    splitio::Factory split = shop();
    CHECK_TEXT(told(split.treatments_by_flag_set("ann", "web")), "banner=red checkout=on ");
    CHECK_TEXT(told(split.treatments_with_config_by_flag_set("ann", "web")),
               "banner=red() checkout=on({\"color\":\"red\"}) ");
    CHECK_TEXT(told(split.treatments_by_flag_sets("ann", {"shop", "web"})), "banner=red checkout=on staff_tools=on ");
    CHECK_TEXT(told(split.treatments_with_config_by_flag_sets("zoe", std::set<std::string>{"shop"})),
               "checkout=off staff_tools=off ");
    CHECK(split.treatments_by_flag_set("ann", "no such set").empty());
}

static void a_list_is_a_range(void) {
    splitio::Factory split = shop();
    const splitio::Results results = split.treatments_with_config_by_flag_set("ann", "web");
    CHECK_INT(results.size(), 2);
    CHECK(!results.empty());
    CHECK_INT(std::distance(results.begin(), results.end()), 2);
    CHECK_TEXT(results[1].flag(), "checkout");
    CHECK_TEXT((*(results.end() - 1)).flag(), "checkout");
    CHECK_TEXT(results.begin()[1].flag(), "checkout");
    CHECK_INT(
        std::count_if(results.begin(), results.end(), [](splitio::ResultView r) { return r.treatment() == "on"; }), 1);
    CHECK_TEXT(results.find("checkout")->config().value_or("none"), "{\"color\":\"red\"}");
    CHECK_TEXT(results.find("checkouts"sv.substr(0, 8))->label(), "whitelisted");
    CHECK_INT(results.find(std::string("banner"))->change_number(), 12);
    CHECK(!results.find("adults").has_value());
    CHECK(!results.find(nullptr).has_value());
    CHECK(!results.find(std::string(1000, 'x')).has_value());
}

static void decisions_are_explained(void) {
    splitio::Factory split = shop();
    const splitio::Json json = split.explain({"ann", "user-2"}, "adults", {{"age", 30}});
    CHECK_HAS(std::string(json.view()).c_str(), "\"flag\":\"adults\",\"key\":\"ann\",\"bucketing_key\":\"user-2\"");
    CHECK_HAS(std::string(json.view()).c_str(), "\"treatment\":\"yes\"");
    CHECK_HAS(std::string(json.view()).c_str(), "\"attribute\":\"age\",\"value\":30,");
    const std::string unended = "checkouts";
    const std::string_view flag = std::string_view{unended}.substr(0, 8);
    CHECK_HAS(std::string(split.explain("ann", flag).view()).c_str(), "\"treatment\":\"on\"");
    CHECK_HAS(std::string(split.explain(nullptr, flag).view()).c_str(), "\"status\":\"invalid\"");
    CHECK_HAS(std::string(split.explain("ann", std::string("checkout\0", 9)).view()).c_str(), "\"status\":\"invalid\"");
    std::error_code error = splitio::Errc::timeout;
    CHECK_HAS(std::string(split.explain("ann", flag, {}, error).view()).c_str(), "\"status\":\"evaluated\"");
    CHECK(!error);
    CHECK_HAS(std::string(split.explain("ann", "none", {}, error).view()).c_str(), "\"status\":\"unknown_flag\"");
    CHECK(error == splitio::Errc::unknown_flag);
    CHECK_HAS(std::string(split.explain("ann", "loop", {{"age", 30}}, error).view()).c_str(), "\"status\":\"failed\"");
    CHECK(error == splitio::Errc::evaluation);
    splitio::Factory moved = std::move(split);
    CHECK_TEXT(split.explain("ann", "checkout").view(), "null");
    CHECK_TEXT(split.explain("ann", "checkout", {}, error).view(), "null");
    CHECK(error == splitio::Errc::invalid_argument);
}

/* ---- The manager and events -------------------------------------------------------------------------------------- */

static void the_manager_describes_flags(void) {
    splitio::Factory split = shop();
    const splitio::NameList names = split.flag_names();
    CHECK_INT(names.size(), 15);
    CHECK_TEXT(names[0], "adults");
    CHECK(std::find(names.begin(), names.end(), "loop") != names.end());
    const std::optional<splitio::Flag> checkout = split.flag("checkout");
    CHECK(checkout.has_value());
    CHECK_TEXT(checkout->name(), "checkout");
    CHECK_TEXT(checkout->traffic_type(), "user");
    CHECK_TEXT(checkout->default_treatment(), "off");
    CHECK_INT(checkout->change_number(), 11);
    CHECK(!checkout->killed() && !checkout->impressions_disabled());
    CHECK_INT(checkout->treatments().size(), 2);
    CHECK_TEXT(checkout->treatments()[0], "on");
    CHECK_TEXT(checkout->sets()[0], "shop");
    CHECK_INT(checkout->config_treatments().size(), 1);
    CHECK_TEXT(checkout->configs()[0], "{\"color\":\"red\"}");
    CHECK_TEXT(checkout->config("on").value_or("none"), "{\"color\":\"red\"}");
    CHECK(!checkout->config("off").has_value());
    CHECK_TEXT(checkout->prerequisites_json(), "[]");
    CHECK(!split.flag("no_such_flag").has_value());

    const splitio::Flags flags = split.flags();
    CHECK_INT(flags.size(), names.size());
    CHECK_INT(std::count_if(flags.begin(), flags.end(), [](splitio::FlagView flag) { return flag.killed(); }), 1);
    CHECK_TEXT(split.flag_json("checkout").view().substr(0, 18), "{\"name\":\"checkout\"");
    CHECK_TEXT(split.flag_json("no_such_flag").view(), "null");
    CHECK_TEXT(split.flags_json().view().substr(0, 2), "[{");
}

static void events_are_accepted(void) {
    splitio::Factory split = shop();
    std::error_code error;
    CHECK(split.track("ann", "user", "paid"));
    CHECK(split.track("ann", "user", "paid", 5));
    CHECK(split.track("ann", "user", "paid", 9.99, {{"sku", "x"}, {"items", 3}}));
    CHECK(split.track("ann", "user", "paid", {}, {{"sku", "x"}}));
    CHECK(split.track("ann"sv, std::string{"user"}, "paid", 1, splitio::Properties{{"sku", "x"}}));
    CHECK(split.track("ann", "user", "paid", 9.99, {{"sku", "x"}}, error));
    CHECK_CODE(error, std::error_code{});
    CHECK(!split.track("ann", "user", "not an event type", 1, {}, error));
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    CHECK_HAS(splitio::LastError{}.message(), "the event is not valid");
    CHECK_CODE(splitio::LastError{}.code(), splitio::Errc::invalid_argument);
    CHECK(!split.track("ann", "user", "paid", std::numeric_limits<double>::infinity()));
    CHECK(!split.track("ann", "user", "paid", 1, {{"sku", "\xff"}}));
}

/* ---- Settings ---------------------------------------------------------------------------------------------------- */

static void settings_of_every_type(void) {
    splitio::Config config;
    const std::vector<std::string> sets{"web", "shop"};
    config.set("featuresRefreshRate", 30).set("segmentsRefreshRate", 30s).set("features_refresh_rate", 2min);
    config.set("connectionTimeout", 2s).set("readTimeout", 1500ms).set("redisSocketTimeout", 1500ms);
    config.set("redisSocketConnectTimeout", 0.25)
        .set("eventsQueueSize", std::size_t{500})
        .set("impressionsRefreshRate", 1500ms);
    config.set("streamingEnabled", false).set("labelsEnabled", "true").set("logLevel", std::string{"info"});
    config.set("impressionsMode", "DEBUGGING"sv.substr(0, 5));
    config.set("flagSetsFilter", {"web", "mobile"}).set("flagSetsFilter", sets);
    config.merge_json("{\"fallbackTreatments\": {\"global\": \"off\"}}");
    CHECK_THROWS(config.set("featureRefreshRate", 30), splitio::Errc::unknown_option, "featuresRefreshRate");
    CHECK_THROWS(config.set("featuresRefreshRate", "soon"), splitio::Errc::invalid_option, "soon");
    CHECK_THROWS(config.set("featuresRefreshRate", 1500ms), splitio::Errc::invalid_option, "1.5");
    CHECK_THROWS(config.set("streamingEnabled", {"a", "b"}), splitio::Errc::invalid_option, "streamingEnabled");
    CHECK_THROWS(config.set("no_\"such\"_option", {"a"}), splitio::Errc::unknown_option, "no_");
    CHECK_THROWS(config.merge_json("{"), splitio::Errc::invalid_json, "");
    std::error_code error;
    config.set("featureRefreshRate", 30, error);
    CHECK_CODE(error, splitio::Errc::unknown_option);
    CHECK_HAS(splitio::LastError{}.message(), "did you mean");
    config.set("flagSetsFilter", {"web"}, error);
    CHECK_CODE(error, std::error_code{});
    config.merge_json("[]", error);
    CHECK_CODE(error, splitio::Errc::invalid_json);

    config.set("splitFile", in_data("flags.json")).set("segmentDirectory", in_data("segments"));
    config.logger(splitio::LogLevel::none, nullptr);
    splitio::Factory split = ready(config);
    CHECK_INT(split.treatments_by_flag_set("ann", "web").size(), 2);
    CHECK_INT(split.treatments_by_flag_set("ann", "shop").size(), 0); // the filter lets it not in
    CHECK_TEXT(split.treatment("ann", "no_such_flag"), "off");
}

/* The header knows which times count in milliseconds; docs/configuration.md is made from the options themselves. */
static void milliseconds_are_those_of_the_documentation(void) {
    std::ifstream file{SOURCE_ROOT "/docs/configuration.md"};
    std::string line;
    int times = 0;
    while (std::getline(file, line)) {
        const std::size_t end = line.find('`', 3);
        if (line.compare(0, 3, "| `") != 0 || end == line.npos) continue;
        const std::string name = line.substr(3, end - 3), kind = line.substr(end + 1, line.find('|', end + 3) - end);
        const bool in_milliseconds = kind.find(", ms") != kind.npos;
        times += in_milliseconds || kind.find(", s") != kind.npos;
        check_that(splitio::detail::is_in_milliseconds(name) == in_milliseconds, __FILE__, __LINE__, "%s is %s",
                   name.c_str(), kind.c_str());
    }
    CHECK(times >= 9);
}

static void a_start_that_cannot_work(void) {
    std::error_code error;
    CHECK_THROWS(splitio::Factory{nullptr}, splitio::Errc::invalid_argument, "");
    CHECK_THROWS(splitio::Factory{"localhost\001"}, splitio::Errc::invalid_argument, "SDK key");
    CHECK_THROWS(splitio::Factory("localhost", config_on("no such file.yaml")), splitio::Errc::storage, "no such file");
    splitio::Factory none{"localhost", config_on("no such file.yaml"), error};
    CHECK_CODE(error, splitio::Errc::storage);
    CHECK_HAS(splitio::LastError{}.message(), "no such file");
    CHECK(!none);
    CHECK_TEXT(none.treatment("ann", "checkout"), "control");
    splitio::Factory waiting{"localhost", config_on("not yet.json"), error};
    CHECK_CODE(error, std::error_code{});
    CHECK(!waiting.ready());
    CHECK(waiting.status() == splitio::Status::not_ready);
    CHECK_THROWS(waiting.block_until_ready(50ms), splitio::Errc::timeout, "");
    CHECK_THROWS(waiting.block_until_ready(-5s), splitio::Errc::timeout, ""); // a deadline that has passed
    waiting.block_until_ready(0.5ms, error);
    CHECK(error == std::errc::timed_out);
    CHECK_CODE(waiting.treatment_with_config("ann", "checkout").error(), splitio::Errc::not_ready);
}

static void codes_are_a_category(void) {
    const std::error_code timeout = splitio::Errc::timeout;
    CHECK_STR(timeout.category().name(), "splitio");
    CHECK_STR(timeout.message().c_str(), "timed out");
    CHECK(timeout == std::errc::timed_out && timeout != std::errc::invalid_argument);
    CHECK(std::error_code{splitio::Errc::invalid_argument} == std::errc::invalid_argument);
    CHECK(std::error_code{splitio::Errc::unauthorized} == std::errc::permission_denied);
    CHECK(std::error_code{splitio::Errc::reentrant} == std::errc::resource_deadlock_would_occur);
    CHECK_INT(timeout.value(), SPLIT_E_TIMEOUT);
    for (split_status status = SPLIT_E_SYSTEM; status < SPLIT_OK; status++) {
        CHECK_STR(splitio::make_error_code(status).message().c_str(), split_status_string(status));
    }
    CHECK(!splitio::make_error_code(SPLIT_OK));
}

static void versions_and_options(void) {
    CHECK_TEXT(splitio::version(), SPLIT_VERSION);
    CHECK_INT(splitio::version_number(), SPLIT_VERSION_NUMBER);
    CHECK(splitio::version_is_compatible());
    CHECK(!splitio::version_is_compatible(SPLIT_VERSION_NUMBER + 1));
    CHECK_INT(splitio::fork_generation(), *split_fork_generation());
    CHECK(splitio::option_count() >= 56);
    bool found = false;
    for (std::size_t i = 0; const std::optional<splitio::Option> option = splitio::option_at(i); i++) {
        if (option->name != "featuresRefreshRate") continue;
        found = option->kind == "integer" && option->default_json == "30" && option->supported;
        CHECK(!option->description.empty());
    }
    CHECK(found);
    CHECK(!splitio::option_at(splitio::option_count()).has_value());
}

int main(void) {
    RUN(the_program_of_the_design);
    RUN(keys_and_flags_are_any_text);
    RUN(the_bucketing_key_decides_the_bucket);
    RUN(values_of_every_type);
    RUN(a_set_of_a_thousand_strings);
    RUN(attributes_can_be_kept);
    RUN(options_say_more);
    RUN(whole_numbers_beyond_int64_stay_whole);
    RUN(a_result_says_everything);
    RUN(texts_that_are_invalid_give_control);
    RUN(any_language);
    RUN(flags_by_name);
    RUN(flags_by_set);
    RUN(a_list_is_a_range);
    RUN(decisions_are_explained);
    RUN(the_manager_describes_flags);
    RUN(events_are_accepted);
    RUN(settings_of_every_type);
    RUN(milliseconds_are_those_of_the_documentation);
    RUN(a_start_that_cannot_work);
    RUN(codes_are_a_category);
    RUN(versions_and_options);
    return check_finish("answers");
}
