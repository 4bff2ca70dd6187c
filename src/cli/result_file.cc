#include "cli/result_file.h"

#include <boost/json/basic_parser_impl.hpp>

namespace reachback::cli {
namespace {

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kKeyBytesMax = 64;  // longer ones are not ours

enum class Member { other, exit_code, output, errors };

struct Handler {
  constexpr static std::size_t max_object_size = std::size_t(-1);
  constexpr static std::size_t max_array_size = std::size_t(-1);
  constexpr static std::size_t max_key_size = std::size_t(-1);
  constexpr static std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  ResultFileReader::Sink sink;
  std::size_t depth = 0;
  bool is_object = false;
  bool stopped = false;
  std::string key;
  Member member = Member::other;
  std::string errors_key;  // the spelling that was seen first
  std::optional<std::int64_t> exit_code;

  bool open() {
    ++depth;
    return true;
  }
  bool close() {
    --depth;
    return true;
  }
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    is_object = is_object || depth == 0;
    return open();
  }
  bool on_object_end(std::size_t, error_code&) { return close(); }
  bool on_array_begin(error_code&) { return open(); }
  bool on_array_end(std::size_t, error_code&) { return close(); }

  bool on_key_part(string_view s, std::size_t, error_code&) {
    if (depth == 1 && key.size() <= kKeyBytesMax) {
      key.append(s.data(), s.size());
    }
    return true;
  }
  bool on_key(string_view s, std::size_t n, error_code& error) {
    on_key_part(s, n, error);
    if (depth == 1) {
      member = key == "exit_code"       ? Member::exit_code
               : key == "script_output" ? Member::output
                                        : Member::other;
      if (key == "script_errors" || key == "script_error") {
        errors_key = errors_key.empty() ? key : errors_key;
        member = errors_key == key ? Member::errors : Member::other;
      }
      key.clear();
    }
    return true;
  }

  bool on_string_part(string_view s, std::size_t, error_code& error) {
    if (depth != 1 || s.empty() || (member != Member::output && member != Member::errors)) {
      return true;
    }
    auto stream = member == Member::output ? ScriptStream::output : ScriptStream::errors;
    if (!sink(stream, std::string_view(s.data(), s.size()))) {
      stopped = true;
      error = boost::json::error::extra_data;  // Any: `stopped` says what it was.
      return false;
    }
    return true;
  }
  bool on_string(string_view s, std::size_t n, error_code& error) {
    return on_string_part(s, n, error);
  }
  bool on_int64(std::int64_t value, string_view, error_code&) {
    if (depth == 1 && member == Member::exit_code) {
      exit_code = value;
    }
    return true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double, string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

boost::json::parse_options options() {
  boost::json::parse_options out;
  out.max_depth = kDepthMax;
  return out;
}

Error corrupt(const std::string& why) {
  return Error{Errc::corrupt, "the result is not a RunScript result (" + why +
                                  "): fetch it as it is with reachback result ID INDEX -o FILE"};
}

}  // namespace

struct ResultFileReader::Impl {
  boost::json::basic_parser<Handler> parser{options()};

  Result<void> write(bool more, std::string_view piece) {
    boost::json::error_code error;
    std::size_t used = 0;
    if (!parser.done()) {
      used = parser.write_some(more, piece.data(), piece.size(), error);
    }
    if (parser.handler().stopped) {
      return Error{Errc::timed_out, "stopped"};
    }
    if (error) {
      return corrupt(error.message());
    }
    if (piece.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
      return corrupt("text after its end");
    }
    return {};
  }
};

ResultFileReader::ResultFileReader(Sink sink) : impl_(std::make_unique<Impl>()) {
  impl_->parser.handler().sink = std::move(sink);
}
ResultFileReader::~ResultFileReader() = default;

Result<void> ResultFileReader::feed(std::string_view piece) {
  return impl_->write(/*more=*/true, piece);
}

Result<void> ResultFileReader::finish() {
  RB_TRY(impl_->write(/*more=*/false, {}));
  if (!impl_->parser.done() || !impl_->parser.handler().is_object) {
    return corrupt("incomplete");
  }
  return {};
}

std::optional<std::int64_t> ResultFileReader::exit_code() const {
  return impl_->parser.handler().exit_code;
}

}  // namespace reachback::cli
