// Runs every pair of tests/golden/*.http through the API over fakes. The format is described in
// tests/golden/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = fs::path(REACHBACK_SOURCE_DIR) / "tests" / "golden";

struct Message {
  std::string first_line;
  test::HeaderList headers;
  std::string body;
};

struct Pair {
  std::vector<std::pair<std::string, std::string>> directives;  // "# Name: value"
  Message request, expected;

  std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& [key, value] : directives) {
      if (key == name) {
        out.push_back(value);
      }
    }
    return out;
  }
};

std::string trimmed(std::string text) {
  auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.back())) {
    text.pop_back();
  }
  text.erase(0, text.find_first_not_of(" \n\r"));
  return text;
}

// Start line, headers, an empty line, the body.
Message parse_message(std::string text) {
  Message out;
  text = trimmed(std::move(text));
  auto body = text.find("\n\n");
  std::string head = text.substr(0, body);
  out.body = body == std::string::npos ? "" : trimmed(text.substr(body));
  std::istringstream lines(head);
  std::getline(lines, out.first_line);
  for (std::string line; std::getline(lines, line);) {
    auto colon = line.find(':');
    if (colon == std::string::npos) {
      ADD_FAILURE() << "not a header: " << line;
      continue;
    }
    out.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  return out;
}

Pair parse_pair(const std::string& text) {
  Pair out;
  std::string messages;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto colon = line.find(": ");
    if (!messages.empty() || !line.starts_with('#')) {
      messages += line + "\n";
    } else if (colon != std::string::npos) {
      out.directives.emplace_back(line.substr(2, colon - 2), line.substr(colon + 2));
    }
  }
  auto cut = messages.find("\n----\n");
  if (cut == std::string::npos) {
    ADD_FAILURE() << "no line of four dashes";
    return out;
  }
  out.request = parse_message(messages.substr(0, cut));
  out.expected = parse_message(messages.substr(cut + 6));
  return out;
}

bool is_time(std::string_view text) {
  return parse_time(text).has_value();
}
bool is_guid(std::string_view text) {
  return UuidId<struct GuidTag>::parse(text).has_value() && to_lower(text) == text;
}

// Whether `text` is `pattern`, where {guid}, {time}, {number} and {any} stand for such a value up
// to the next quote, comma or blank. Otherwise where they part.
std::string differs(std::string_view pattern, std::string_view text) {
  while (!pattern.empty()) {
    bool matched = false;
    for (std::string_view name : {"{guid}", "{time}", "{number}", "{any}"}) {
      if (!pattern.starts_with(name)) {
        continue;
      }
      std::string_view value = text.substr(0, std::min(text.find_first_of("\", }"), text.size()));
      bool fits = name == "{guid}" ? is_guid(value)
                  : name == "{time}"
                      ? is_time(value)
                      : !value.empty() && (name == "{any}" ||
                                           value.find_first_not_of("0123456789") == value.npos);
      if (!fits) {
        return "at '" + std::string(text.substr(0, 60)) + "', expected " + std::string(name);
      }
      pattern.remove_prefix(name.size());
      text.remove_prefix(value.size());
      matched = true;
    }
    if (matched) {
      continue;
    }
    if (text.empty() || pattern.front() != text.front()) {
      return "at '" + std::string(text.substr(0, 60)) + "', expected '" +
             std::string(pattern.substr(0, 60)) + "'";
    }
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  return text.empty() ? "" : "more follows: '" + std::string(text.substr(0, 60)) + "'";
}

Errc errc_of(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    if (to_string(static_cast<Errc>(i)) == name) {
      return static_cast<Errc>(i);
    }
  }
  ADD_FAILURE() << "no such error code: " << name;
  return Errc::internal;
}

// "# Given: ..." sets the scene.
void set_scene(test::World& world, const Pair& pair, const Message& request) {
  for (const std::string& given : pair.all("Given")) {
    std::istringstream words(given);
    std::string what, detail;
    words >> what >> detail;
    if (what == "fails") {
      world.live.failure = Error{errc_of(detail), "the reason"};
    } else if (what == "calls") {
      for (int i = std::atoi(detail.c_str()); i > 0; --i) {
        auto space = request.first_line.find(' ');
        world.send(request.first_line.substr(0, space), request.first_line.substr(space + 1),
                   request.headers, request.body);
      }
    } else if (what == "no-machines") {
      world.machines.empty = true;
    } else if (what == "device-groups") {
      world.machines.device_groups.set(test::kTenant, {{test::kTenant, 3, "Berlin", "triage", {}},
                                                       {test::kTenant, 2, "Servers", "srv", {}}});
    } else {
      ADD_FAILURE() << "unknown scene: " << given;
    }
  }
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, TheAnswerIsTheExpectedOne) {
  auto text = read_file((kFolder / GetParam()).string());
  ASSERT_TRUE(text.ok()) << text.error().message;
  Pair pair = parse_pair(*text);
  EXPECT_FALSE(pair.all("Source").empty()) << "a pair names the document it was written from";
  Message request = pair.request;
  auto crlf = [](std::string body) {
    for (std::size_t at = 0; (at = body.find('\n', at)) != std::string::npos; at += 2) {
      body.replace(at, 1, "\r\n");
    }
    return body + "\r\n";
  };
  for (const auto& [name, value] : request.headers) {
    if (value.starts_with("multipart/")) {
      request.body = crlf(request.body);
    }
  }
  test::World world;
  set_scene(world, pair, request);
  auto space = request.first_line.find(' ');
  auto reply = world.send(request.first_line.substr(0, space), request.first_line.substr(space + 1),
                          request.headers, request.body);
  EXPECT_EQ(std::to_string(reply.status), pair.expected.first_line) << reply.body;
  for (const auto& [name, value] : pair.expected.headers) {
    EXPECT_EQ(differs(value, reply.header(name)), "") << name << ": " << reply.header(name);
  }
  EXPECT_EQ(differs(pair.expected.body, reply.body), "") << reply.body;
}

std::vector<std::string> files() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".http") {
      out.push_back(entry.path().filename().string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Pairs, Golden, ::testing::ValuesIn(files()), test_name);

TEST(GoldenFormat, SeesADifference) {
  EXPECT_EQ(differs("a{guid}b", "a20d1de3f-acef-4715-8bed-a92223c5553c\"b").substr(0, 2), "at");
  EXPECT_EQ(differs("\"{guid}\"", "\"20d1de3f-acef-4715-8bed-a92223c5553c\""), "");
  EXPECT_NE(differs("\"{guid}\"", "\"20d1de3f\""), "");
  EXPECT_NE(differs("\"{time}\"", "\"2021\""), "");
  EXPECT_NE(differs("{\"a\":1}", "{\"a\": 1}"), "");
  EXPECT_NE(differs("a", "ab"), "");
  EXPECT_NE(differs("ab", "a"), "");
}

}  // namespace
}  // namespace reachback::server::rest
