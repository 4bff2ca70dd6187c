#include "cli/script_output.h"

#include <unistd.h>

namespace reachback::cli {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;

Result<void> each_piece(int fd, const std::function<Result<void>(std::string_view)>& take) {
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t at = 0;;) {
    RB_TRY_ASSIGN(const std::size_t size, read_at(fd, piece.data(), piece.size(), at));
    RB_TRY(take(std::string_view(piece).substr(0, size)));
    at += size;
    if (size < piece.size()) {
      return {};
    }
  }
}

}  // namespace

Result<void> write_stream(ScriptStream stream, std::string_view bytes) {
  return stream == ScriptStream::output ? write_out(bytes) : write_all(STDERR_FILENO, bytes);
}

Result<void> print_file(int fd) {
  return each_piece(fd, [](std::string_view piece) { return write_out(piece); });
}

Result<void> ScriptPrinter::print(ScriptStream stream, std::string_view piece) {
  const bool is_output = stream == ScriptStream::output;
  if (is_output ? filters_output_ : filters_errors_) {
    return write_stream(stream, (is_output ? output_ : errors_).feed(piece));
  }
  return write_stream(stream, piece);
}

Result<void> ScriptPrinter::finish() {
  RB_TRY(write_stream(ScriptStream::output, output_.finish()));
  return write_stream(ScriptStream::errors, errors_.finish());
}

NamedLines::NamedLines(const Terminal& terminal, const std::string& name)
    : prefix_(escape_line(name) + ": ") {
  output_.is_filtered = terminal.out_is_terminal;
  errors_.is_filtered = terminal.err_is_terminal;
}

Result<void> NamedLines::print(ScriptStream stream, std::string_view piece) {
  Stream& to = stream == ScriptStream::output ? output_ : errors_;
  return write(stream, to, to.is_filtered ? to.filter.feed(piece) : std::string(piece));
}

Result<void> NamedLines::write(ScriptStream stream, Stream& to, const std::string& text) const {
  std::string out;
  for (const char c : text) {
    if (!to.is_in_line) {
      out += prefix_;
    }
    out += c;
    to.is_in_line = c != '\n';
  }
  return write_stream(stream, out);
}

Result<void> NamedLines::finish() {
  for (const ScriptStream stream : {ScriptStream::output, ScriptStream::errors}) {
    Stream& to = stream == ScriptStream::output ? output_ : errors_;
    RB_TRY(write(stream, to, to.filter.finish()));
    RB_TRY(write_stream(stream, to.is_in_line ? "\n" : ""));
  }
  return {};
}

Result<ScriptResult> read_script_result(Api& api, const Mint& mint, const ScriptSink& sink,
                                        ShownText* shown, Meter* meter) {
  // Used on the network's thread while this one waits.
  Result<void> passed, read;
  ShownText nothing;
  RestOfResult rest(shown != nullptr ? *shown : nothing);
  ResultFileReader reader([&](ScriptStream stream, std::string_view piece) {
    const std::string news = rest.rest(stream, piece);
    passed = news.empty() ? Result<void>() : sink(stream, news);
    return passed.ok();
  });
  auto fetched = fetch_all(
      api, mint,
      [&reader, &read](std::string_view piece) {
        read = reader.feed(piece);
        return read.ok();
      },
      meter);
  RB_TRY(passed);
  RB_TRY(read);
  RB_TRY(fetched);
  RB_TRY(reader.finish());
  RB_TRY(rest.finish());
  return ScriptResult{reader.exit_code()};
}

Result<ScriptResult> read_script_file(int fd, const ScriptSink& sink) {
  Result<void> passed;
  ResultFileReader reader([&](ScriptStream stream, std::string_view piece) {
    passed = sink(stream, piece);
    return passed.ok();
  });
  auto read = each_piece(fd, [&reader](std::string_view piece) {
    return piece.empty() ? Result<void>() : reader.feed(piece);
  });
  RB_TRY(passed);
  RB_TRY(read);
  RB_TRY(reader.finish());
  return ScriptResult{reader.exit_code()};
}

}  // namespace reachback::cli
