#include "server/rest/query.h"

#include <algorithm>

#include "base/bytes.h"

namespace reachback::server::rest {
namespace {

Error bad_query(std::string message) {
  return Error{Errc::invalid_query, std::move(message)};
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Digits only, at most `max`; leading zeros are harmless here.
std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t max) {
  if (!all_digits(text)) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (char c : text) {
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > max) {
      return std::nullopt;
    }
  }
  return value;
}

// For messages: names come from outside. Cut between two characters.
std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 64;
  if (text.size() <= kShownMax) {
    return std::string(text);
  }
  text = text.substr(0, kShownMax);
  while (!is_valid_utf8(text)) {
    text.remove_suffix(1);
  }
  return std::string(text) + "...";
}

}  // namespace

// OData allows its options without their '$' too, where a server says so; a client that forgot it
// must not get everything instead of a part. Source: OData 4.01 URL Conventions, section 5.1.
bool is_option(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "top",    "skip",    "filter", "select", "orderby",   "expand",    "count",
      "search", "compute", "apply",  "format", "skiptoken", "deltatoken"};
  return name.starts_with('$') ||
         std::any_of(std::begin(kNames), std::end(kNames),
                     [name](std::string_view known) { return equals_ignore_case(name, known); });
}

Error not_supported(std::string_view name) {
  return bad_query("The query option '" + shown(name) + "' is not supported");
}

Error there_twice(std::string_view name) {
  return bad_query("The query option '" + shown(name) + "' is there twice");
}

Result<std::uint64_t> parse_bounded(std::string_view name, std::string_view value,
                                    std::uint64_t max) {
  auto number = whole_number(value, max);
  if (!number) {
    return bad_query("The query option '" + shown(name) + "' must be a whole number from 0 to " +
                     std::to_string(max));
  }
  return *number;
}

Result<Pairs> parse_pairs(std::string_view text, std::size_t pairs_max) {
  Pairs out;
  while (!text.empty()) {
    auto end = text.find('&');
    std::string_view piece = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (piece.empty()) {
      continue;
    }
    if (out.size() == pairs_max) {
      return bad_query("More than " + std::to_string(pairs_max) + " parameters");
    }
    auto equals = piece.find('=');
    auto key = percent_decode(piece.substr(0, equals), /*plus_is_space=*/true);
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1),
        /*plus_is_space=*/true);
    if (!key || !value || !is_valid_utf8(*key) || !is_valid_utf8(*value) ||
        piece.find('\0') != std::string_view::npos) {
      return bad_query("A parameter is not percent-encoded UTF-8");
    }
    out.emplace_back(std::move(*key), std::move(*value));
  }
  return out;
}

std::vector<std::string_view> values_of(const Pairs& pairs, std::string_view key) {
  std::vector<std::string_view> out;
  for (const auto& [name, value] : pairs) {
    if (equals_ignore_case(name, key)) {
      out.emplace_back(value);
    }
  }
  return out;
}

Result<PageOptions> parse_page(const Pairs& query, std::uint64_t top_max, std::uint64_t skip_max) {
  PageOptions page{0, top_max};
  bool top_seen = false, skip_seen = false;
  for (const auto& [name, value] : query) {
    if (!is_option(name)) {
      continue;
    }
    bool top = equals_ignore_case(name, "$top"), skip = equals_ignore_case(name, "$skip");
    if (!top && !skip) {
      return not_supported(name);
    }
    bool& seen = top ? top_seen : skip_seen;
    if (seen) {
      return there_twice(name);
    }
    seen = true;
    RB_TRY_ASSIGN((top ? page.top : page.skip),
                  parse_bounded(name, value, top ? top_max : skip_max));
  }
  return page;
}

Result<void> refuse_options(const Pairs& query) {
  for (const auto& [name, value] : query) {
    if (is_option(name)) {
      return bad_query("The query option '" + shown(name) + "' is not supported here");
    }
  }
  return {};
}

Result<std::optional<Duration>> parse_wait(const Pairs& query, Duration fallback, Duration max) {
  auto what = values_of(query, "waitFor");
  if (what.empty()) {
    return std::optional<Duration>();
  }
  if (what.size() > 1 || what[0] != "final") {
    return Error{Errc::invalid_input, "waitFor must be 'final'"};
  }
  auto timeouts = values_of(query, "timeout");
  if (timeouts.empty()) {
    return std::optional<Duration>(fallback);
  }
  auto max_s = std::chrono::duration_cast<std::chrono::seconds>(max).count();
  std::string_view text = timeouts[0];
  if (timeouts.size() == 1 && text.ends_with('s') && text.size() <= 4) {
    auto seconds = whole_number(text.substr(0, text.size() - 1), static_cast<std::uint64_t>(max_s));
    if (seconds && *seconds >= 1) {
      return std::optional<Duration>(std::chrono::seconds(*seconds));
    }
  }
  return Error{Errc::invalid_input, "timeout must be from 1s to " + std::to_string(max_s) + "s"};
}

Result<std::uint32_t> parse_index_argument(std::string_view arguments) {
  constexpr std::string_view kHow = "GetLiveResponseResultDownloadLink takes (index=n)";
  auto equals = arguments.find('=');
  if (equals == std::string_view::npos ||
      !equals_ignore_case(arguments.substr(0, equals), "index")) {
    return bad_query(std::string(kHow));
  }
  std::string_view value = arguments.substr(equals + 1);
  if (value.starts_with('-') && all_digits(value.substr(1))) {
    return Error{Errc::invalid_input, "index must not be negative"};
  }
  if (!all_digits(value) || (value.size() > 1 && value[0] == '0')) {
    return bad_query(std::string(kHow) + ", n a whole number");
  }
  auto number = whole_number(value, 99999);
  if (!number) {
    return Error{Errc::invalid_input, "index is too large"};
  }
  return static_cast<std::uint32_t>(*number);
}

}  // namespace reachback::server::rest
