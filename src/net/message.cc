#include "net/message.h"

namespace reachback::net {

void Headers::set(std::string_view name, std::string value) {
  bool replaced = false;
  std::erase_if(fields_, [&](auto& field) {
    if (!equals_ignore_case(field.first, name)) {
      return false;
    }
    if (replaced) {
      return true;
    }
    field.second = std::move(value);
    replaced = true;
    return false;
  });
  if (!replaced) {
    fields_.emplace_back(std::string(name), std::move(value));
  }
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (equals_ignore_case(key, name)) {
      return value;
    }
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t n = 0;
  for (const auto& [key, value] : fields_) {
    n += equals_ignore_case(key, name) ? 1 : 0;
  }
  return n;
}

}  // namespace reachback::net
