/*
 * A web service that shows different pages to different users, as feature flags decide; with cpp-httplib
 * (Debian: libcpp-httplib-dev).
 *
 *     c++ -std=c++17 http_service.cpp -lsplitio $(pkg-config --cflags --libs cpp-httplib)
 *     ./a.out path/to/examples/data 8080
 *     curl 'localhost:8080/checkout?user=ann'      curl 'localhost:8080/checkout?user=mia&cart=75'
 *
 * Port 0 takes a free one. SIGTERM and SIGINT end it in order: first the server, then the factory, which sends what it has.
 */
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include <httplib.h>
#include <splitio.hpp>

using namespace std::chrono_literals;

/* One factory for the whole process: every worker thread asks it, without locks. */
static splitio::Factory start(const std::string &directory) {
    return splitio::Factory{"localhost", splitio::Config{}
                                             .set("splitFile", directory + "/environment.json")
                                             .set("segmentDirectory", directory + "/segments")
                                             .set("localhostRefreshEnabled", true)
                                             .destroy_timeout(5s)};
}

static void route(httplib::Server &server, const splitio::Factory &split) {
    server.Get("/checkout", [&split](const httplib::Request &request, httplib::Response &response) {
        const std::string user = request.get_param_value("user");
        const int cart = std::atoi(request.get_param_value("cart").c_str());
        const splitio::Result checkout = split.treatment_with_config(user, "checkout_one_page");
        std::string page = "<h1>Checkout</h1>\n";
        if (checkout.treatment() == "on") {
            page += "<form class=\"one-page\">everything at once</form>\n";
        } else {
            page += "<a href=\"/checkout/address\">step 1 of 4</a>\n"; // "off", and "control" as well
        }
        if (split.treatment(user, "free_shipping", {{"cart_total", cart}}) == "on") page += "<p>free shipping</p>\n";
        page += "<script>const layout = " + std::string(checkout.config().value_or("{}")) + "</script>\n";
        response.set_content(page, "text/html");
    });
    server.Post("/paid", [&split](const httplib::Request &request, httplib::Response &response) {
        const bool accepted = split.track(request.get_param_value("user"), "user", "checkout.paid",
                                          std::atof(request.get_param_value("amount").c_str()));
        response.status = accepted ? 204 : 400;
    });
    /* Not before the flags are here, for the load balancer. */
    server.Get("/healthz", [&split](const httplib::Request &, httplib::Response &response) {
        response.status = split.ready() ? 200 : 503;
    });
}

int main(int argc, char **argv) try {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " DIRECTORY PORT\n";
        return 2;
    }
    /* Blocked before there is another thread, so that all inherit it and the one that waits for them gets them. */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);

    splitio::Factory split = start(argv[1]);
    split.block_until_ready(5s);
    httplib::Server server;
    route(server, split);
    int port = std::atoi(argv[2]);
    if (port == 0)
        port = server.bind_to_any_port("127.0.0.1");
    else if (!server.bind_to_port("127.0.0.1", port))
        port = -1;
    if (port < 0) {
        std::cerr << "cannot listen on port " << argv[2] << '\n';
        return 1;
    }
    std::thread serving{[&server] { server.listen_after_bind(); }};
    while (!server.is_running()) std::this_thread::sleep_for(1ms); /* what is stopped before that, runs for ever */
    std::cout << "listening on http://127.0.0.1:" << port << std::endl;

    int signal = 0;
    sigwait(&ends, &signal);
    server.stop();
    serving.join();
    split.destroy(5s);
    std::cout << "ended in order" << std::endl;
    return 0;
} catch (const splitio::Error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
