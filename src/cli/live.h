// The live view of an action: what its events mean for somebody who watches one script of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/events.h"
#include "cli/fields.h"
#include "cli/result_file.h"
#include "crypto/digest.h"

namespace reachback::cli {

// How much of one stream was shown: always its first part, without holes. After a gap nothing more
// is shown live; the rest comes, in its place, from the result.
struct ShownStream {
  std::uint64_t raw_bytes = 0;   // as the script wrote them
  std::uint64_t text_bytes = 0;  // of what was shown: U+FFFD stands for what is no UTF-8
  bool has_gap = false;
  crypto::Sha256Stream text_hash;  // of the same
};
struct ShownText {
  ShownStream output, errors;
  ShownStream& of(ScriptStream stream) { return stream == ScriptStream::output ? output : errors; }
};

// Reads events; pure.
class LiveView {
 public:
  struct Callbacks {
    // Text of the script, in order, each byte once. false: enough.
    std::function<bool(ScriptStream, std::string_view)> on_text;
    std::function<void(const std::string& status)> on_status;
  };
  // index: of the script among the action's commands.
  LiveView(int index, Callbacks callbacks) : index_(index), callbacks_(std::move(callbacks)) {}
  // false: on_text has enough. Events that make no sense are passed over: the result tells all.
  bool take(const ServerEvent& event);
  bool ended() const { return ended_; }
  ShownText& shown() { return shown_; }

 private:
  bool take_output(const Fields& data);
  void take_gap(const Fields& data);
  int index_;
  Callbacks callbacks_;
  std::string status_;
  bool ended_ = false;
  ShownText shown_;
};

// Follows an action's events to their end, over connections that break and a server that is away
// for up to a minute. Errors: not_found or forbidden (this server shows no events: wait in another
// way), timed_out at `until`, else as Api; `view` keeps what was shown.
Result<void> follow_action(Api& api, const ActionId& id,
                           std::optional<std::chrono::steady_clock::time_point> until,
                           LiveView& view);

// Passes on what a result has beyond what was shown live, and sees that the two agree: both have
// the same U+FFFD for bytes that are no UTF-8 (base/bytes.h: to_valid_utf8()).
class RestOfResult {
 public:
  explicit RestOfResult(ShownText& shown) : shown_(shown) {}
  // The part of the result's next piece that was not shown yet.
  std::string rest(ScriptStream stream, std::string_view piece);
  // Errors: mismatch (what was shown is not how the result begins).
  Result<void> finish();

 private:
  struct Read {
    std::uint64_t bytes = 0;  // of what was shown
    crypto::Sha256Stream hash;
  };
  ShownText& shown_;
  Read output_, errors_;
};

}  // namespace reachback::cli
