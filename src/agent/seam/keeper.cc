#include "agent/seam/keeper.h"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "base/log.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kLineBytesMax = 2048;
constexpr int kLogReadsATurn = 4;
constexpr int kLinesMax = 200;  // in kLinesEvery: the log is not for the network process to fill
constexpr Duration kLinesEvery = std::chrono::seconds(10);

}  // namespace

NetworkKeeper::NetworkKeeper(KeeperDeps deps) : deps_(std::move(deps)) {}

NetworkKeeper::~NetworkKeeper() {
  stop(Duration(0));
}

void NetworkKeeper::start() {
  restart_.reset();
  auto process = deps_.launcher.launch();
  if (!process.ok()) {
    log_error("the network process does not start", {field("why", process.error().message)});
    start_later();
    return;
  }
  process_ = std::move(*process);
  started_ = deps_.clock.since_boot();
  exit_watch_ = deps_.events.watch_readable(process_.pidfd.get(), [this] { on_ended(); });
  log_watch_ = deps_.events.watch_readable(process_.log.get(), [this] { relay_log(); });
  host_ = std::make_unique<SeamHost>(std::move(process_.socket), deps_.setup, deps_.supervisor,
                                     deps_.events,
                                     SeamListener{deps_.on_ready, deps_.on_dismissed, deps_.on_idle,
                                                  [this](const Error& error) { lose(error); }});
}

// Its end follows, and with it the next one.
void NetworkKeeper::lose(const Error& error) {
  if (error.code != Errc::unavailable) {
    log_error("the network process misbehaves and is ended", {field("why", error.message)});
  }
  deps_.launcher.kill(process_);
}

void NetworkKeeper::on_ended() {
  relay_log();
  const std::string how = deps_.launcher.bury(process_);
  clear();
  if (deps_.clock.since_boot() - started_ >= kLivedWell) {
    wait_ = kRestartFirst;
  }
  log_warning("the network process has ended", {field("how", how)});
  start_later();
}

void NetworkKeeper::clear() {
  host_.reset();
  exit_watch_.reset();
  log_watch_.reset();
  line_.clear();
  process_ = NetworkProcess{};
}

void NetworkKeeper::start_later() {
  const auto half = static_cast<std::uint64_t>(wait_.count() / 2);
  const Duration wait =
      wait_ / 2 + Duration(static_cast<std::int64_t>(deps_.random.below(half + 1)));
  wait_ = std::min(wait_ * 2, kRestartMax);
  restart_ = deps_.events.after(wait, [this] { start(); });
}

void NetworkKeeper::say(const std::string& line) {
  const Duration now = deps_.clock.since_boot();
  if (now - lines_since_ >= kLinesEvery) {
    lines_since_ = now;
    lines_ = 0;
  }
  if (++lines_ <= kLinesMax) {
    log_info("network process", {field("said", line)});
  } else if (lines_ == kLinesMax + 1) {
    log_warning("the network process says too much: the rest is not shown");
  }
}

void NetworkKeeper::relay_log() {
  std::array<char, 4096> bytes{};
  for (int turn = 0; turn < kLogReadsATurn && process_.log.valid(); ++turn) {
    const ssize_t n = ::read(process_.log.get(), bytes.data(), bytes.size());
    if (n == 0) {  // Closed: it would be readable for ever.
      log_watch_.reset();
    }
    if (n <= 0) {
      return;
    }
    for (const char c : std::string_view(bytes.data(), static_cast<std::size_t>(n))) {
      if (c != '\n' && line_.size() < kLineBytesMax) {
        line_ += c;
      }
      if (c == '\n' && !line_.empty()) {
        say(line_);
        line_.clear();
      }
    }
  }
}

void NetworkKeeper::stop(Duration patience) {
  restart_.reset();
  if (process_.pid == 0) {
    return;
  }
  host_.reset();  // Closes the seam, upon which the process ends.
  pollfd ended{process_.pidfd.get(), POLLIN, 0};
  ::poll(&ended, 1, static_cast<int>(patience.count() / 1000));
  deps_.launcher.kill(process_);
  relay_log();
  static_cast<void>(deps_.launcher.bury(process_));
  clear();
}

}  // namespace reachback::agent
