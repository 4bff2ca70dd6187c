#include "server/service/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/bytes.h"

namespace reachback::server {
namespace {

// An agent answers within ten seconds; one that has not done so for two ticks never will.
constexpr int kTicksReadingMax = 2;

// The length of the beginning of a character at the end of the bytes; 0: they end with a whole one,
// or with what is none.
std::size_t begun_character(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xC0U) == 0x80U) {
      continue;  // goes on with an earlier one
    }
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

template <typename T>
bool take_number(std::string_view& text, T& out) {
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  const auto size = static_cast<std::size_t>(end - text.data());
  const bool canonical = size == 1 || (size > 1 && text.front() != '0');
  text.remove_prefix(size);
  return bad == std::errc() && canonical;
}

bool take_dash(std::string_view& text) {
  const bool is = text.starts_with('-');
  text.remove_prefix(is ? 1 : 0);
  return is;
}

}  // namespace

std::string ViewPosition::text() const {
  return fmt::format("{}-{}-{}", command, out, err);
}

std::optional<ViewPosition> ViewPosition::parse(std::string_view text) {
  ViewPosition p;
  const bool good = take_number(text, p.command) && take_dash(text) && take_number(text, p.out) &&
                    take_dash(text) && take_number(text, p.err) && text.empty() &&
                    p.out <= INT64_MAX && p.err <= INT64_MAX;
  return good ? std::optional(p) : std::nullopt;
}

LiveView::LiveView(Deps deps, ActionId id, bool with_output, std::optional<ViewPosition> from)
    : deps_(std::move(deps)),
      id_(id),
      with_output_(with_output),
      resumed_(from.has_value()),
      at_(from.value_or(ViewPosition())) {}

std::shared_ptr<LiveView> LiveView::create(Deps deps, ActionId id, bool with_output,
                                           std::optional<ViewPosition> from) {
  std::shared_ptr<LiveView> out(new LiveView(std::move(deps), id, with_output, from));
  out->deps_.scheduler.after(kTick, [weak = out->weak_from_this()] {
    if (auto self = weak.lock()) {
      self->tick();
    }
  });
  return out;
}

LiveView::~LiveView() {
  std::optional<Waiters::Ticket> ticket;
  {
    MutexLock lock(mutex_);
    ticket = ticket_;
  }
  if (ticket) {
    deps_.changes.expire(id_, *ticket);
  }
}

void LiveView::next(const Principal& by, Done<std::vector<ViewEvent>> done) {
  {
    MutexLock lock(mutex_);
    by_ = by;
    pending_ = std::move(done);
  }
  advance();
}

void LiveView::stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  advance();
}

void LiveView::on_change() {
  {
    MutexLock lock(mutex_);
    changed_ = true;
    ticket_.reset();
  }
  advance();
}

void LiveView::retry() {
  {
    MutexLock lock(mutex_);
    away_ = false;
  }
  advance();
}

void LiveView::tick() {
  Done<std::vector<ViewEvent>> done;
  {
    MutexLock lock(mutex_);
    if (over_ || stopped_) {
      return;
    }
    changed_ = true;
    if (reading_ && ++ticks_reading_ > kTicksReadingMax) {
      reading_ = false;  // an agent that does not know the question
      ++read_number_;
      piece_.emplace().set_gone(true);
    }
    if (!fetching_) {
      done = std::exchange(pending_, nullptr);
    }
  }
  deps_.scheduler.after(kTick, [weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->tick();
    }
  });
  if (done) {
    done(std::vector<ViewEvent>());
  }
}

// Whoever changed something calls this, with the lock free: tells what there is to tell, or sees to
// it that there will be something.
void LiveView::advance() {
  std::vector<ViewEvent> events;
  Done<std::vector<ViewEvent>> done;
  std::optional<Error> error;
  bool fetch = false;
  std::optional<pb::ReadOutput> read;
  std::uint64_t number = 0;
  MachineId machine;
  Principal by;
  {
    MutexLock lock(mutex_);
    if (!pending_ || fetching_) {
      return;
    }
    if (stopped_) {
      error = Error{Errc::unavailable, "The server is about to stop; come again"};
      done = std::exchange(pending_, nullptr);
    } else if (changed_) {
      fetch = fetching_ = true;
      changed_ = false;
      by = by_;
      if (!ticket_) {  // before the read, so that a change between the two is not missed
        ticket_ = deps_.changes.add(id_, [weak = weak_from_this()] {
          if (auto view = weak.lock()) {
            view->on_change();
          }
        });
      }
    } else {
      collect(events);
      if (!events.empty()) {
        done = std::exchange(pending_, nullptr);
      }
      // The next piece is asked for while the watcher takes this one; it waits here.
      const bool wants_output =
          !over_ && at_.command < action_->commands.size() && with_output_ && !drained_ &&
          !reading_ && !piece_ && !away_ && has_streams(action_->commands[at_.command].type) &&
          action_->commands[at_.command].started && (asked_ || !action::is_final(action_->status));
      if (wants_output) {
        asked_ = reading_ = true;
        ticks_reading_ = 0;
        number = ++read_number_;
        machine = action_->machine;
        read.emplace();
        read->set_action(std::string(id_.bytes()));
        read->set_epoch(action_->epoch);
        read->set_index(at_.command);
        read->set_stdout_from(at_.out + out_carry_.size());
        read->set_stderr_from(at_.err + err_carry_.size());
      }
    }
  }
  if (fetch) {
    deps_.get(by, id_, [self = shared_from_this()](Result<action::Action> a) {
      self->on_action(std::move(a));
    });
    return;
  }
  if (error) {
    done(*error);
    return;
  }
  if (done) {
    done(std::move(events));
  }
  if (read) {
    deps_.links.read_output(machine, std::move(*read),
                            [weak = weak_from_this(), number](Result<pb::OutputPiece> p) {
                              if (auto view = weak.lock()) {
                                view->on_piece(number, std::move(p));
                              }
                            });
  }
}

void LiveView::on_action(Result<action::Action> a) {
  Done<std::vector<ViewEvent>> done;
  Error error;
  {
    MutexLock lock(mutex_);
    fetching_ = false;
    if (a && at_.command > a->commands.size()) {
      a = Error{Errc::invalid_input, "The last event id names a command that is not there"};
    }
    if (a) {
      action_ = std::move(*a);
    } else {
      error = a.error();
      done = std::exchange(pending_, nullptr);
    }
  }
  if (done) {
    done(error);
    return;
  }
  advance();
}

void LiveView::on_piece(std::uint64_t number, Result<pb::OutputPiece> piece) {
  bool again_later = false;
  {
    MutexLock lock(mutex_);
    if (read_number_ != number) {
      return;
    }
    reading_ = false;
    if (piece && piece->stdout_from() == at_.out + out_carry_.size() &&
        piece->stderr_from() == at_.err + err_carry_.size()) {
      piece_ = std::move(*piece);
    } else {
      again_later = away_ = true;
      changed_ = true;  // it may have ended meanwhile
    }
  }
  if (again_later) {
    deps_.scheduler.after(kRetry, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->retry();
      }
    });
  }
  advance();
}

ViewEvent LiveView::event(ViewEvent::Kind kind) const {
  ViewEvent out;
  out.kind = kind;
  out.index = at_.command;
  out.after = at_;
  out.status = action_->status;
  out.updated = action_->updated;
  return out;
}

void LiveView::next_command() {
  at_ = ViewPosition{at_.command + 1, 0, 0};
  start_told_ = drained_ = asked_ = away_ = false;
  out_carry_.clear();
  err_carry_.clear();
  piece_.reset();
  ++read_number_;
  reading_ = false;
}

void LiveView::collect(std::vector<ViewEvent>& events) {
  const bool final = action::is_final(action_->status);
  if (!final && told_ != action_->status) {
    told_ = action_->status;
    events.push_back(event(ViewEvent::Kind::status));
  }
  while (at_.command < action_->commands.size()) {
    const action::Command& command = action_->commands[at_.command];
    const bool has_ended = command.status != action::CommandStatus::created;
    if (!command.started && !has_ended) {
      if (!final) {
        return;
      }
      next_command();  // It never started.
      continue;
    }
    if (!has_ended && !start_told_) {
      start_told_ = true;
      events.push_back(event(ViewEvent::Kind::command));
      events.back().command = command;
    }
    if (!collect_output(command, events)) {
      return;
    }
    if (!has_ended && !final) {
      return;
    }
    const std::uint32_t index = at_.command;
    next_command();
    events.push_back(event(ViewEvent::Kind::command));
    events.back().index = index;
    events.back().command = command;
  }
  if (final && !over_) {
    over_ = true;
    events.push_back(event(ViewEvent::Kind::status));
    events.push_back(event(ViewEvent::Kind::end));
  }
}

bool LiveView::collect_output(const action::Command& command, std::vector<ViewEvent>& events) {
  if (drained_ || !with_output_ || !has_streams(command.type)) {
    return true;
  }
  const bool has_ended =
      command.status != action::CommandStatus::created || action::is_final(action_->status);
  if (piece_) {
    const pb::OutputPiece piece = std::move(*piece_);
    piece_.reset();
    if (piece.gone()) {
      drained_ = true;
      add_gaps(events);
      return true;
    }
    add_output(ViewEvent::Stream::out, piece.stdout(), piece.whole(), events);
    add_output(ViewEvent::Stream::err, piece.stderr(), piece.whole(), events);
    drained_ = piece.whole();
  } else if (has_ended && !reading_ && (away_ || !asked_)) {
    // Nobody is there to ask, or it was over before anybody watched.
    drained_ = true;
    if (asked_ || resumed_) {
      add_gaps(events);
    }
  }
  return drained_;
}

void LiveView::add_output(ViewEvent::Stream stream, std::string_view bytes, bool whole,
                          std::vector<ViewEvent>& events) {
  const bool is_out = stream == ViewEvent::Stream::out;
  std::string& carry = is_out ? out_carry_ : err_carry_;
  std::uint64_t& position = is_out ? at_.out : at_.err;
  std::string data = std::exchange(carry, std::string()) + std::string(bytes);
  if (!whole) {
    const std::size_t begun = begun_character(data);
    carry = data.substr(data.size() - begun);
    data.resize(data.size() - begun);
  }
  if (data.empty()) {
    return;
  }
  const std::uint64_t offset = position;
  position += data.size();
  events.push_back(event(ViewEvent::Kind::output));
  events.back().stream = stream;
  events.back().offset = offset;
  events.back().bytes = data.size();
  events.back().text = to_valid_utf8(data);
}

void LiveView::add_gaps(std::vector<ViewEvent>& events) {
  for (const auto stream : {ViewEvent::Stream::out, ViewEvent::Stream::err}) {
    events.push_back(event(ViewEvent::Kind::gap));
    events.back().stream = stream;
    events.back().offset = stream == ViewEvent::Stream::out ? at_.out : at_.err;
  }
}

}  // namespace reachback::server
