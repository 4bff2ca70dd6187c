// $orderby and $select: properties with commas between them.
#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "server/odata/lexer.h"
#include "server/odata/parser.h"

namespace reachback::server::odata {
namespace {

Result<void> check_length(std::string_view option, std::string_view text, const Bounds& bounds) {
  if (text.size() > bounds.text_bytes) {
    return Error{Errc::invalid_query, std::string(option) + " is longer than " +
                                          std::to_string(bounds.text_bytes) + " bytes"};
  }
  return {};
}

// The property that the token names, for options that list some.
Result<const Property*> listed(const Entity& entity, const Lexer& lexer, const Token& token) {
  if (token.kind == Token::Kind::end) {
    return lexer.error(token.at, "a property is missing");
  }
  const Property* property = token.kind == Token::Kind::word ? entity.find(token.text) : nullptr;
  if (property == nullptr) {
    return lexer.error(token.at,
                       shown(token.text) + " is no property of " + std::string(entity.name));
  }
  return property;
}

}  // namespace

Result<std::vector<OrderKey>> parse_order(const Entity& entity, std::string_view text,
                                          const Bounds& bounds) {
  RB_TRY(check_length("$orderby", text, bounds));
  Lexer lexer("$orderby", text);
  std::vector<OrderKey> keys;
  OrderKey last;
  for (std::uint64_t n = 1;; ++n) {
    RB_TRY_ASSIGN(Token token, lexer.next());
    RB_TRY_ASSIGN(const Property* property, listed(entity, lexer, token));
    if (property->type == Type::opaque || property->type == Type::texts) {
      return lexer.error(token.at, std::string(property->name) + " cannot be ordered by");
    }
    if (n > bounds.order_keys) {
      return lexer.error(token.at,
                         "more than " + std::to_string(bounds.order_keys) + " properties");
    }
    RB_TRY_ASSIGN(token, lexer.next());
    last = OrderKey{property,
                    token.kind == Token::Kind::word && equals_ignore_case(token.text, "desc")};
    bool direction = last.descending ||
                     (token.kind == Token::Kind::word && equals_ignore_case(token.text, "asc"));
    if (direction) {
      RB_TRY_ASSIGN(token, lexer.next());
    }
    // Nothing is left to order behind the key, and a constant orders nothing.
    bool settled = std::any_of(keys.begin(), keys.end(), [&](const OrderKey& k) {
      return k.property == property || k.property == entity.key;
    });
    if (!settled && !property->constant) {
      keys.push_back(last);
    }
    if (token.kind == Token::Kind::end) {
      break;
    }
    if (!token.is_sign(',')) {
      return lexer.error(token.at, shown(token.text) + " stands where ',' is expected");
    }
  }
  if (keys.empty()) {
    return entity.default_order;
  }
  bool total = std::any_of(keys.begin(), keys.end(),
                           [&](const OrderKey& k) { return k.property == entity.key; });
  if (!total) {
    keys.push_back(OrderKey{entity.key, last.descending});
  }
  return keys;
}

Result<std::vector<const Property*>> parse_select(const Entity& entity, std::string_view text,
                                                  const Bounds& bounds) {
  RB_TRY(check_length("$select", text, bounds));
  if (trim_blanks(text) == "*") {
    return std::vector<const Property*>();
  }
  Lexer lexer("$select", text);
  std::vector<const Property*> chosen;
  while (true) {
    RB_TRY_ASSIGN(Token token, lexer.next());
    RB_TRY_ASSIGN(const Property* property, listed(entity, lexer, token));
    if (std::find(chosen.begin(), chosen.end(), property) == chosen.end()) {
      chosen.push_back(property);
    }
    RB_TRY_ASSIGN(token, lexer.next());
    if (token.kind == Token::Kind::end) {
      return chosen;
    }
    if (!token.is_sign(',')) {
      return lexer.error(token.at, shown(token.text) + " stands where ',' is expected");
    }
  }
}

}  // namespace reachback::server::odata
