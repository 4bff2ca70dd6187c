#include "cli/shell_lines.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"

namespace reachback::cli {
namespace {

constexpr int kLook_ms = 250;

class GivenLines final : public LineReader {
 public:
  explicit GivenLines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      text_ += line + "\n";
    }
  }
  Result<std::optional<std::string>> next(const std::string&) override {
    if (at_ == text_.size()) {
      return std::optional<std::string>();
    }
    const std::size_t end = text_.find('\n', at_);
    std::string out = text_.substr(at_, end - at_);
    at_ = end + 1;
    return std::optional(std::move(out));
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

class PlainLines final : public LineReader {
 public:
  PlainLines(int fd, ShouldStop should_stop) : fd_(fd), should_stop_(std::move(should_stop)) {}
  Result<std::optional<std::string>> next(const std::string&) override {
    for (;;) {
      if (const std::size_t end = held_.find('\n'); end != std::string::npos) {
        std::string out = held_.substr(0, end);
        held_.erase(0, end + 1);
        return std::optional(std::move(out));
      }
      if (held_.size() > kLineBytesMax) {
        return Error{Errc::too_large, "a line has over 64 KiB: see that the input is text"};
      }
      if (is_over_) {
        return held_.empty() ? std::optional<std::string>()
                             : std::optional(std::exchange(held_, {}));
      }
      if (!wait_for_input(fd_, should_stop_)) {
        return Error{Errc::timed_out, "interrupted"};
      }
      char piece[4096];
      const ssize_t n = ::read(fd_, piece, sizeof piece);
      if (n < 0 && errno != EINTR && errno != EAGAIN) {
        return errno_error("read", "standard input");
      }
      is_over_ = n == 0;
      held_.append(piece, n > 0 ? static_cast<std::size_t>(n) : 0);
    }
  }

 private:
  const int fd_;
  const ShouldStop should_stop_;
  std::string held_;
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<LineReader> given_lines(const std::vector<std::string>& lines) {
  return std::make_unique<GivenLines>(lines);
}

std::unique_ptr<LineReader> plain_lines(int fd, ShouldStop should_stop) {
  return std::make_unique<PlainLines>(fd, std::move(should_stop));
}

bool wait_for_input(int fd, const ShouldStop& should_stop) {
  for (;;) {
    if (should_stop()) {
      return false;
    }
    pollfd what{fd, POLLIN, 0};
    if (::poll(&what, 1, kLook_ms) > 0) {
      return true;
    }
  }
}

}  // namespace reachback::cli
