// Reading and writing JSON over Boost.JSON. Strict on input: see parse().
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

// One JSON text. Errors (invalid_body): not JSON, a BOM, invalid UTF-8, a duplicate key, a number
// beyond a double, deeper than 16, anything after it. The message says which and where.
Result<Value> parse(std::string_view text);

// Compact, keys in insertion order. Source: clients.md 32 (Rapid7 searches raw text without
// blanks).
inline std::string write(const Value& value) {
  return boost::json::serialize(value);
}
// `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
std::string quote(std::string_view text);

}  // namespace reachback::json
