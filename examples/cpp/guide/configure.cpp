/* Options: by name, as JSON, what they say when they are wrong, and which there are. */
#include "guide.hpp"

int main() {
    splitio::Config config = shop();
    /* doc: set */
    config.set("impressionsMode", "DEBUG")
        .set("labels_enabled", false) // labelsEnabled, in snake case
        .set("eventsPushRate", 30s)
        .set("flagSetsFilter", {"checkout", "search"});
    /* doc: end */

    /* doc: wrong */
    try {
        config.set("featureRefreshRate", 60s);
    } catch (const splitio::Error &error) {
        std::cout << error.code().value() << ": " << error.what() << '\n';
    }
    std::error_code error;
    config.set("featuresRefreshRate", "soon", error);
    if (error) std::cout << splitio::LastError{}.message() << '\n';
    /* doc: end */

    /* doc: fallback */
    config.merge_json(R"({"fallbackTreatments": {
        "global": "off",
        "byFlag": {"banner": {"treatment": "plain", "config": "{}"}}}})");
    /* doc: end */

    /* doc: options */
    for (std::size_t i = 0; i < splitio::option_count(); ++i) {
        const splitio::Option option = *splitio::option_at(i);
        if (option.name.substr(0, 4) == "mtls") {
            std::cout << option.name << " (" << option.kind << "): " << option.description << '\n';
        }
    }
    /* doc: end */

    const splitio::Factory split = started("localhost", config);
    const splitio::Result banner = split.treatment_with_config("ann", "banner");
    std::cout << "banner: " << banner.treatment() << ' ' << banner.config().value_or("") << '\n';
    std::cout << "no_such_flag: " << split.treatment("ann", "no_such_flag") << '\n';
    /* Outside of flagSetsFilter. */
    std::cout << "app_dark_mode: " << split.treatment("ann", "app_dark_mode") << '\n';
}
