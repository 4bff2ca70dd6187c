#include "cli/result_file.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace reachback::cli {
namespace {

using std::string_literals::operator""s;

struct Read {
  bool ok = true;
  std::string output, errors;
  std::optional<std::int64_t> exit_code;
  bool operator==(const Read&) const = default;
};

Read read(const std::vector<std::string_view>& pieces) {
  Read out;
  ResultFileReader reader([&out](ScriptStream stream, std::string_view piece) {
    (stream == ScriptStream::output ? out.output : out.errors) += piece;
    return true;
  });
  for (std::string_view piece : pieces) {
    out.ok = out.ok && reader.feed(piece).ok();
  }
  out.ok = out.ok && reader.finish().ok();
  out.exit_code = reader.exit_code();
  return out;
}

// Source: mde-spec.md §3.3, with the padding that Windows machines send.
const std::string kResult =
    R"({"script_name":"minidump.ps1","exit_code":-3,"script_output":"a\n\"ü\u00fc\\\ud83d\ude00)"
    R"(机\u0000\u0000\t\/","script_errors":"bad: \u001b[31m\r\n","script_error":"bad again",)"
    R"("more":{"script_output":"no","exit_code":9,"deep":[[1.5e3,null,true,"script_errors"]]}})";

const Read kExpected = {true, "a\n\"üü\\😀机\0\0\t/"s, "bad: \x1b[31m\r\n", -3};

TEST(ResultFile, its_members_come_out_decoded) {
  Read out = read({kResult});
  EXPECT_TRUE(out.ok);
  EXPECT_EQ(out.output, kExpected.output);
  EXPECT_EQ(out.errors, kExpected.errors);
  EXPECT_EQ(out.exit_code, kExpected.exit_code);
}

TEST(ResultFile, it_does_not_matter_where_the_text_is_cut) {
  std::string_view text = kResult;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    ASSERT_EQ(read({text.substr(0, i), text.substr(i)}), kExpected) << i;
    for (std::size_t j = i; j <= std::min(i + 14, text.size()); ++j) {
      ASSERT_EQ(read({text.substr(0, i), text.substr(i, j - i), text.substr(j)}), kExpected);
    }
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bytes.push_back(text.substr(i, 1));
  }
  EXPECT_EQ(read(bytes), kExpected);
}

TEST(ResultFile, the_older_spelling_counts_when_it_is_alone_or_first) {
  EXPECT_EQ(read({R"({"script_error":"x"})"}).errors, "x");
  EXPECT_EQ(read({R"({"script_error":"x","script_errors":"x"})"}).errors, "x");
}

TEST(ResultFile, members_may_be_missing_null_or_of_another_type) {
  Read empty;
  EXPECT_EQ(read({"{}"}), empty);
  EXPECT_EQ(read({R"({"exit_code":null,"script_output":null,"script_errors":7})"}), empty);
  EXPECT_EQ(read({R"({"exit_code":"3","script_output":["x"]})"}), empty);
  EXPECT_EQ(read({R"({"exit_code":1.5})"}), empty);
  EXPECT_EQ(read({R"({"exit_code":323})"}).exit_code, 323);
  EXPECT_EQ(read({" {\"exit_code\" : 0} \n"}).exit_code, 0);
}

TEST(ResultFile, a_long_key_is_nobodys) {
  std::string key(100'000, 'k');
  EXPECT_EQ(read({"{\"" + key + "\":\"x\",\"exit_code\":4}"}).exit_code, 4);
}

TEST(ResultFile, what_is_no_result_is_an_error) {
  for (std::string_view text :
       {"", "{", "[]", "7", "\"x\"", "nonsense", "{} {}", "{}x", R"({"script_output":"cut)",
        R"({"script_output":"\ud83d"})", "{\"script_output\":\"raw\nnewline\"}",
        "\x1f\x8b\x08 gzip", "{\"script_output\":\"\xff\"}"}) {
    EXPECT_FALSE(read({text}).ok) << text;
  }
  EXPECT_FALSE(read({R"({"a":)" + std::string(100'000, '[')}).ok);
}

TEST(ResultFile, the_sink_can_end_the_reading) {
  int calls = 0;
  ResultFileReader reader([&calls](ScriptStream, std::string_view) { return ++calls < 1; });
  EXPECT_FALSE(reader.feed(kResult).ok());
  EXPECT_EQ(calls, 1);
}

TEST(ResultFile, pieces_stay_small_however_long_the_text_is) {
  std::size_t largest = 0, total = 0;
  ResultFileReader reader([&](ScriptStream, std::string_view piece) {
    largest = std::max(largest, piece.size());
    total += piece.size();
    return true;
  });
  std::string block(1 << 16, 'x');
  ASSERT_TRUE(reader.feed(R"({"script_output":")").ok());
  for (int i = 0; i < 1600; ++i) {  // 100 MiB
    ASSERT_TRUE(reader.feed(block).ok());
  }
  ASSERT_TRUE(reader.feed(R"("})").ok());
  ASSERT_TRUE(reader.finish().ok());
  EXPECT_EQ(total, std::size_t{1600} << 16);
  EXPECT_LE(largest, block.size());
}

}  // namespace
}  // namespace reachback::cli
