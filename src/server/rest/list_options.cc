#include "server/rest/list_options.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace reachback::server::rest {
namespace {

Result<void> take_option(std::string_view name, std::string_view value, const odata::Entity& entity,
                         const ListLimits& limits, ListOptions& out) {
  odata::Query& query = out.query;
  if (name == "$filter") {
    RB_TRY_ASSIGN(query.filter, odata::parse_filter(entity, value, limits.odata));
  } else if (name == "$orderby") {
    RB_TRY_ASSIGN(query.order, odata::parse_order(entity, value, limits.odata));
  } else if (name == "$select") {
    RB_TRY_ASSIGN(out.select, odata::parse_select(entity, value, limits.odata));
  } else if (name == "$count") {
    query.count = equals_ignore_case(value, "true");
    if (!query.count && !equals_ignore_case(value, "false")) {
      return Error{Errc::invalid_query, "The query option '$count' must be true or false"};
    }
  } else if (name == "$top") {
    RB_TRY_ASSIGN(query.top, parse_bounded(name, value, limits.top_max));
    out.top_given = true;
  } else {
    RB_TRY_ASSIGN(query.skip, parse_bounded(name, value, limits.skip_max));
  }
  return {};
}

}  // namespace

Result<ListOptions> parse_list_options(const Pairs& query, const odata::Entity& entity,
                                       const ListLimits& limits) {
  static constexpr std::string_view kServed[] = {"$filter", "$orderby", "$select",
                                                 "$count",  "$top",     "$skip"};
  ListOptions out;
  out.query = odata::everything(entity, 0, limits.top_max);
  std::set<std::string> seen;
  for (const auto& [given, value] : query) {
    if (!is_option(given)) {
      continue;
    }
    const std::string name = to_lower(given);
    if (std::find(std::begin(kServed), std::end(kServed), name) == std::end(kServed)) {
      return not_supported(given);
    }
    if (!seen.insert(name).second) {
      return there_twice(given);
    }
    RB_TRY(take_option(name, value, entity, limits, out));
    if (name != "$top" && name != "$skip") {
      out.kept.emplace_back(name, value);
    }
  }
  return out;
}

Result<odata::Query> parse_count_options(const Pairs& query, const odata::Entity& entity,
                                         const ListLimits& limits) {
  RB_TRY_ASSIGN(ListOptions options, parse_list_options(query, entity, limits));
  odata::Query counted = odata::everything(entity, 0, 0);
  counted.filter = std::move(options.query.filter);
  counted.count = true;
  return counted;
}

std::string next_link(const ListOptions& options, std::uint64_t passed, std::string_view address) {
  std::string out(address);
  out += '?';
  for (const auto& [name, value] : options.kept) {
    out += name + "=" + percent_encode(value, "'(),:") + "&";
  }
  if (options.top_given) {
    out += "$top=" + std::to_string(options.query.top - passed) + "&";
  }
  return out + "$skip=" + std::to_string(options.query.skip + passed);
}

std::string selected_set(const ListOptions& options, std::string_view set) {
  std::string out(set);
  const char* before = "(";
  for (const odata::Property* property : options.select) {
    out += before;
    out += property->name;
    before = ",";
  }
  return options.select.empty() ? out : out + ")";
}

}  // namespace reachback::server::rest
