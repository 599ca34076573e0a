/* A set of attributes, of each type, for several evaluations. */
#include <vector>

#include "guide.hpp"

struct Request {
    std::string_view plan;
    std::vector<std::string_view> interests;
    double rating;
};
static const Request requests[] = {{"pro", {"hiking", "camping"}, 4.5}, {"basic", {"climbing", "camping"}, 3.0}};

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

    /* doc: again */
    splitio::Attributes visitor; // one set for many requests
    for (const Request &request : requests) {
        visitor.clear(); // keeps its memory
        visitor.set("plan", request.plan).set("interests", request.interests).set("rating", request.rating);
        std::cout << "wishlist_sharing: " << split.treatment("lea", "wishlist_sharing", visitor) << '\n';
    }
    /* doc: end */
}
