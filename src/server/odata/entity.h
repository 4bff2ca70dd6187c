// What a list holds: its properties, their types, and what may be asked about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace reachback::server::odata {

// One value of a property, in the form that is compared: null; a number (also of a date:
// microseconds since 1970; of a boolean: 0 or 1; of a choice: its number); a text; several texts.
using Value = std::variant<std::monostate, std::int64_t, std::string, std::vector<std::string>>;

inline bool is_null(const Value& value) {
  return std::holds_alternative<std::monostate>(value);
}

enum class Type {
  text,         // compared byte by byte
  folded_text,  // without regard to ASCII case: values are in lower case
  guid,         // text in lower case; equal or not, nothing else
  number,
  date,
  boolean,
  choice,  // one of the property's choices; equal or not, ordered by number
  texts,   // several; asked with any()
  opaque   // shown, never asked about
};

struct Choice {
  std::string_view name;
  std::int64_t number;
};

struct Property {
  std::string_view name;  // as it is shown; asked for without regard to case
  Type type = Type::text;
  bool nullable = false;
  std::vector<Choice> choices{};
  // Every row has this value: what is asked about it is answered without looking at a row.
  std::optional<Value> constant{};
};

struct OrderKey {
  const Property* property = nullptr;
  bool descending = false;
  friend bool operator==(const OrderKey&, const OrderKey&) = default;
};

// Immutable, and lives as long as any query about it: queries point at its properties.
struct Entity {
  // order: what the rows are ordered by when nothing is asked for; a name and whether it descends.
  // The key is put behind it.
  Entity(std::string_view entity_name, std::vector<Property> all, std::string_view key_name,
         const std::vector<std::pair<std::string_view, bool>>& order);
  Entity(const Entity&) = delete;
  Entity& operator=(const Entity&) = delete;

  // Without regard to case; nullptr: there is none.
  const Property* find(std::string_view property_name) const;

  const std::string_view name;  // of one row, for messages
  const std::vector<Property> properties;
  const Property* const key;  // not null, different in every row
  const std::vector<OrderKey> default_order;

 private:
  std::vector<OrderKey> keys(const std::vector<std::pair<std::string_view, bool>>& order) const;
};

}  // namespace reachback::server::odata
