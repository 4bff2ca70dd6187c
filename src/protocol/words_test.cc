#include "protocol/words.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <random>

namespace reachback::protocol {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text) {
  auto words = split_words(text);
  EXPECT_TRUE(words.ok()) << text << ": " << (words.ok() ? "" : words.error().message);
  return words.ok() ? *words : Words{"<error>"};
}

TEST(Words, SplitsAsAPosixShellDoes) {
  struct Row {
    std::string_view text;
    Words words;
  };
  const Row rows[] = {
      {"", {}},
      {"   \t\n ", {}},
      {"a b", {"a", "b"}},
      {"  a\t\tb\nc  ", {"a", "b", "c"}},
      {"'a b' c", {"a b", "c"}},
      {"\"a b\" c", {"a b", "c"}},
      {"a'b'\"c\"d", {"abcd"}},
      {"''", {""}},
      {"\"\" '' x", {"", "", "x"}},
      {"a\\ b", {"a b"}},
      {"'\\'", {"\\"}},
      {"\"\\$ \\` \\\" \\\\ \\n\"", {"$ ` \" \\ \\n"}},
      {"\\n\\'\\\"", {"n'\""}},
      {"a\\\nb", {"ab"}},
      {"a \\\n b", {"a", "b"}},
      {"\"a\\\nb\"", {"ab"}},
      {"$HOME `id` $(id) * ? ~ ; | & > < # {a,b} !x",
       {"$HOME", "`id`", "$(id)", "*", "?", "~", ";", "|", "&", ">", "<", "#", "{a,b}", "!x"}},
      {"-c -- --x=\"1 2\"", {"-c", "--", "--x=1 2"}},
      {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x92\xa5", {"gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x92\xa5"}},
      {"a\rb\vc", {"a\rb\vc"}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(split(row.text), row.words) << row.text;
  }
}

TEST(Words, RefusesWhatAShellWouldWaitFor) {
  for (std::string_view text : {"'", "\"", "a 'b", "a \"b", "\"\\\"", "'a\\'b'", "\"a\\"}) {
    auto words = split_words(text);
    ASSERT_FALSE(words.ok()) << text;
    EXPECT_EQ(words.error().code, Errc::invalid_input);
    EXPECT_NE(words.error().message.find("unbalanced quote"), std::string::npos) << text;
  }
  auto ends = split_words("a b\\");
  ASSERT_FALSE(ends.ok());
  EXPECT_NE(ends.error().message.find("end in a backslash"), std::string::npos);
  EXPECT_FALSE(split_words(std::string_view("a\0b", 3)).ok());
}

// 200,000 lists of words over the characters that matter.
TEST(Words, JoiningAndSplittingGivesTheSameWords) {
  std::mt19937_64 random(20261123);
  const std::string alphabet = "ab '\"\\\n\t\r$`*;|&<>()#~!-=\x01\x7f\xc3\xbc\xff";
  for (int round = 0; round < 200000; ++round) {
    Words words(random() % 5);
    for (auto& word : words) {
      word.resize(random() % 8);
      for (char& c : word) {
        c = alphabet[random() % alphabet.size()];
      }
    }
    const std::string text = join_words(words);
    auto again = split_words(text);
    ASSERT_TRUE(again.ok()) << text;
    ASSERT_EQ(*again, words) << text;
  }
}

TEST(Words, NeverReadsPastTheEndOfAnyText) {
  std::mt19937_64 random(7);
  const std::string alphabet = "a '\"\\\n$";
  for (int round = 0; round < 200000; ++round) {
    std::string text(random() % 12, 'x');
    for (char& c : text) {
      c = alphabet[random() % alphabet.size()];
    }
    auto words = split_words(text);
    if (words.ok()) {
      auto again = split_words(join_words(*words));
      ASSERT_TRUE(again.ok());
      ASSERT_EQ(*again, *words);
    }
  }
}

// The shell is the reference: what join_words writes, sh reads as the same words.
TEST(Words, AShellReadsTheSameWords) {
  const Words words = {"a b", "",   "it's", "\"q\"", "$HOME", "`id`",
                       "*",   "\\", "a\nb", "-n",    "\xff"};
  const std::string command = "printf '%s\\0' " + join_words(words);
  FILE* pipe = ::popen(("/bin/sh -c " + join_words({command})).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string out;
  std::array<char, 256> buffer;
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), n);
  }
  ASSERT_EQ(::pclose(pipe), 0);
  std::string expected;
  for (const auto& word : words) {
    expected += word + '\0';
  }
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace reachback::protocol
