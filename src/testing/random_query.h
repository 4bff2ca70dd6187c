// Queries about an entity, drawn from a seeded source, as the text that a client sends. Their
// values come from rows mostly, so that something fits.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "server/odata/evaluate.h"
#include "testing/seeded_random.h"

namespace reachback::testing {

class RandomQuery {
 public:
  // rows: not empty where filter() is used.
  RandomQuery(Random& random, const server::odata::Entity& entity,
              std::vector<server::odata::Getter> rows = {})
      : random_(random), entity_(entity), rows_(std::move(rows)) {}

  std::string filter(int depth = 3) {
    std::uint64_t kind = depth == 0 ? 0 : below(6);
    std::string negation = below(5) == 0 ? "not " : "";
    if (kind < 3) {
      return negation + term();
    }
    std::string out = negation + "(" + filter(depth - 1);
    for (std::uint64_t i = below(2) + 1; i > 0; --i) {
      out += (kind == 3 ? " or " : " and ") + filter(depth - 1);
    }
    return out + ")";
  }
  std::string order() {
    std::string out;
    for (std::uint64_t i = below(3) + 1; i > 0; --i) {
      const server::odata::Property* property = any_property();
      if (property->type != server::odata::Type::texts) {
        out += (out.empty() ? "" : ",") + std::string(property->name) + (below(2) ? " desc" : "");
      }
    }
    return out.empty() ? std::string(entity_.key->name) : out;
  }
  std::uint64_t below(std::uint64_t bound) {
    std::string bytes = random_.bytes(4);
    std::uint64_t value = 0;
    for (char c : bytes) {
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value % bound;
  }

 private:
  using Property = server::odata::Property;
  using Type = server::odata::Type;
  using Value = server::odata::Value;

  const Property* any_property() {
    while (true) {
      const Property& property = entity_.properties[below(entity_.properties.size())];
      // Constants are settled by the parser: a few are enough.
      if (property.type != Type::opaque && (!property.constant || below(10) == 0)) {
        return &property;
      }
    }
  }
  std::string quoted(const std::string& text) {
    std::string out = "'";
    for (char c : text) {
      out += c == '\'' ? "''" : std::string(1, c);
    }
    return out + "'";
  }
  Value any_value(const Property& property) {
    return property.constant ? *property.constant : rows_[below(rows_.size())](property);
  }
  // Of texts: one of them.
  std::string text_of(const Property& property) {
    const Value value = any_value(property);
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
      return texts->empty() ? "x" : (*texts)[below(texts->size())];
    }
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? "" : *text;
  }
  std::string literal(const Property& property) {
    const Value value = any_value(property);
    if (server::odata::is_null(value) || (property.type != Type::texts && below(12) == 0)) {
      return "null";
    }
    switch (property.type) {
      case Type::number:
        return std::to_string(std::get<std::int64_t>(value) + static_cast<std::int64_t>(below(2)));
      case Type::boolean:
        return below(2) == 0 ? "true" : "false";
      case Type::choice:
        return "'" + std::string(property.choices[below(property.choices.size())].name) + "'";
      case Type::date: {
        // Also between two microseconds.
        std::string time = format_time(from_micros(std::get<std::int64_t>(value)));
        if (below(3) == 0) {
          time.insert(time.size() - 1, time.find('.') == std::string::npos ? ".0000005" : "");
        }
        return below(2) == 0 ? time : "'" + time + "'";
      }
      case Type::text:
      case Type::folded_text:
      case Type::guid:
      case Type::texts:
      case Type::opaque:
        break;
    }
    std::string text = text_of(property);
    if (below(8) == 0 && property.type != Type::guid) {
      text = below(2) == 0 ? text + "'" : "%_\"); DROP TABLE actions;--";
    }
    return quoted(text);
  }
  std::string comparison(const Property& property, const std::string& name, bool only_equal) {
    static constexpr const char* kOperators[] = {" eq ", " ne ", " gt ", " ge ", " lt ", " le "};
    if (below(4) == 0) {
      std::string out = name + " in (" + literal(property);
      for (std::uint64_t i = below(5); i > 0; --i) {
        out += "," + literal(property);
      }
      return out + ")";
    }
    return name + kOperators[below(only_equal ? (property.type == Type::texts ? 1 : 2) : 6)] +
           literal(property);
  }
  std::string function(const Property& property, const std::string& name) {
    static constexpr const char* kFunctions[] = {"startswith(", "endswith(", "contains("};
    std::string text = text_of(property);
    std::size_t from = text.empty() ? 0 : below(text.size());
    std::string piece = text.substr(below(2) == 0 ? 0 : from, below(4) + 1);
    return kFunctions[below(3)] + name + "," + quoted(piece) + ")";
  }
  std::string term() {
    const Property& property = *any_property();
    std::string name(property.name);
    switch (property.type) {
      case Type::texts: {
        std::string body =
            below(2) == 0 ? function(property, "x") : comparison(property, "x", true);
        return name + "/any(x: " + body + ")";
      }
      case Type::text:
      case Type::folded_text:
        return below(3) == 0 ? function(property, name) : comparison(property, name, false);
      case Type::boolean:
        return below(2) == 0 ? name : comparison(property, name, true);
      case Type::guid:
      case Type::choice:
        return comparison(property, name, true);
      case Type::number:
      case Type::date:
      case Type::opaque:
        break;
    }
    return comparison(property, name, false);
  }

  Random& random_;
  const server::odata::Entity& entity_;
  std::vector<server::odata::Getter> rows_;
};

}  // namespace reachback::testing
