#include <fmt/format.h>

#include "history.h"

namespace reachback::sim {
namespace {

bool is_terminal(const std::string& status) {
  return status != "Pending" && status != "InProgress";
}

// The edges of docs/state-machine.md, written again here on purpose: what checks must not share the
// table with what is checked.
bool is_edge(const std::string& from, const std::string& to) {
  static const std::set<std::pair<std::string, std::string>> kEdges = {
      {"Pending", "InProgress"},   {"Pending", "Cancelled"},    {"Pending", "TimeOut"},
      {"Pending", "Failed"},       {"InProgress", "Succeeded"}, {"InProgress", "Failed"},
      {"InProgress", "Cancelled"}, {"InProgress", "TimeOut"}};
  return kEdges.contains({from, to});
}

}  // namespace

void Checker::broken(const char* invariant, std::string why) {
  violations_.push_back(Violation{invariant, events_ - 1, std::move(why)});
}

void Checker::check(const char* invariant, bool holds, const std::string& why) {
  ++checked_[invariant];
  if (!holds) {
    broken(invariant, why);
  }
}

void Checker::read(const Event& e) {
  ++events_;
  switch (e.kind) {
    case Kind::quiet:
      quiet_ = true;
      return;
    case Kind::ended:
      on_end(e);
      return;
    case Kind::answered: {
      auto known = keys_.find(e.key);
      check("V11", known != keys_.end() && known->second.first == e.action,
            "the client was told another action than the one its key made");
      return;
    }
    case Kind::accepted: {
      check("V02", !actions_.contains(e.action), "accepted twice");
      if (!e.key.empty()) {
        auto [known, added] = keys_.try_emplace(e.key, e.action, e.body);
        check("V11", added, "one idempotency key made two actions");
      }
      std::string& active = active_[e.machine];
      check("V12", active.empty(), "the machine has an unfinished action: " + active);
      active = e.action;
      Action a;
      a.machine = e.machine;
      a.expires_us = e.expires_us;
      a.quiet = quiet_;
      a.indices.resize(e.commands);
      actions_[e.action] = std::move(a);
      if (options_.active_max != 0) {
        std::size_t unfinished = 0;
        for (const auto& [machine, action] : active_) {
          unfinished += action.empty() ? 0 : 1;
        }
        check("V17", unfinished <= options_.active_max, "too many unfinished actions");
      }
      return;
    }
    default:
      break;
  }
  auto found = actions_.find(e.action);
  if (found == actions_.end()) {
    broken("V02", fmt::format("{} of an action that was never accepted", name_of(e.kind)));
    return;
  }
  on_action(e, found->second);
}

void Checker::on_action(const Event& e, Action& a) {
  switch (e.kind) {
    case Kind::granted: {
      check("V06", e.epoch > a.epoch, "an epoch that does not grow");
      bool any_started = false;
      for (const Index& i : a.indices) {
        any_started = any_started || i.executed > 0;
      }
      check("V06", !a.granted || !any_started, "granted again although a command has started");
      check("V02", !is_terminal(a.status), "granted after the end");
      a.epoch = e.epoch;
      a.granted = true;
      return;
    }
    case Kind::asked:
      return;
    case Kind::status:
      on_status(e, a);
      return;
    default:
      if (e.index >= a.indices.size()) {
        broken("V02", "an index that the action does not have");
        return;
      }
      on_index(e, a, a.indices[e.index]);
  }
}

void Checker::on_index(const Event& e, Action& a, Index& i) {
  switch (e.kind) {
    case Kind::executed: {
      ++i.executed;
      check("V01", i.executed == 1,
            fmt::format("command {} started {} times", e.index, i.executed));
      check("V07", e.flag, "started without a durable intent");
      check("V07", a.granted, "started without a grant");
      check(a.status == "Cancelled" && !a.granted ? "V03" : "V04", !is_terminal(a.status),
            "started after the action was " + a.status);
      for (std::uint32_t j = 0; j < e.index; ++j) {
        check("V08", a.indices[j].exited && a.indices[j].seen,
              fmt::format("command {} started before command {} had completed", e.index, j));
      }
      return;
    }
    case Kind::exited:
      i.exited = true;
      i.seen = e.flag;
      a.last_exit_us = e.at_us;
      return;
    case Kind::stored: {
      check("V09", !i.stored || (*i.stored == e.blob && i.digest == e.text),
            "another blob, or other bytes, for a command that has one");
      const std::string owner = e.action + "/" + std::to_string(e.index);
      auto [known, added] = blobs_.try_emplace(e.blob, owner);
      check("V09", added || known->second == owner, "one blob for two commands");
      i.stored = e.blob;
      i.digest = e.text;
      return;
    }
    case Kind::command:
      check("V02", i.status.empty() || i.status == e.text, "a command that ended twice");
      i.status = e.text;
      if (e.text == "Completed") {
        check("V10", i.executed == 1, "Completed, and was not started exactly once");
        check("V10", e.flag, "Completed before its result was stored");
      }
      [[fallthrough]];
    case Kind::late_bound:
      if (!e.blob.empty()) {
        check("V09", !i.blob || *i.blob == e.blob, "another result than before");
        i.blob = e.blob;
      }
      return;
    case Kind::minted:
      check("V13", i.blob == e.blob, "a link to a blob of something else");
      check("V14", e.expires_us - e.at_us <= options_.link_life_us, "a link that lives too long");
      check("V15", e.flag, "a link without a durable audit record");
      return;
    case Kind::fetched:
      if (e.flag) {
        check("V13", e.text == fmt::format("{}/{}", e.action, e.index),
              "a link that gave the bytes of " + e.text);
        check("V14", e.at_us < e.expires_us, "an expired link was served");
      } else {
        check("V14", e.at_us >= e.expires_us, "a link was refused before its time");
      }
      return;
    default:
      return;
  }
}

void Checker::on_status(const Event& e, Action& a) {
  check("V02", is_edge(a.status, e.text), a.status + " -> " + e.text);
  if (e.text == "Succeeded") {
    for (const Index& i : a.indices) {
      check("V10", i.status == "Completed", "Succeeded with a command that is " + i.status);
    }
  }
  if (e.text == "Cancelled" && !a.granted) {
    for (const Index& i : a.indices) {
      check("V03", i.executed == 0, "Cancelled before a grant, and a command had started");
    }
  }
  if (is_terminal(e.text) && !is_terminal(a.status)) {
    if (active_[a.machine] == e.action) {
      active_[a.machine].clear();
    }
    if (a.quiet && e.text == "Succeeded") {
      check("V21", e.at_us - a.last_exit_us <= options_.settle_us,
            "the end was told late although nothing was in the way");
    }
  }
  if (!is_terminal(a.status)) {
    a.status = e.text;
  }
}

void Checker::on_end(const Event& e) {
  for (const auto& [id, a] : actions_) {
    if (e.at_us < a.expires_us + options_.expiry_slack_us) {
      continue;
    }
    check("V05", is_terminal(a.status), id + " is still " + a.status);
    for (const Index& i : a.indices) {
      if (i.executed > 0) {
        check("V18", i.status == "Completed" || i.status == "Failed" || a.status == "TimeOut",
              id + ": a command that started has no end");
      }
    }
  }
}

}  // namespace reachback::sim
