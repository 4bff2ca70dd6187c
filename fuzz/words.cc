// Args. Words that were split, joined and split again are the same words, and so are words of any
// bytes but NUL that were joined and split.
#include "protocol/words.h"

#include <algorithm>

#include "fuzz/fuzz.h"

namespace reachback::fuzz {

void run(std::string_view text) {
  using protocol::join_words;
  using protocol::split_words;
  if (auto words = split_words(text)) {
    auto again = split_words(join_words(*words));
    FUZZ_CHECK(again && *again == *words);
    for (const std::string& word : *words) {
      FUZZ_CHECK(word.size() <= text.size() && word.find('\0') == std::string::npos);
    }
    FUZZ_CHECK(*split_words("\t" + std::string(text) + "\n ") == *words);
    // What a shell would expand is text here: without quotes and backslashes only blanks count.
    if (text.find_first_of("'\"\\") == std::string_view::npos) {
      std::string joined;
      for (const std::string& word : *words) {
        joined += word;
      }
      std::string plain(text);
      std::erase_if(plain, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
      FUZZ_CHECK(joined == plain);
    }
  } else {
    FUZZ_CHECK(words.error().code == Errc::invalid_input);
    FUZZ_CHECK(text.find_first_of(std::string_view("'\"\\\0", 4)) != std::string_view::npos);
  }

  std::vector<std::string> words;  // cut at NUL
  for (std::string_view rest = text; !rest.empty();) {
    auto end = std::min(rest.find('\0'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  auto again = split_words(join_words(words));
  FUZZ_CHECK(again && *again == words);
}

}  // namespace reachback::fuzz
