#include "cli/remote_terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/bytes.h"
#include "cli/action.h"
#include "cli/cancel.h"
#include "cli/fields.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::cli {
namespace {

constexpr int kLookEveryMs = 250;  // at the window's size
constexpr std::size_t kWaitingMax = 1 << 20;
constexpr std::chrono::milliseconds kFull{20};      // its program does not read just now
constexpr std::chrono::milliseconds kUnready{100};  // it has not begun, or has just ended
constexpr std::chrono::milliseconds kOutage{500};

}  // namespace

// Every key as it is, while this lives.
struct RemoteTerminal::RawMode {
  termios before{};
  bool is_on = false;
  RawMode() {
    if (::tcgetattr(STDIN_FILENO, &before) == 0) {
      termios raw = before;
      ::cfmakeraw(&raw);
      is_on = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    }
  }
  ~RawMode() {
    if (is_on) {
      ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
};

bool has_terminal() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

RemoteTerminal::RemoteTerminal(crypto::Ed25519PrivateKey key) : key_(std::move(key)) {}

RemoteTerminal::~RemoteTerminal() {
  end();
}

Window RemoteTerminal::window() const {
  const Window now = window_of(STDOUT_FILENO);
  const std::size_t most = protocol::kTerminalSizeMax;
  return {std::clamp<std::size_t>(now.columns, 1, most),
          std::clamp<std::size_t>(now.rows, 1, most)};
}

std::string RemoteTerminal::line() const {
  const Window now = window();
  return fmt::format("terminal -key {} -rows {} -columns {}", to_base64(key_.public_key().spki()),
                     now.rows, now.columns);
}

Result<void> RemoteTerminal::begin(Api& api, const ActionId& id) {
  if (raw_) {
    return {};
  }
  RB_TRY_ASSIGN(api_, api.another());
  id_ = id;
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  raw_ = std::make_unique<RawMode>();
  if (!raw_->is_on || !wake_.valid()) {
    return errno_error("make the terminal raw");
  }
  keyboard_ = std::thread([this] { read_keys(); });
  return {};
}

Result<void> RemoteTerminal::show(std::string_view text) {
  return write_out(filter_.feed(text));
}

std::optional<Error> RemoteTerminal::end() {
  if (!raw_) {
    return std::nullopt;
  }
  ending_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  if (keyboard_.joinable()) {
    keyboard_.join();
  }
  static_cast<void>(write_out(filter_.restore()));
  raw_.reset();
  return std::exchange(error_, std::nullopt);
}

void RemoteTerminal::read_keys() {
  bool reads = true;
  while (!ending_ && !error_) {
    pollfd fds[] = {{wake_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const bool has_room = reads && keys_.waiting().size() < kWaitingMax;
    const bool waits = keys_.waiting().empty();
    ::poll(fds, has_room ? 2 : 1, waits ? kLookEveryMs : 0);
    if (has_room && fds[1].revents != 0) {
      reads = read_some();
    }
    const Window now = window();
    if (!keys_.waiting().empty() || now.rows != told_.rows || now.columns != told_.columns) {
      send();
    }
  }
}

bool RemoteTerminal::read_some() {
  char bytes[4096];
  const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0) {
    return errno == EINTR || errno == EAGAIN;
  }
  if (n == 0 || keys_.take(std::string_view(bytes, static_cast<std::size_t>(n)))) {
    // Its end comes as every other's. This one is gone: nobody could end it otherwise.
    if (auto cancelled = cancel_action(*api_, *id_, "Ended at the keyboard"); !cancelled.ok()) {
      error_ = cancelled.error();
    }
    return false;
  }
  return true;
}

void RemoteTerminal::send() {
  const Window now = window();
  pb::TerminalInput input;
  input.set_action(std::string(id_->bytes()));
  input.set_from(keys_.from());
  input.set_typed(std::string(keys_.waiting().substr(0, protocol::kTypedBytesMax)));
  input.set_rows(static_cast<std::uint32_t>(now.rows));
  input.set_columns(static_cast<std::uint32_t>(now.columns));
  protocol::sign_terminal_input(input, key_);
  const json::Object body{{"from", static_cast<std::int64_t>(input.from())},
                          {"typed", to_base64(input.typed())},
                          {"rows", static_cast<std::int64_t>(now.rows)},
                          {"columns", static_cast<std::int64_t>(now.columns)},
                          {"signature", to_base64(input.signature())}};
  auto answer = api_->post("/api/reachback/terminals/" + id_->text() + "/input", json::write(body),
                           "application/json");
  auto fields = answer.ok() ? Fields::parse(*answer) : Result<Fields>(answer.error());
  if (fields.ok()) {
    const std::string text = fields->text("taken");
    std::uint64_t taken = 0;
    std::from_chars(text.data(), text.data() + text.size(), taken);
    keys_.taken(taken);
    told_ = now;
    if (taken < input.from() + input.typed().size()) {
      std::this_thread::sleep_for(kFull);
    }
    return;
  }
  const Errc code = fields.error().code;
  if (code != Errc::conflict && !is_outage(code)) {
    error_ = fields.error();
    return;
  }
  std::this_thread::sleep_for(code == Errc::conflict ? kUnready : kOutage);
}

}  // namespace reachback::cli
