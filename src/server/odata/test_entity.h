// A small entity with a property of every type, for the tests of this folder.
#pragma once

#include <map>
#include <string>

#include "server/odata/evaluate.h"
#include "server/odata/parser.h"

namespace reachback::server::odata::test {

inline const Entity& thing() {
  static const Entity made(
      "Thing",
      {{"id", Type::guid},
       {"name", Type::text},
       {"dnsName", Type::folded_text, true},
       {"count", Type::number},
       {"made", Type::date},
       {"ended", Type::date, true},
       {"good", Type::boolean},
       {"state", Type::choice, false, {{"Open", 0}, {"Closed", 1}, {"Lost", 5}}},
       {"tags", Type::texts},
       {"parts", Type::opaque, true},
       {"kind", Type::choice, false, {{"Ours", 1}, {"Theirs", 2}}, Value(std::int64_t{1})},
       {"scope", Type::text, true, {}, Value()}},
      "id", {{"made", true}});
  return made;
}

inline Bounds bounds() {
  return Bounds{4096, 8, 32, 100, 4};
}

// By the properties' names; one that is not there is null.
using Thing = std::map<std::string_view, Value>;

inline Getter getter(const Thing& row) {
  return [&row](const Property& property) {
    auto found = row.find(property.name);
    return found == row.end() ? Value() : found->second;
  };
}

inline Thing sample() {
  return {{"id", "0f8fad5b-d9cb-469f-a165-70867728950e"},
          {"name", "it's"},
          {"dnsName", "host.example"},
          {"count", std::int64_t{140}},
          {"made", std::int64_t{1'612'453'012'778'884}},  // 2021-02-04T15:36:52.778884Z
          {"good", std::int64_t{1}},
          {"state", std::int64_t{5}},
          {"tags", std::vector<std::string>{"red", "deep blue"}}};
}

}  // namespace reachback::server::odata::test
