// Reads the options of a list. Pure: any thread.
// Errors, of all: invalid_query, with the option, the character (from 1) and what is wrong there.
// Source: OData 4.01 URL Conventions, section 5.1; clients.md §2.5 for what is sent.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/odata/query.h"

namespace reachback::server::odata {

struct Bounds {
  std::uint64_t text_bytes = 0;  // of one option
  std::uint64_t nesting = 0;     // parentheses within parentheses
  std::uint64_t terms = 0;       // comparisons and functions of a filter
  std::uint64_t values = 0;      // literals of a filter
  std::uint64_t order_keys = 0;
};

// Served: eq ne gt ge lt le in, and or not, parentheses, startswith endswith contains (alone or
// compared with eq true, eq false), property/any(x: ...) over several texts with eq, in and those
// functions; a boolean property alone; the literal on either side. Names, operators and the values
// of choices without regard to case. `text` is UTF-8, decoded once.
Result<Node> parse_filter(const Entity& entity, std::string_view text, const Bounds& bounds);

// "a desc,b": total, since the entity's key is put behind what is there, in the last one's
// direction. A property that comes again changes nothing.
Result<std::vector<OrderKey>> parse_order(const Entity& entity, std::string_view text,
                                          const Bounds& bounds);

// "a,b": each once, in the order asked for. Empty: "*", all of them.
Result<std::vector<const Property*>> parse_select(const Entity& entity, std::string_view text,
                                                  const Bounds& bounds);

}  // namespace reachback::server::odata
