// One watcher of one action: its states, its commands and the output of its scripts, in order, each
// once, as they come. Pulls: nothing is read from an agent before the watcher wants more, so a slow
// watcher slows nobody. Thread-safe; callbacks on any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "server/action/action.h"
#include "server/ports/links.h"
#include "server/ports/tokens.h"
#include "server/service/waiters.h"

namespace reachback::server {

// Where a watcher stands: what came before it has been seen. Outlives the server: the bytes are the
// agent's.
struct ViewPosition {
  std::uint32_t command = 0;
  std::uint64_t out = 0;
  std::uint64_t err = 0;

  std::string text() const;  // "<command>-<out>-<err>"
  static std::optional<ViewPosition> parse(std::string_view text);
  friend bool operator==(const ViewPosition&, const ViewPosition&) = default;
};

struct ViewEvent {
  enum class Kind : std::uint8_t {
    status,   // the action's, when it changes
    command,  // one has started, or has ended; its end comes behind its output
    output,   // text of a stream
    gap,      // bytes of a stream that a live view does not have; the result has them
    end,      // the action is final, and this was all
  };
  enum class Stream : std::uint8_t { out, err };

  Kind kind = Kind::status;
  action::Status status = action::Status::pending;  // status, end
  Timestamp updated{};                              // status
  std::uint32_t index = 0;                          // command, output, gap
  action::Command command{};                        // command, as it is now
  Stream stream = Stream::out;                      // output, gap
  std::uint64_t offset = 0;                         // output, gap: of the first byte
  std::uint64_t bytes = 0;                          // output: of the stream, whatever the text has
  std::string text{};                               // output: as a result shows it
  ViewPosition after{};                             // who has seen this goes on here
};

class LiveView : public std::enable_shared_from_this<LiveView> {
 public:
  // So often a watcher hears something, if only that there is nothing; and so often the action is
  // looked at although nobody said that it has changed.
  static constexpr Duration kTick = std::chrono::seconds(15);
  // A machine that was not connected is asked again after this.
  static constexpr Duration kRetry = std::chrono::seconds(1);

  struct Deps {
    // Errors: not_found, unavailable.
    std::function<void(const Principal&, ActionId, Done<action::Action>)> get;
    AgentLinks& links;
    Waiters& changes;  // woken at each stored change of an action
    Scheduler& scheduler;
  };

  // from: of an earlier watcher that was cut. with_output: the caller may read results.
  static std::shared_ptr<LiveView> create(Deps deps, ActionId id, bool with_output,
                                          std::optional<ViewPosition> from);
  ~LiveView();

  // What comes next, as soon as there is something; after some time nothing. The last one is `end`.
  // One call at a time, none after `end`. Errors: not_found (also: no longer for this caller),
  // invalid_input (`from` names a command that the action does not have), unavailable (also: the
  // server is about to stop).
  void next(const Principal& by, Done<std::vector<ViewEvent>> done);
  void stop();

 private:
  LiveView(Deps deps, ActionId id, bool with_output, std::optional<ViewPosition> from);

  void advance();
  void on_action(Result<action::Action> action);
  void on_piece(std::uint64_t number, Result<pb::OutputPiece> piece);
  void on_change();
  void tick();
  void retry();
  void collect(std::vector<ViewEvent>& events) RB_REQUIRES(mutex_);
  // False: the command's output has to be waited for.
  bool collect_output(const action::Command& command, std::vector<ViewEvent>& events)
      RB_REQUIRES(mutex_);
  void add_output(ViewEvent::Stream stream, std::string_view bytes, bool whole,
                  std::vector<ViewEvent>& events) RB_REQUIRES(mutex_);
  void add_gaps(std::vector<ViewEvent>& events) RB_REQUIRES(mutex_);
  ViewEvent event(ViewEvent::Kind kind) const RB_REQUIRES(mutex_);
  void next_command() RB_REQUIRES(mutex_);

  const Deps deps_;
  const ActionId id_;
  const bool with_output_;
  const bool resumed_;

  Mutex mutex_;
  Principal by_ RB_GUARDED_BY(mutex_);
  Done<std::vector<ViewEvent>> pending_ RB_GUARDED_BY(mutex_);
  std::optional<action::Action> action_ RB_GUARDED_BY(mutex_);  // as it was read last
  std::optional<Waiters::Ticket> ticket_ RB_GUARDED_BY(mutex_);
  bool changed_ RB_GUARDED_BY(mutex_) = true;
  bool fetching_ RB_GUARDED_BY(mutex_) = false;
  bool stopped_ RB_GUARDED_BY(mutex_) = false;
  bool over_ RB_GUARDED_BY(mutex_) = false;  // `end` was said

  ViewPosition at_ RB_GUARDED_BY(mutex_);
  std::optional<action::Status> told_ RB_GUARDED_BY(mutex_);
  // Of the command at at_:
  bool start_told_ RB_GUARDED_BY(mutex_) = false;
  bool drained_ RB_GUARDED_BY(mutex_) = false;  // its output is told, or cannot be had
  bool asked_ RB_GUARDED_BY(mutex_) = false;    // the agent, at least once
  bool reading_ RB_GUARDED_BY(mutex_) = false;
  bool away_ RB_GUARDED_BY(mutex_) = false;  // the agent was not there
  int ticks_reading_ RB_GUARDED_BY(mutex_) = 0;
  std::uint64_t read_number_ RB_GUARDED_BY(mutex_) = 0;  // answers to earlier ones are not for us
  std::optional<pb::OutputPiece> piece_ RB_GUARDED_BY(mutex_);
  std::string out_carry_ RB_GUARDED_BY(mutex_);  // the beginning of a character
  std::string err_carry_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
