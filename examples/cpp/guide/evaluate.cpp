/* Every way to ask for a treatment. */
#include <vector>

#include "guide.hpp"

int main() {
    const splitio::Factory split = started("localhost", shop());
    {
        /* doc: attributes */
        const auto treatment = split.treatment("zoe", "loyalty_tier", {{"orders", 12}, {"plan", "pro"}});
        /* doc: end */
        std::cout << "loyalty_tier: " << treatment << '\n';
    }
    {
        /* doc: bucketing */
        // All users of a company get the same treatment.
        const auto treatment = split.treatment({"ann", "company-7"}, "catalog_layout");
        /* doc: end */
        const bool alike = treatment == split.treatment({"mia", "company-7"}, "catalog_layout");
        std::cout << "catalog_layout: " << (alike ? "the same for ann and mia" : "one each") << '\n';
    }
    {
        /* doc: properties */
        const auto treatment =
            split.treatment("ann", "free_shipping", splitio::Options{}.properties({{"page", "cart"}, {"items", 3}}));
        /* doc: end */
        std::cout << "free_shipping: " << treatment << '\n';
    }
    {
        /* doc: config */
        const splitio::Result hero = split.treatment_with_config("mia", "homepage_hero");
        std::cout << hero.treatment() << ", " << hero.config().value_or("without configuration") << '\n';
        /* doc: end */
    }
    {
        /* doc: lengths */
        const std::string_view line = "ann page.view checkout_one_page"; // from a socket, say
        const std::string_view user = line.substr(0, 3), event = line.substr(4, 9), flag = line.substr(14);
        const splitio::Result result = split.treatment_with_config(user, flag);
        split.track(user, "user", event);
        /* doc: end */
        std::cout << result.treatment() << ", " << result.config().value_or("") << '\n';
    }
    {
        /* doc: why */
        const splitio::Result none = split.treatment_with_config("mia", "no_such_flag");
        if (none.error()) std::cout << none.treatment() << ": " << none.error().message() << '\n';
        const splitio::Result some = split.treatment_with_config("ann", "checkout_one_page");
        std::cout << some.treatment() << ": " << some.label() << '\n';
        /* doc: end */
    }
    {
        /* doc: explain */
        std::error_code error;
        const splitio::Json text = split.explain("ann", "checkout_one_page", {}, error);
        if (!error) std::cout << text.view() << '\n';
        /* doc: end */
    }
    {
        /* doc: many */
        const std::vector<std::string> flags{"checkout_one_page", "payment_provider"};
        for (const splitio::ResultView result : split.treatments("ann", flags)) {
            std::cout << result.flag() << " = " << result.treatment() << '\n';
        }
        /* doc: end */
    }
    {
        /* doc: sets */
        const splitio::Results payments = split.treatments_with_config_by_flag_set("ann", "payments");
        if (const auto provider = payments.find("payment_provider")) {
            std::cout << provider->treatment() << ' ' << provider->config().value_or("") << '\n';
        }
        const splitio::Results both = split.treatments_by_flag_sets("ann", {"search", "wholesale"});
        std::cout << both.size() << " flags are in search or wholesale\n";
        /* doc: end */
    }
}
