#include "protocol/words.h"

namespace reachback::protocol {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./:=@%+,").find(c) != std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  enum class Quote { none, single_quote, double_quote };
  if (text.find('\0') != std::string_view::npos) {
    return Error{Errc::invalid_input, "the arguments contain a NUL"};
  }
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;  // '' is a word too, so an empty `word` does not tell
  Quote quote = Quote::none;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == Quote::single_quote) {
      if (c == '\'') {
        quote = Quote::none;
      } else {
        word += c;
      }
      continue;
    }
    if (c == '\\') {
      if (i + 1 == text.size()) {
        return Error{Errc::invalid_input, quote == Quote::none
                                              ? "the arguments end in a backslash"
                                              : "the arguments have an unbalanced quote (\")"};
      }
      const char next = text[++i];
      if (quote == Quote::double_quote &&
          std::string_view("$`\"\\\n").find(next) == std::string_view::npos) {
        word += '\\';
      }
      in_word = in_word || next != '\n';
      if (next != '\n') {  // backslash and newline together are nothing: a continued line
        word += next;
      }
      continue;
    }
    if (quote == Quote::double_quote) {
      if (c == '"') {
        quote = Quote::none;
      } else {
        word += c;
      }
      continue;
    }
    if (is_blank(c)) {
      if (in_word) {
        words.push_back(std::move(word));
        word.clear();
        in_word = false;
      }
      continue;
    }
    in_word = true;
    if (c == '\'') {
      quote = Quote::single_quote;
    } else if (c == '"') {
      quote = Quote::double_quote;
    } else {
      word += c;
    }
  }
  if (quote != Quote::none) {
    return Error{Errc::invalid_input, quote == Quote::single_quote
                                          ? "the arguments have an unbalanced quote (')"
                                          : "the arguments have an unbalanced quote (\")"};
  }
  if (in_word) {
    words.push_back(std::move(word));
  }
  return words;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) {
      out += ' ';
    }
    bool plain = !word.empty();
    for (char c : word) {
      plain = plain && is_plain(c);
    }
    if (plain) {
      out += word;
      continue;
    }
    out += '\'';
    for (char c : word) {
      if (c == '\'') {
        out += "'\\''";
      } else {
        out += c;
      }
    }
    out += '\'';
  }
  return out;
}

}  // namespace reachback::protocol
