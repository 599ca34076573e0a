/*
 * Answers the questions of conform.py, in C++. Labels and change numbers come with the result.
 */
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <splitio.hpp>

using Field = std::optional<std::string>;

static Field decoded(std::string_view field) {
    if (field == "-") return std::nullopt;
    std::string text;
    for (std::size_t i = 0; i < field.size(); i++) {
        if (field[i] == '%') {
            text += static_cast<char>(std::stoi(std::string{field.substr(i + 1, 2)}, nullptr, 16));
            i += 2;
        } else {
            text += field[i];
        }
    }
    return text;
}

static std::string encoded(std::string_view text) {
    std::string field;
    for (const char byte : text) {
        char hex[4];
        std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(byte)));
        field += hex;
    }
    return field;
}

static std::vector<std::string> split(const std::string &line) {
    std::vector<std::string> fields{{}};
    for (const char byte : line) {
        if (byte == '\t') {
            fields.emplace_back();
        } else {
            fields.back() += byte;
        }
    }
    return fields;
}

static splitio::Factory new_factory(const std::string &url, const Field &fallbacks) {
    splitio::Config config;
    config.merge_json(R"({"streamingEnabled": false, "logLevel": "none"})");
    for (const char *service : {"sdk", "events", "auth", "telemetry"})
        config.set(std::string{service} + "_api_base_url", url + "/api");
    if (fallbacks) config.merge_json(R"({"fallbackTreatments": )" + *fallbacks + "}");
    splitio::Factory factory{"a-key-of-c++", config};
    factory.block_until_ready(std::chrono::seconds{20});
    return factory;
}

static void answer(const splitio::Factory &factory, const std::vector<std::string> &fields) {
    const std::string flag = decoded(fields[2]).value(), matching = decoded(fields[3]).value();
    const Field bucketing = decoded(fields[4]), attributes = decoded(fields[5]);
    const splitio::Key key = bucketing ? splitio::Key{matching, *bucketing} : splitio::Key{matching};
    const splitio::Result result =
        attributes ? factory.treatment_with_config(key, flag, splitio::Options{}.attributes_json(*attributes))
                   : factory.treatment_with_config(key, flag);
    const auto config = result.config();
    std::cout << fields[1] << '\t' << encoded(result.treatment()) << '\t' << (config ? encoded(*config) : "-") << '\t'
              << encoded(result.label()) << '\t' << result.change_number() << '\n';
}

int main(int count, char **arguments) {
    if (count != 2) return 1;
    std::ifstream file{arguments[1]};
    std::optional<splitio::Factory> factory;
    for (std::string line; std::getline(file, line);) {
        const std::vector<std::string> fields = split(line);
        if (fields[0] == "factory") {
            factory.reset();
            factory.emplace(new_factory(fields[1], decoded(fields[2])));
        } else {
            answer(*factory, fields);
        }
    }
    return file.eof() ? 0 : 1;
}
