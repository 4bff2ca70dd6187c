#include "join.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "json/json.h"
#include "server/store_sqlite/action_codec.h"

namespace reachback::sim {
namespace {

using action::CommandStatus;
using action::Status;

// SQLite's own clock counts milliseconds, rounded down. An end is taken to be as late as it may
// have been, everything else as early: an order that the clock cannot tell is not held against
// anybody.
constexpr std::int64_t kClockStep_us = 999;
// As in `reachback-sim check`: how late a deadline may be kept.
constexpr std::int64_t kSlack_us = 30'000'000;

std::string text_of(Status s) {
  switch (s) {
    case Status::pending:
      return "Pending";
    case Status::in_progress:
      return "InProgress";
    case Status::succeeded:
      return "Succeeded";
    case Status::failed:
      return "Failed";
    case Status::cancelled:
      return "Cancelled";
    case Status::timed_out:
      return "TimeOut";
  }
  return "?";
}

Error bad(const char* file, const std::string& line) {
  return Error{Errc::corrupt, fmt::format("{}: {}", file, line)};
}

struct Blob {
  std::int64_t at_us = 0;
  std::string sha256;
  bool told = false;
};

class Joiner {
 public:
  Result<void> read_blobs(std::istream& in);
  Result<void> read_rows(std::istream& in);
  Result<void> read_effects(std::istream& in);
  Result<void> read_clients(std::istream& in);
  std::vector<Event> take();

 private:
  Event make(Kind kind, const std::string& action, std::int64_t at_us) const {
    Event e;
    e.kind = kind;
    e.action = action;
    e.at_us = at_us;
    return e;
  }
  void tell_changes(const std::string& id, std::int64_t at_us, const action::Action* before,
                    const action::Action& now);
  void tell_command(const std::string& id, std::uint32_t index, std::int64_t at_us, bool is_final,
                    const action::Command& before, const action::Command& now);

  std::vector<Event> events_;
  std::map<std::string, Blob> blobs_;
  std::map<std::string, action::Action> actions_;
  std::int64_t row_us_ = 0;       // of the last row: commits have an order, whatever the clock says
  std::int64_t deadline_us_ = 0;  // the last one
};

Result<void> Joiner::read_blobs(std::istream& in) {
  for (std::string line; std::getline(in, line);) {
    auto value = json::parse(line);
    if (!value || !value->is_object()) {
      return bad("blobs", line);
    }
    const json::Object& o = value->get_object();
    const auto *at = o.if_contains("at_us"), *name = o.if_contains("blob"),
               *digest = o.if_contains("sha256");
    if (at == nullptr || !at->is_int64() || name == nullptr || !name->is_string() ||
        digest == nullptr || !digest->is_string()) {
      return bad("blobs", line);
    }
    blobs_[name->get_string().c_str()] = Blob{at->get_int64(), digest->get_string().c_str()};
  }
  return {};
}

Result<void> Joiner::read_rows(std::istream& in) {
  for (std::string line; std::getline(in, line);) {
    auto value = json::parse(line);
    if (!value || !value->is_object()) {
      return bad("rows", line);
    }
    const json::Object& o = value->get_object();
    const auto number = [&](const char* name) -> std::int64_t {
      const auto* v = o.if_contains(name);
      return v != nullptr && v->is_int64() ? v->get_int64() : -1;
    };
    const auto text = [&](const char* name) -> std::string {
      const auto* v = o.if_contains(name);
      return v != nullptr && v->is_string() ? v->get_string().c_str() : "";
    };
    const std::string id = text("action");
    const auto document = from_hex(text("document"));
    action::Action now;
    if (id.empty() || !document || !server::decode_action(*document, now)) {
      return bad("rows", line);
    }
    now.status = static_cast<Status>(number("status"));
    now.created = from_micros(number("created"));
    const bool ends = action::is_final(now.status);
    const std::int64_t clock_us = number("at_ms") * 1000;
    row_us_ = std::max(row_us_, clock_us + (ends ? kClockStep_us : 0));
    const auto known = actions_.find(id);
    if (known == actions_.end()) {
      Event e = make(Kind::accepted, id, row_us_);
      e.machine = text("machine");
      e.key = text("key");
      e.commands = static_cast<std::uint32_t>(now.commands.size());
      // By true time: the server's clock may have been moved, its differences hold.
      e.expires_us = clock_us + (now.queue_deadline - now.created).count() + now.window.count() +
                     action::window_margin(now.window).count();
      deadline_us_ = std::max(deadline_us_, e.expires_us);
      events_.push_back(std::move(e));
    }
    tell_changes(id, row_us_, known == actions_.end() ? nullptr : &known->second, now);
    actions_[id] = std::move(now);
  }
  return {};
}

void Joiner::tell_changes(const std::string& id, std::int64_t at_us, const action::Action* before,
                          const action::Action& now) {
  const action::Action nothing;
  const action::Action& old = before != nullptr ? *before : nothing;
  if (now.epoch != old.epoch) {
    Event e = make(Kind::granted, id, at_us);
    e.epoch = now.epoch;
    events_.push_back(std::move(e));
  }
  if (now.cancellation && !old.cancellation) {
    events_.push_back(make(Kind::asked, id, at_us));
  }
  for (std::uint32_t i = 0; i < now.commands.size(); ++i) {
    const bool was_there = before != nullptr && i < before->commands.size();
    tell_command(id, i, at_us, action::is_final(old.status),
                 was_there ? before->commands[i] : action::Command{}, now.commands[i]);
  }
  if (now.status != old.status) {
    Event e = make(Kind::status, id, at_us);
    e.text = text_of(now.status);
    events_.push_back(std::move(e));
  }
}

void Joiner::tell_command(const std::string& id, std::uint32_t index, std::int64_t at_us,
                          bool is_final, const action::Command& before,
                          const action::Command& now) {
  const bool bound = now.result && now.result != before.result;
  bool whole = !now.result;
  if (now.result) {
    const auto stored = blobs_.find(now.result->name);
    if (stored != blobs_.end()) {
      Blob& blob = stored->second;
      whole = blob.at_us <= at_us + kClockStep_us &&
              blob.sha256 == to_hex(as_bytes(now.result->sha256));
      if (!blob.told) {
        blob.told = true;
        Event e = make(Kind::stored, id, std::min(blob.at_us, at_us));
        e.index = index;
        e.blob = now.result->name;
        e.text = blob.sha256;
        events_.push_back(std::move(e));
      }
    } else {
      whole = false;
    }
  }
  const bool ended = now.status != before.status && now.status != CommandStatus::created;
  if (!ended && !bound) {
    return;
  }
  Event e = make(ended && !is_final ? Kind::command : Kind::late_bound, id, at_us);
  e.index = index;
  e.blob = now.result ? now.result->name : "";
  e.text = !ended ? "" : now.status == CommandStatus::completed ? "Completed" : "Failed";
  e.flag = whole && (now.result || now.status != CommandStatus::completed);
  events_.push_back(std::move(e));
}

Result<void> Joiner::read_effects(std::istream& in) {
  // Whether the end of a command was in the journal is what the next one found there.
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> exits;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string what, id;
    std::int64_t ns = 0;
    std::uint32_t index = 0;
    int intent = 0, before = 0;
    if (!(words >> what >> ns >> id >> index) || (what != "start" && what != "end") ||
        (what == "start" && !(words >> intent >> before))) {
      return bad("effects", line);
    }
    Event e = make(what == "start" ? Kind::executed : Kind::exited, id, ns / 1000);
    e.index = index;
    e.flag = what == "end" || intent == 1;
    if (what == "end") {
      exits[{id, index}] = events_.size();
    } else if (before != 1 && index > 0) {
      const auto last = exits.find({id, index - 1});
      if (last != exits.end()) {
        events_[last->second].flag = false;
      }
    }
    events_.push_back(std::move(e));
  }
  return {};
}

Result<void> Joiner::read_clients(std::istream& in) {
  for (std::string line; std::getline(in, line);) {
    auto event = from_json(line);
    if (!event) {
      return bad("clients", line);
    }
    events_.push_back(std::move(*event));
  }
  return {};
}

std::vector<Event> Joiner::take() {
  // The rows stand first and stay in their order where the clock says "the same".
  std::stable_sort(events_.begin(), events_.end(),
                   [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
  Event ended;
  ended.kind = Kind::ended;
  ended.at_us = events_.empty() ? 0 : events_.back().at_us;
  const bool all = std::all_of(actions_.begin(), actions_.end(), [](const auto& known) {
    return action::is_final(known.second.status);
  });
  if (all) {
    ended.at_us = std::max(ended.at_us, deadline_us_) + kSlack_us;
  }
  events_.push_back(std::move(ended));
  return std::move(events_);
}

}  // namespace

Result<std::vector<Event>> join(const JoinInput& input) {
  Joiner joiner;
  RB_TRY(joiner.read_blobs(input.blobs));
  RB_TRY(joiner.read_rows(input.rows));
  RB_TRY(joiner.read_effects(input.effects));
  RB_TRY(joiner.read_clients(input.clients));
  return joiner.take();
}

}  // namespace reachback::sim
