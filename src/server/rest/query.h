// Name=value lists: query strings and form bodies; the options of a list that is always empty.
// Those of the others: list_options.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reachback::server::rest {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Splits at '&' and the first '=', decodes both sides once, '+' is a blank. Empty pieces are
// skipped. Errors (invalid_query): bad percent-encoding, NUL, not UTF-8, more than `pairs_max`.
Result<Pairs> parse_pairs(std::string_view text, std::size_t pairs_max);

// The values of a key, compared without regard to case.
std::vector<std::string_view> values_of(const Pairs& pairs, std::string_view key);

// Whether a name is one of OData's options, with its '$' or without.
bool is_option(std::string_view name);
Error not_supported(std::string_view name);
Error there_twice(std::string_view name);
// The whole number of an option. Errors: invalid_query (anything else, or more than `max`).
Result<std::uint64_t> parse_bounded(std::string_view name, std::string_view value,
                                    std::uint64_t max);

struct PageOptions {
  std::uint64_t skip = 0;
  std::uint64_t top = 0;
};
// Reads $top and $skip. Every other name that begins with '$' is refused by name, and so is OData's
// name of an option without its '$'; other names are nobody's business here. Errors
// (invalid_query): naming the option. Source: decisions.md 12.
Result<PageOptions> parse_page(const Pairs& query, std::uint64_t top_max, std::uint64_t skip_max);
// Refuses every name that begins with '$'.
Result<void> refuse_options(const Pairs& query);

// ?waitFor=final&timeout=30s. nullopt: waitFor is not there. Errors (invalid_input): another value
// of waitFor, a timeout that is not 1s to `max`.
Result<std::optional<Duration>> parse_wait(const Pairs& query, Duration fallback, Duration max);

// What stands between the parentheses of GetLiveResponseResultDownloadLink. The name `index` is
// taken in any case, the value only as 0|[1-9][0-9]{0,4}. Errors: invalid_input (negative, or too
// large), invalid_query (everything else).
Result<std::uint32_t> parse_index_argument(std::string_view arguments);

}  // namespace reachback::server::rest
