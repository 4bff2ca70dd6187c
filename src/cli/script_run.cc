#include "cli/script_run.h"

#include <algorithm>
#include <chrono>

namespace reachback::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

// The result copied through while its exit code is read.
Result<ScriptResult> copy_result(Api& api, const Mint& mint) {
  ResultFileReader reader([](ScriptStream, std::string_view) { return true; });
  Result<void> handled;
  auto fetched = fetch_all(
      api, mint,
      [&reader, &handled](std::string_view piece) {
        handled = reader.feed(piece);
        if (handled.ok()) {
          handled = write_out(piece);
        }
        return handled.ok();
      },
      nullptr);
  RB_TRY(handled);
  RB_TRY(fetched);
  RB_TRY(reader.finish());
  return ScriptResult{reader.exit_code()};
}

}  // namespace

ScriptRun::ScriptRun(Api& api, const ActionId& id, int index, ScriptSink sink,
                     std::function<void(const std::string& status)> on_status)
    : api_(api),
      id_(id),
      index_(index),
      sink_(std::move(sink)),
      on_status_(std::move(on_status)),
      view_(index_, {[this](ScriptStream stream, std::string_view text) {
                       passed_ = sink_(stream, text);
                       return passed_.ok();
                     },
                     on_status_}) {}

Result<Fields> ScriptRun::wait(bool is_live, std::optional<Duration> timeout) {
  const auto start = SteadyClock::now();
  if (is_live) {
    RB_TRY(watch_live(timeout));
    if (timeout) {
      const auto gone = std::chrono::duration_cast<Duration>(SteadyClock::now() - start);
      timeout = std::max<Duration>(*timeout - gone, std::chrono::seconds(1));
    }
  }
  return wait_for_final(api_, id_, timeout, on_status_);
}

// Whatever live view lacks, the result has: only what ends everything is an error.
Result<void> ScriptRun::watch_live(std::optional<Duration> timeout) {
  std::optional<SteadyClock::time_point> until;
  if (timeout) {
    until = SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(*timeout);
  }
  auto followed = follow_action(api_, id_, until, view_);
  RB_TRY(passed_);
  return api_.interrupted() ? followed : Result<void>();
}

Result<std::optional<Mint>> ScriptRun::link() {
  const Mint again = [this] { return mint_link(api_, id_, index_); };
  auto first = again();
  if (!first.ok()) {
    return first.error().code == Errc::not_found ? Result<std::optional<Mint>>(std::nullopt)
                                                 : first.error();
  }
  return std::optional<Mint>(beginning_with(*first, again));
}

Result<std::optional<ScriptResult>> ScriptRun::rest() {
  RB_TRY_ASSIGN(const std::optional<Mint> mint, link());
  if (!mint) {
    return std::optional<ScriptResult>();
  }
  RB_TRY_ASSIGN(const ScriptResult result, read_script_result(api_, *mint, sink_, &view_.shown()));
  return std::optional(result);
}

Result<std::optional<ScriptResult>> ScriptRun::copy(const std::string& before) {
  RB_TRY_ASSIGN(const std::optional<Mint> mint, link());
  RB_TRY(write_out(before));
  if (!mint) {
    RB_TRY(write_out("null"));
    return std::optional<ScriptResult>();
  }
  RB_TRY_ASSIGN(const ScriptResult result, copy_result(api_, *mint));
  return std::optional(result);
}

}  // namespace reachback::cli
