// The CLI's reader of result files. Pieces read as the whole does; what the strict JSON reader
// calls an object is read, with the same text and exit code; constant memory is the unit tests'
// matter.
#include "cli/result_file.h"

#include "fuzz/fuzz.h"
#include "json/json.h"

namespace reachback::fuzz {
namespace {

using cli::ResultFileReader;
using cli::ScriptStream;

struct Read {
  bool ok = false;
  std::string output, errors;
  std::optional<std::int64_t> exit_code;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view text, std::uint8_t seed) {
  Read out;
  ResultFileReader reader([&out](ScriptStream stream, std::string_view piece) {
    FUZZ_CHECK(!piece.empty());
    (stream == ScriptStream::output ? out.output : out.errors) += piece;
    return true;
  });
  for (Cuts cuts(text, seed); !cuts.done();) {
    if (!reader.feed(cuts.next())) {
      return {};
    }
  }
  out.ok = reader.finish().ok();
  out.exit_code = reader.exit_code();
  return out.ok ? out : Read{};
}

std::string text_of(const json::Object& object, std::string_view key) {
  const json::Value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

void check_stop(std::string_view text, const Read& whole) {
  std::size_t calls = 0;
  ResultFileReader reader([&calls](ScriptStream, std::string_view) {
    FUZZ_CHECK(++calls == 1);  // none comes after the one that said no
    return false;
  });
  auto fed = reader.feed(text);
  FUZZ_CHECK(fed.ok() == (whole.output.empty() && whole.errors.empty()));
  FUZZ_CHECK(fed || fed.error().code == Errc::timed_out);
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t seed = in.byte();
  const std::string_view text = in.rest();
  const Read whole = read(text, 0);
  FUZZ_CHECK(read(text, seed) == whole);
  if (whole.ok) {
    check_stop(text, whole);
  }
  auto value = json::parse(text);
  if (value && value->is_object()) {
    const json::Object& object = value->get_object();
    FUZZ_CHECK(whole.ok);
    FUZZ_CHECK(whole.output == text_of(object, "script_output"));
    const bool both = object.contains("script_error") && object.contains("script_errors");
    FUZZ_CHECK(whole.errors == text_of(object, "script_errors") ||
               whole.errors == text_of(object, "script_error"));
    FUZZ_CHECK(both ||
               whole.errors == text_of(object, "script_errors") + text_of(object, "script_error"));
    const json::Value* code = object.if_contains("exit_code");
    FUZZ_CHECK(code == nullptr || !code->is_int64() || whole.exit_code == code->get_int64());
  }
}

}  // namespace reachback::fuzz
