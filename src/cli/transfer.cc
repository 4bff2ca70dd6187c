#include "cli/transfer.h"

#include <utility>

#include "cli/action.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

}  // namespace

Mint beginning_with(std::string link, Mint then) {
  return [link = std::move(link), then = std::move(then)]() mutable -> Result<std::string> {
    return link.empty() ? then() : Result<std::string>(std::exchange(link, {}));
  };
}

Result<std::uint64_t> fetch_all(Api& api, const Mint& mint, const OnBytes& on_bytes, Meter* meter) {
  Download progress;
  bool refused_by_sink = false;
  auto last_news = SteadyClock::now();
  for (;;) {
    const std::uint64_t before = progress.bytes;
    auto link = mint();
    Result<void> done = link.ok() ? Result<void>() : Result<void>(link.error());
    if (link.ok()) {
      done = api.download(
          *link,
          [&](std::string_view piece) {
            refused_by_sink = !on_bytes(piece);
            if (meter != nullptr) {
              meter->show(progress.bytes + piece.size(), progress.total);
            }
            return !refused_by_sink;
          },
          &progress);
    }
    if (done.ok()) {
      if (!progress.total || *progress.total == progress.bytes) {
        return progress.bytes;
      }
      done = Error{Errc::unavailable, "the download ended too early"};
    }
    const auto now = SteadyClock::now();
    last_news = progress.bytes > before ? now : last_news;
    if (refused_by_sink || api.interrupted() || !is_outage(done.error().code) ||
        now - last_news > kOutageMax || !api.pause(seconds(1))) {
      return done.error();
    }
  }
}

}  // namespace reachback::cli
