#include "server/odata/entity.h"

#include "base/bytes.h"

namespace reachback::server::odata {

Entity::Entity(std::string_view entity_name, std::vector<Property> all, std::string_view key_name,
               const std::vector<std::pair<std::string_view, bool>>& order)
    : name(entity_name),
      properties(std::move(all)),
      key(find(key_name)),
      default_order(keys(order)) {}

std::vector<OrderKey> Entity::keys(
    const std::vector<std::pair<std::string_view, bool>>& order) const {
  std::vector<OrderKey> out;
  for (const auto& [property, descending] : order) {
    out.push_back(OrderKey{find(property), descending});
  }
  out.push_back(OrderKey{key, !out.empty() && out.back().descending});
  return out;
}

const Property* Entity::find(std::string_view property_name) const {
  for (const Property& property : properties) {
    if (equals_ignore_case(property.name, property_name)) {
      return &property;
    }
  }
  return nullptr;
}

}  // namespace reachback::server::odata
