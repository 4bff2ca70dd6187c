#include "server/odata/lexer.h"

#include "base/bytes.h"

namespace reachback::server::odata {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
// The bytes that follow a character's first one in UTF-8.
bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t run_length(std::string_view text, std::string_view also) {
  std::size_t length = 0;
  while (length < text.size() && (is_digit(text[length]) || is_letter(text[length]) ||
                                  also.find(text[length]) != std::string_view::npos)) {
    ++length;
  }
  return length;
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  if (text.size() <= kShownMax) {
    return "'" + std::string(text) + "'";
  }
  text = text.substr(0, kShownMax);
  while (!is_valid_utf8(text)) {
    text.remove_suffix(1);
  }
  return "'" + std::string(text) + "...'";
}

void Lexer::skip(std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    at_ += continues_character(rest_[i]) ? 0 : 1;
  }
  rest_.remove_prefix(bytes);
}

Error Lexer::error(std::size_t at, std::string_view what) const {
  return Error{Errc::invalid_query, std::string(option_) + ", character " + std::to_string(at) +
                                        ": " + std::string(what)};
}

Result<Token> Lexer::next() {
  while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) {
    skip(1);
  }
  Token token;
  token.at = at_;
  if (rest_.empty()) {
    return token;
  }
  const char first = rest_[0];
  if (first == '\'') {
    return quoted(std::move(token));
  }
  if (std::string_view("(),:/").find(first) != std::string_view::npos) {
    token.kind = Token::Kind::sign;
    token.text = first;
    skip(1);
    return token;
  }
  std::size_t length = 0;
  if (is_letter(first)) {
    token.kind = Token::Kind::word;
    length = run_length(rest_, ".");
    // Nothing is subtracted here: a GUID that begins with a letter.
    if (length < rest_.size() && rest_[length] == '-') {
      token.kind = Token::Kind::literal;
      length = run_length(rest_, ".-");
    }
  } else if (is_digit(first) ||
             ((first == '-' || first == '+') && rest_.size() > 1 && is_digit(rest_[1]))) {
    token.kind = Token::Kind::literal;
    length = 1 + run_length(rest_.substr(1), ".-+:");
  } else {
    std::size_t end = 1;
    while (end < rest_.size() && continues_character(rest_[end])) {
      ++end;
    }
    return error(at_, shown(rest_.substr(0, end)) + " is not expected here");
  }
  token.text = rest_.substr(0, length);
  skip(length);
  return token;
}

Result<Token> Lexer::quoted(Token token) {
  token.kind = Token::Kind::text;
  std::size_t end = 1;
  while (true) {
    std::size_t quote = rest_.find('\'', end);
    if (quote == std::string_view::npos) {
      return error(token.at, "this text has no closing '");
    }
    token.text += rest_.substr(end, quote - end);
    end = quote + 1;
    if (end == rest_.size() || rest_[end] != '\'') {
      break;
    }
    token.text += '\'';
    ++end;
  }
  skip(end);
  return token;
}

}  // namespace reachback::server::odata
