/* Proxies, Split Proxy, authorities and client certificates. */
#include "guide.h"

static void through_a_proxy(void) {
    split_config *config = split_config_new();
    /* doc: proxy */
    set(config, "proxyUrl", "http://ann:p%40ss@proxy.internal:3128");
    /* doc: end */
    set(config, "proxyUrl", given("PROXY_URL"));
    /* doc: headers */
    set(config, "customHeaders", "{\"X-Team\": \"checkout\"}");
    /* doc: end */
    ask(config, "http://split.invalid"); /* the proxy knows the way */
    split_factory *factory = started("guide-key", config);
    printf("by a proxy: %s\n", split_get_treatment(factory, "ann", "checkout_one_page", NULL));
    end(factory);
}

static void over_tls(void) {
    split_config *config = split_config_new();
    /* doc: split_proxy */
    static const char *const services[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                           "telemetry_api_base_url"};
    for (int i = 0; i < 4; i++) set(config, services[i], "https://split-proxy.internal/api");
    set(config, "streamingEnabled", "false");
    /* doc: end */
    ask(config, given("SPLIT_TLS_URL"));
    /* doc: tls */
    set(config, "caBundlePath", "company.pem");
    set(config, "mtlsCertPath", "client.pem");
    set(config, "mtlsKeyPath", "client.key");
    /* doc: end */
    split_factory *factory = started("guide-key", config);
    printf("over TLS: %s\n", split_get_treatment(factory, "ann", "checkout_one_page", NULL));
    end(factory);
}

int main(void) {
    through_a_proxy();
    over_tls();
    return EXIT_SUCCESS;
}
