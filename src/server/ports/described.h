// How the descriptions of listing.h are made: a table of properties, each with how a row gives it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/odata/entity.h"

namespace reachback::server {

// null: the property is constant, or cannot be asked about.
template <typename Row>
using Get = odata::Value (*)(const Row& row);

template <typename Row>
struct DescribedProperty {
  odata::Property property;
  Get<Row> get = nullptr;
};

template <typename Row>
class Described {
 public:
  Described(std::string_view name, const std::vector<DescribedProperty<Row>>& table,
            std::string_view key, const std::vector<std::pair<std::string_view, bool>>& order)
      : entity_(name, properties(table), key, order) {
    for (const DescribedProperty<Row>& row : table) {
      getters_.push_back(row.get);
    }
  }

  const odata::Entity& entity() const { return entity_; }
  // Of a property of this entity.
  odata::Value value(const Row& row, const odata::Property& property) const {
    Get<Row> get = getters_[static_cast<std::size_t>(&property - entity_.properties.data())];
    return get == nullptr ? odata::Value() : get(row);
  }

 private:
  static std::vector<odata::Property> properties(const std::vector<DescribedProperty<Row>>& table) {
    std::vector<odata::Property> out;
    out.reserve(table.size());
    for (const DescribedProperty<Row>& row : table) {
      out.push_back(row.property);
    }
    return out;
  }

  odata::Entity entity_;
  std::vector<Get<Row>> getters_;
};

inline odata::Value text_or_null(const std::string& text) {
  return text.empty() ? odata::Value() : odata::Value(text);
}
inline odata::Value text_or_null(const std::optional<std::string>& text) {
  return text ? odata::Value(*text) : odata::Value();
}
inline odata::Value number(std::int64_t value) {
  return odata::Value(value);
}

}  // namespace reachback::server
