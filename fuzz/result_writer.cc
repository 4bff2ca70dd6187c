// The result file. Whatever a script writes, the file is one JSON object in UTF-8 with the five
// keys in their order; a stream that it says exactly reads back byte for byte, another one as the
// Unicode standard replaces it.
#include "agent/command/result_writer.h"

#include <algorithm>

#include "agent/command/utf8.h"
#include "agent/ports/memory_file.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "fuzz/fuzz.h"
#include "json/json.h"

namespace reachback::fuzz {
namespace {

using namespace agent;

// U+FFFD for each maximal part of a sequence that can still become UTF-8, by trying.
std::string replaced(std::string_view text) {
  auto can_become = [](std::string_view part) {
    for (std::size_t more = 0; more < 4; ++more) {
      for (unsigned char second : {0x80, 0x90, 0xa0}) {
        std::string tried(part);
        for (std::size_t i = 0; i < more; ++i) {
          tried += static_cast<char>(i == 0 ? second : 0x80);
        }
        if (tried.size() <= 4 && is_valid_utf8(tried) && tried.size() > 1) {
          // One character only.
          bool one = static_cast<unsigned char>(tried[0]) >= 0xc2;
          for (std::size_t i = 1; i < tried.size(); ++i) {
            one = one && (static_cast<unsigned char>(tried[i]) & 0xc0) == 0x80;
          }
          if (one) {
            return true;
          }
        }
      }
    }
    return false;
  };
  std::string out;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < 4 && size < text.size() && !is_valid_utf8(text.substr(0, size)) &&
           can_become(text.substr(0, size + 1))) {
      ++size;
    }
    std::string_view part = text.substr(0, size);
    out += is_valid_utf8(part) ? part : std::string_view("\xef\xbf\xbd");
    text.remove_prefix(size);
  }
  return out;
}

std::string escaped(std::string_view text, std::uint8_t seed, bool& exact) {
  std::string out;
  JsonText writer(out);
  for (Cuts cuts(text, seed); !cuts.done();) {
    writer.add(cuts.next());
  }
  writer.finish();
  exact = writer.is_exact();
  return out;
}

void check_stream(const json::Object& result, std::string_view key, std::string_view stream,
                  bool exact, std::size_t plain) {
  std::string_view text = result.at(key).get_string();
  FUZZ_CHECK(exact == is_valid_utf8(stream));
  // The padding in front is plain and long: it is compared as it is.
  FUZZ_CHECK(text.substr(0, plain) == stream.substr(0, plain));
  FUZZ_CHECK(text.substr(plain) == replaced(stream.substr(plain)));
}

}  // namespace

// Input: how much padding moves the text across the pieces that are read, a seed for cuts, the
// script's name on a line, standard output up to the first NUL NUL, standard error.
void run(std::string_view input) {
  Input in(input);
  const unsigned padding = in.choice(64);
  const std::uint8_t seed = in.byte();
  const std::string name(in.line());
  const std::size_t plain = padding < 60 ? 0 : (64 << 10) - (padding - 60);
  const auto middle = std::min(in.rest().find(std::string_view("\0\0", 2)), in.rest().size());
  const std::string out = std::string(plain, 'a') + std::string(in.rest().substr(0, middle));
  const std::string errors(in.rest().substr(std::min(middle + 2, in.rest().size())));

  Fd out_file = std::move(*sealed_memory_file(out)),
     error_file = std::move(*sealed_memory_file(errors));
  Fd file = std::move(*make_memory_file());
  const std::int32_t code = static_cast<std::int32_t>(seed * 0x01010101u);
  auto written = write_result({name, code, out_file.get(), error_file.get()}, file.get());
  FUZZ_CHECK(written.ok());
  std::string text(static_cast<std::size_t>(*file_bytes(file.get())), '\0');
  FUZZ_CHECK(*read_at(file.get(), text.data(), text.size(), 0) == text.size());
  FUZZ_CHECK(written->bytes == text.size() && written->sha256 == crypto::sha256(text));
  auto digest = digest_file(file.get());
  FUZZ_CHECK(digest && digest->bytes == written->bytes && digest->sha256 == written->sha256);

  auto value = json::parse(text);
  FUZZ_CHECK(value && value->is_object() && value->get_object().size() == 5);
  const json::Object& result = value->get_object();
  const char* keys[] = {"script_name", "exit_code", "script_output", "script_errors",
                        "script_error"};
  auto member = result.begin();
  for (const char* key : keys) {
    FUZZ_CHECK(std::string_view((member++)->key()) == key);
  }
  FUZZ_CHECK(result.at("exit_code").as_int64() == code);
  FUZZ_CHECK(std::string_view(result.at("script_name").as_string()) == replaced(name));
  check_stream(result, "script_output", out, written->stdout_exact, plain);
  check_stream(result, "script_errors", errors, written->stderr_exact, 0);
  FUZZ_CHECK(result.at("script_error") == result.at("script_errors"));

  bool whole_exact = false, pieces_exact = false;
  FUZZ_CHECK(escaped(errors, 0, whole_exact) == escaped(errors, seed, pieces_exact));
  FUZZ_CHECK(whole_exact == pieces_exact);
}

}  // namespace reachback::fuzz
