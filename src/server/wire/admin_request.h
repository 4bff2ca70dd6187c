// An administrator's request, member by member.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "server/service/blocking.h"

namespace reachback::server {

// Absent, or of another type: the empty value, or `otherwise`.
inline std::string string_of(const json::Object& o, std::string_view key) {
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  return v != nullptr && v->is_string()
             ? std::string(v->get_string().data(), v->get_string().size())
             : std::string();
}
inline std::int64_t number_of(const json::Object& o, std::string_view key, std::int64_t otherwise) {
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  return v != nullptr && v->is_int64() ? v->get_int64() : otherwise;
}
inline bool is_true(const json::Object& o, std::string_view key) {
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  return v != nullptr && v->is_bool() && v->get_bool();
}
inline std::vector<std::string> strings_of(const json::Object& o, std::string_view key) {
  std::vector<std::string> out;
  const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
  if (v != nullptr && v->is_array()) {
    for (const auto& element : v->get_array()) {
      if (element.is_string()) {
        out.emplace_back(element.get_string().data(), element.get_string().size());
      }
    }
  }
  return out;
}

}  // namespace reachback::server
