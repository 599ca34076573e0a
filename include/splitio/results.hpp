/*
 * Part of splitio.hpp, which is what programs include: what is answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_RESULTS_HPP
#define SPLITIO_RESULTS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "error.hpp"
#include "text.hpp"

namespace splitio {

/// An answer inside a `Results`, and valid as long as that.
class ResultView {
public:
    explicit ResultView(const split_result &result) noexcept : raw_(&result) {}

    std::string_view flag() const noexcept { return detail::view(raw_->flag); }
    /// Valid until the process ends, and NUL-terminated.
    std::string_view treatment() const noexcept { return raw_->treatment != nullptr ? raw_->treatment : control; }
    /// The configuration of the treatment, if it has one and was asked for.
    std::optional<std::string_view> config() const noexcept {
        if (raw_->config == nullptr) return std::nullopt;
        return std::string_view{raw_->config, raw_->config_len};
    }
    /// Why: the label of the rule that decided. Valid until the process ends; empty when there is none, or with
    /// labelsEnabled off.
    std::string_view label() const noexcept { return detail::view(raw_->label); }
    /// Of the flag's definition; -1 when there was none.
    std::int64_t change_number() const noexcept { return raw_->change_number; }
    /// No error, or why the treatment is "control" or a fallback.
    std::error_code error() const noexcept { return make_error_code(raw_->status); }
    const split_result &c_result() const noexcept { return *raw_; }

private:
    const split_result *raw_;
};

/// An answer that owns its configuration, which stays as it is when definitions change.
class Result {
public:
    Result(Result &&other) noexcept : raw_(std::exchange(other.raw_, split_result{})) {}
    Result &operator=(Result &&other) noexcept {
        if (this != &other) {
            split_result_release(&raw_);
            raw_ = std::exchange(other.raw_, split_result{});
        }
        return *this;
    }
    ~Result() { split_result_release(&raw_); }

    /// Valid until the process ends, and NUL-terminated.
    std::string_view treatment() const noexcept { return view().treatment(); }
    /// The configuration of the treatment, if it has one. Valid as long as this object.
    std::optional<std::string_view> config() const noexcept { return view().config(); }
    /// As those of `ResultView`.
    std::string_view label() const noexcept { return view().label(); }
    std::int64_t change_number() const noexcept { return view().change_number(); }
    std::error_code error() const noexcept { return view().error(); }
    const split_result &c_result() const noexcept { return raw_; }

private:
    friend class Factory;
    Result() noexcept = default;
    ResultView view() const noexcept { return ResultView{raw_}; }

    split_result raw_{};
};

/// The answers to a question about several flags: a range of `ResultView`.
class Results : public detail::List<split_results, split_result, ResultView> {
public:
    /// Takes over a list of the C API.
    explicit Results(split_results *list) noexcept : List(list, split_results_data) {}
    /// The answer for a flag, if the list has one.
    std::optional<ResultView> find(Text flag) const {
        const split_result *found = split_results_find(c_ptr(), detail::Terminated{flag}.get());
        return found != nullptr ? std::optional<ResultView>{ResultView{*found}} : std::nullopt;
    }
};

/// The description of a flag inside a `Flags` or a `Flag`, and valid as long as that.
class FlagView {
public:
    explicit FlagView(const split_flag_view *flag) noexcept : raw_(flag) {}

    std::string_view name() const noexcept { return detail::view(raw_->name); }
    std::string_view traffic_type() const noexcept { return detail::view(raw_->traffic_type); }
    std::string_view default_treatment() const noexcept { return detail::view(raw_->default_treatment); }
    std::int64_t change_number() const noexcept { return raw_->change_number; }
    bool killed() const noexcept { return raw_->killed; }
    bool impressions_disabled() const noexcept { return raw_->impressions_disabled; }
    TextViews treatments() const noexcept { return {raw_->treatments, raw_->treatments_len}; }
    TextViews sets() const noexcept { return {raw_->sets, raw_->sets_len}; }
    /// The treatments that have a configuration; `configs()` has, index by index, what it is.
    TextViews config_treatments() const noexcept { return {raw_->config_treatments, raw_->configs_len}; }
    TextViews configs() const noexcept { return {raw_->configs, raw_->configs_len}; }
    /// The configuration of a treatment, if it has one.
    std::optional<std::string_view> config(std::string_view treatment) const noexcept {
        const TextViews having = config_treatments();
        for (std::size_t i = 0; i < having.size(); ++i) {
            if (having[i] == treatment) return configs()[i];
        }
        return std::nullopt;
    }
    /// A JSON array of {"n": flag, "ts": [treatment, ...]}.
    std::string_view prerequisites_json() const noexcept { return detail::view(raw_->prerequisites_json); }

private:
    const split_flag_view *raw_;
};

/// Descriptions of flags: a range of `FlagView`.
class Flags : public detail::List<split_flag_view_list, const split_flag_view *, FlagView> {
public:
    /// Takes over a list of the C API.
    explicit Flags(split_flag_view_list *list) noexcept : List(list, split_flag_view_list_data) {}
};

/// The description of one flag. Empty, and not to be asked, after a move.
class Flag : public FlagView {
private:
    friend class Factory;
    /// `list` has at least one.
    explicit Flag(Flags list) noexcept : FlagView(list[0]), list_(std::move(list)) {}

    Flags list_;
};

/// Names of flags: a range of std::string_view.
class NameList : public detail::List<split_name_list, const char *, std::string_view> {
public:
    /// Takes over a list of the C API.
    explicit NameList(split_name_list *list) noexcept : List(list, split_name_list_data) {}
};

/// JSON text that the library made.
class Json {
public:
    Json() noexcept = default;
    Json(Json &&other) noexcept : raw_(std::exchange(other.raw_, split_json{})) {}
    Json &operator=(Json &&other) noexcept {
        if (this != &other) {
            split_json_release(&raw_);
            raw_ = std::exchange(other.raw_, split_json{});
        }
        return *this;
    }
    ~Json() { split_json_release(&raw_); }

    /// Valid as long as this object.
    std::string_view view() const noexcept { return {raw_.ptr != nullptr ? raw_.ptr : "", raw_.len}; }
    operator std::string_view() const &noexcept { return view(); }
    operator std::string_view() const && = delete; // it would end before its text is read
    bool empty() const noexcept { return raw_.len == 0; }

private:
    friend class Factory;
    split_json raw_{};
};

} // namespace splitio

#endif // SPLITIO_RESULTS_HPP
