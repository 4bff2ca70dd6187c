// Literals: what stands in a filter becomes a value of the property's type.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "server/odata/entity.h"
#include "server/odata/lexer.h"

namespace reachback::server::odata {

// A point in time, rounded down to whole microseconds; `rounded`: something was cut off.
struct Moment {
  std::int64_t micros = 0;
  bool rounded = false;
};

// 2026-01-31, 2026-01-31Z, 2026-01-31T23:59Z, with seconds, with a fraction of up to twelve digits,
// with Z or an offset of at most 14:00; without either it is UTC. Year 1 to 9999; 'T' and 'Z' in
// either case. nullopt: anything else.
// Source: OData 4.01 ABNF dateTimeOffsetValue; MDE "OData queries" (2018-08-01Z).
std::optional<Moment> parse_moment(std::string_view text);

struct Literal {
  Value value;
  bool rounded = false;  // of a date: it lies between this value and the next
};
// Errors (invalid_query, naming the place): the literal is not of the property's type, not one of
// its choices, or the property cannot be asked about at all.
Result<Literal> parse_literal(const Lexer& lexer, const Property& property, const Token& token);

}  // namespace reachback::server::odata
