/* A set of attributes, of each type, for several evaluations. */
#include "guide.hpp"

int main() {
    const splitio::Factory split = started("localhost", shop());
    const std::chrono::system_clock::time_point december{std::chrono::seconds{1796083200}};
    /* doc: types */
    splitio::Attributes kim{
        {"app_version", "3.4.1"},                   // text, versions too
        {"orders", 12},                             // a number
        {"registered", december},                   // a date: a time_point of the system's clock
        {"consent", true},                          // a boolean
        {"interests", {"hiking", "camping", "tea"}} // a set
    };
    kim.merge_json(R"({"city": "Bern"})"); // or as JSON, several at a time

    for (const char *flag :
         {"app_ar_preview", "loyalty_tier", "welcome_tour", "marketing_emails", "wishlist_sharing"}) {
        std::cout << flag << ": " << split.treatment("kim", flag, kim) << '\n';
    }
    /* doc: end */
}
