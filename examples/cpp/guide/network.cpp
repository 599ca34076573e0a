/* Proxies, Split Proxy, authorities and client certificates. */
#include "guide.hpp"

static void through_a_proxy() {
    splitio::Config config;
    /* doc: proxy */
    config.set("proxyUrl", "http://ann:p%40ss@proxy.internal:3128");
    /* doc: end */
    config.set("proxyUrl", given("PROXY_URL"));
    /* doc: headers */
    config.set("customHeaders", R"({"X-Team": "checkout"})");
    /* doc: end */
    ask(config, "http://split.invalid"); // the proxy knows the way
    std::cout << "by a proxy: " << started("guide-key", config).treatment("ann", "checkout_one_page") << '\n';
}

static void over_tls() {
    splitio::Config config;
    /* doc: split_proxy */
    for (const char *service :
         {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url", "telemetry_api_base_url"}) {
        config.set(service, "https://split-proxy.internal/api");
    }
    config.set("streamingEnabled", false);
    /* doc: end */
    ask(config, given("SPLIT_TLS_URL"));
    /* doc: tls */
    config.set("caBundlePath", "company.pem");
    config.set("mtlsCertPath", "client.pem").set("mtlsKeyPath", "client.key");
    /* doc: end */
    std::cout << "over TLS: " << started("guide-key", config).treatment("ann", "checkout_one_page") << '\n';
}

int main() {
    through_a_proxy();
    over_tls();
}
