/* Which flags there are. */
#include "guide.hpp"

int main() {
    const splitio::Factory split = started("localhost", shop());
    /* doc: names */
    std::cout << split.flag_names().size() << " flags\n";
    /* doc: end */

    /* doc: one */
    if (const auto flag = split.flag("payment_provider")) {
        std::cout << flag->name() << ", for " << flag->traffic_type() << ", " << (flag->killed() ? "killed" : "alive")
                  << '\n';
        for (const std::string_view treatment : flag->treatments()) std::cout << "  treatment " << treatment << '\n';
        for (const std::string_view treatment : flag->config_treatments()) {
            std::cout << "  " << treatment << " is configured with " << *flag->config(treatment) << '\n';
        }
    }
    /* doc: end */

    /* doc: json */
    std::cout << split.flag_json("vip_lounge").view() << '\n';
    /* doc: end */
}
