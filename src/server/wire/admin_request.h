// An administrator's request, member by member, and the wait for what the stores say to it.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace reachback::server {

// Waits for an asynchronous store call.
template <typename T, typename Call>
Result<T> wait(Call call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto result = promise->get_future();
  call(Done<T>([promise](Result<T> r) { promise->set_value(std::move(r)); }));
  return result.get();
}

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
