#include "server/odata/literal.h"

#include <charconv>
#include <chrono>

#include "base/bytes.h"

namespace reachback::server::odata {
namespace {

// Takes pieces off the front of a date; after the first one that is missing, all are.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  // Exactly `digits` digits, of a value from `min` to `max`.
  int number(std::size_t digits, int min, int max) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      char c = i < rest_.size() ? rest_[i] : 'x';
      if (c < '0' || c > '9') {
        bad_ = true;
        return min;
      }
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    bad_ = bad_ || value < min || value > max;
    return value;
  }
  bool take(char wanted) {
    bool there = !rest_.empty() && to_lower(rest_.substr(0, 1))[0] == wanted;
    rest_.remove_prefix(there ? 1 : 0);
    return there;
  }
  void want(char wanted) { bad_ = !take(wanted) || bad_; }
  bool next_is_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }
  void refuse() { bad_ = true; }
  bool whole() const { return !bad_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool bad_ = false;
};

// Microseconds of ".123456789012"; the point is taken already.
std::int64_t fraction(Pieces& pieces, bool& rounded) {
  constexpr int kDigitsMax = 12;
  std::int64_t micros = 0;
  int digits = 0;
  for (; pieces.next_is_digit() && digits <= kDigitsMax; ++digits) {
    int digit = pieces.number(1, 0, 9);
    if (digits < 6) {
      micros = micros * 10 + digit;
    } else {
      rounded = rounded || digit != 0;
    }
  }
  if (digits == 0 || digits > kDigitsMax) {
    pieces.refuse();
  }
  for (; digits < 6; ++digits) {
    micros *= 10;
  }
  return micros;
}

Error wrong_type(const Lexer& lexer, const Property& property, const Token& token,
                 std::string_view wanted) {
  std::string what = token.kind == Token::Kind::end ? std::string("the end") : shown(token.text);
  return lexer.error(token.at, what + " is not " + std::string(wanted) + ", as " +
                                   std::string(property.name) + " is");
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// Lower case; nullopt: no GUID.
std::optional<std::string> parse_guid(std::string_view text) {
  if (text.size() != 36) {
    return std::nullopt;
  }
  std::string out = to_lower(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool hex = (out[i] >= '0' && out[i] <= '9') || (out[i] >= 'a' && out[i] <= 'f');
    if (dash ? out[i] != '-' : !hex) {
      return std::nullopt;
    }
  }
  return out;
}

Result<Literal> parse_choice(const Lexer& lexer, const Property& property, const Token& token) {
  std::string names;
  for (const Choice& choice : property.choices) {
    if (token.kind == Token::Kind::text && equals_ignore_case(choice.name, token.text)) {
      return Literal{Value(choice.number)};
    }
    names += (names.empty() ? "'" : ", '") + std::string(choice.name) + "'";
  }
  // A long list would not fit into a message.
  constexpr std::size_t kNamesMax = 120;
  if (token.kind != Token::Kind::text) {
    return wrong_type(lexer, property, token, "a text in quotes");
  }
  return lexer.error(token.at, shown(token.text) + " is no value of " + std::string(property.name) +
                                   (names.size() <= kNamesMax ? ": " + names : ""));
}

Result<Literal> parse_text(const Lexer& lexer, const Property& property, const Token& token) {
  if (token.kind != Token::Kind::text) {
    return wrong_type(lexer, property, token, "a text in quotes");
  }
  bool folded = property.type == Type::folded_text;
  return Literal{Value(folded ? to_lower(token.text) : token.text)};
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  using namespace std::chrono;
  Pieces pieces(text);
  int y = pieces.number(4, 1, 9999);
  pieces.want('-');
  int m = pieces.number(2, 1, 12);
  pieces.want('-');
  int d = pieces.number(2, 1, 31);
  Moment out;
  seconds time{0}, offset{0};
  std::int64_t micros = 0;
  if (pieces.take('t')) {
    time = hours(pieces.number(2, 0, 23));
    pieces.want(':');
    time += minutes(pieces.number(2, 0, 59));
    if (pieces.take(':')) {
      time += seconds(pieces.number(2, 0, 59));
      if (pieces.take('.')) {
        micros = fraction(pieces, out.rounded);
      }
    }
    bool east = pieces.take('+');
    if (east || pieces.take('-')) {
      int h = pieces.number(2, 0, 14);
      pieces.want(':');
      offset = hours(h) + minutes(pieces.number(2, 0, h == 14 ? 0 : 59));
      offset = east ? offset : -offset;
    } else {
      pieces.take('z');
    }
  } else {
    pieces.take('z');
  }
  const year_month_day day{year(y), month(static_cast<unsigned>(m)),
                           std::chrono::day(static_cast<unsigned>(d))};
  if (!pieces.whole() || !day.ok()) {
    return std::nullopt;
  }
  sys_seconds at = sys_days(day) + time - offset;
  out.micros = duration_cast<microseconds>(at.time_since_epoch()).count() + micros;
  return out;
}

Result<Literal> parse_literal(const Lexer& lexer, const Property& property, const Token& token) {
  if (token.kind == Token::Kind::word && equals_ignore_case(token.text, "null")) {
    return Literal{};
  }
  bool bare = token.kind == Token::Kind::literal;
  bool bare_or_quoted = bare || token.kind == Token::Kind::text;
  switch (property.type) {
    case Type::text:
    case Type::folded_text:
    case Type::texts:
      return parse_text(lexer, property, token);
    case Type::choice:
      return parse_choice(lexer, property, token);
    case Type::guid:
      if (auto guid = bare_or_quoted ? parse_guid(token.text) : std::nullopt) {
        return Literal{Value(std::move(*guid))};
      }
      return wrong_type(lexer, property, token, "a GUID");
    case Type::number:
      if (auto number = bare ? parse_number(token.text) : std::nullopt) {
        return Literal{Value(*number)};
      }
      return wrong_type(lexer, property, token, "a whole number");
    case Type::date:
      if (auto moment = bare_or_quoted ? parse_moment(token.text) : std::nullopt) {
        return Literal{Value(moment->micros), moment->rounded};
      }
      return wrong_type(lexer, property, token, "a date and time");
    case Type::boolean:
      if (token.kind == Token::Kind::word && equals_ignore_case(token.text, "true")) {
        return Literal{Value(std::int64_t{1})};
      }
      if (token.kind == Token::Kind::word && equals_ignore_case(token.text, "false")) {
        return Literal{Value(std::int64_t{0})};
      }
      return wrong_type(lexer, property, token, "true or false");
    case Type::opaque:
      break;
  }
  return lexer.error(token.at, std::string(property.name) + " cannot be filtered by");
}

}  // namespace reachback::server::odata
