// For tests: a disk that loses what was not synced, and the messages of a journal.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>

#include "agent/journal/file_layer.h"
#include "agent/journal/journal.h"
#include "base/random.h"
#include "base/time.h"

namespace reachback::agent {

class FixedClock : public Clock {
 public:
  Timestamp now() const override { return now_; }
  Duration since_boot() const override { return Duration(0); }
  Timestamp now_ = from_micros(1700000000000000);
};

class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed = 1) : engine_(seed) {}
  void fill(std::uint8_t* out, std::size_t size) override {
    for (std::size_t i = 0; i < size; ++i) {
      out[i] = static_cast<std::uint8_t>(engine_());
    }
  }

 private:
  std::mt19937_64 engine_;
};

// A folder in memory. A sector is written whole or not at all; without a sync any of the sectors
// written since may be lost, each by itself; names likewise without sync_names(). After
// `operations_left` operations the power is gone: the operation and all later ones fail.
class LossyDisk : public FileLayer {
 public:
  struct Options {
    bool ignores_sync = false;  // the mistake that the sweep must find
  };
  LossyDisk() = default;
  explicit LossyDisk(Options options) : options_(options) {}

  std::int64_t operations_left = -1;  // below 0: no end
  std::uint64_t operations = 0;
  bool disk_full = false;
  bool fail_sync = false;

  Result<std::unique_ptr<LayerFile>> open(const std::string& name) override {
    RB_TRY(step());
    auto found = names_.find(name);
    if (found == names_.end()) {
      return Error{Errc::not_found, name};
    }
    return std::unique_ptr<LayerFile>(std::make_unique<File>(*this, found->second));
  }
  Result<std::unique_ptr<LayerFile>> create(const std::string& name) override {
    RB_TRY(step());
    names_[name] = std::make_shared<Content>();
    return std::unique_ptr<LayerFile>(std::make_unique<File>(*this, names_[name]));
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    RB_TRY(step());
    names_[to] = names_.at(from);
    names_.erase(from);
    return {};
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    RB_TRY(step());
    names_[to] = names_.at(from);
    return {};
  }
  Result<void> sync_names() override {
    RB_TRY(step());
    if (!options_.ignores_sync) {
      durable_names_ = names_;
    }
    return {};
  }

  // The power comes back. Each unsynced sector, length and set of names is kept or lost by chance.
  void lose_power(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    if (random() % 2 == 0) {
      durable_names_ = names_;
    }
    names_ = durable_names_;
    for (auto& [name, content] : names_) {
      for (auto& [sector, bytes] : content->pending) {
        if (random() % 2 == 0) {
          content->put(content->durable, sector * kSectorBytes, bytes);
        }
      }
      content->pending.clear();
      content->now = content->durable;
    }
    operations_left = -1;
  }
  std::string& bytes(const std::string& name) {
    names_.at(name)->pending.clear();
    return names_.at(name)->now;
  }
  bool has(const std::string& name) const { return names_.contains(name); }
  // What a power loss now would surely leave of it.
  const std::string& durable(const std::string& name) const { return names_.at(name)->durable; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, content] : names_) {
      out.push_back(name);
    }
    return out;
  }

 private:
  struct Content {
    std::string now;
    std::string durable;
    std::map<std::uint64_t, std::string> pending;  // sector -> its newest bytes

    static void put(std::string& where, std::uint64_t offset, std::string_view bytes) {
      if (where.size() < offset + bytes.size()) {
        where.resize(offset + bytes.size(), '\0');
      }
      where.replace(offset, bytes.size(), bytes);
    }
  };
  struct File : LayerFile {
    File(LossyDisk& d, std::shared_ptr<Content> c) : disk(d), content(std::move(c)) {}
    Result<std::string> read_all() override { return content->now; }
    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      RB_TRY(disk.step());
      if (disk.disk_full && offset + bytes.size() > content->now.size()) {
        return Error{Errc::storage_full, "write: no space left on device"};
      }
      Content::put(content->now, offset, bytes);
      for (std::uint64_t s = offset / kSectorBytes; s * kSectorBytes < offset + bytes.size(); ++s) {
        content->pending[s] = content->now.substr(s * kSectorBytes, kSectorBytes);
      }
      return {};
    }
    Result<void> sync() override {
      RB_TRY(disk.step());
      if (disk.fail_sync) {
        // As Linux does: the pages are clean from here on, and no later sync writes them.
        content->pending.clear();
        return Error{Errc::io, "fdatasync: Input/output error"};
      }
      if (!disk.options_.ignores_sync) {
        for (const auto& [sector, bytes] : content->pending) {
          content->put(content->durable, sector * kSectorBytes, bytes);
        }
        content->pending.clear();
      }
      return {};
    }
    LossyDisk& disk;
    std::shared_ptr<Content> content;
  };

  Result<void> step() {
    ++operations;
    if (operations_left == 0) {
      return Error{Errc::io, "the power is gone"};
    }
    if (operations_left > 0) {
      --operations_left;
    }
    return {};
  }

  Options options_;
  std::map<std::string, std::shared_ptr<Content>> names_, durable_names_;
};

inline std::string action_bytes(char c) {
  return std::string(16, c);
}
inline Entry received_entry(char action, int commands, std::uint64_t epoch = 1,
                            std::size_t padding = 0) {
  pb::Order order;
  order.set_action(action_bytes(action));
  order.set_epoch(epoch);
  for (int i = 0; i < commands; ++i) {
    order.add_commands()->set_type(pb::RUN_SCRIPT);
  }
  order.set_requestor(std::string(padding, 'r'));
  pb::JournalReceived m;
  m.mutable_order()->set_order(order.SerializeAsString());
  m.set_at_us(1);
  m.set_boot(std::string(16, 'b'));
  return entry(m);
}
inline Entry intent_entry(char action, std::uint32_t index) {
  pb::JournalIntent m;
  m.set_action(action_bytes(action));
  m.set_index(index);
  m.set_at_us(1);
  return entry(m);
}
inline Entry ended_entry(char action, std::uint32_t index, pb::Outcome outcome = pb::COMPLETED) {
  pb::JournalEnded m;
  m.mutable_ended()->set_action(action_bytes(action));
  m.mutable_ended()->set_epoch(1);
  m.mutable_ended()->set_index(index);
  m.mutable_ended()->set_outcome(outcome);
  return entry(m);
}
inline Entry acked_entry(char action, std::uint32_t index) {
  pb::JournalReportAcked m;
  m.set_action(action_bytes(action));
  m.set_index(index);
  return entry(m);
}
inline Entry closed_entry(char action, bool by_cancel = false,
                          std::int64_t at_us = 1700000000000000, std::string reason = "done") {
  pb::JournalClosed m;
  m.set_action(action_bytes(action));
  m.set_by_cancel(by_cancel);
  m.set_at_us(at_us);
  m.set_reason(std::move(reason));
  return entry(m);
}
inline Entry voided_entry(char action, std::uint64_t epoch) {
  pb::JournalVoided m;
  m.set_action(action_bytes(action));
  m.set_epoch(epoch);
  return entry(m);
}

// The state as text, for comparing.
inline std::string describe(const JournalState& state) {
  std::string out;
  for (const auto& [id, action] : state.actions) {
    out += id.text() + " e" + std::to_string(action.epoch()) + " v" +
           std::to_string(action.voided_epoch) + (action.closed ? " closed" : "") +
           (action.closed && action.closed->by_cancel() ? " cancel" : "");
    for (const auto& c : action.commands) {
      out += c.intent ? " I" : " -";
      out += !c.ended ? '-' : c.ended->ended().outcome() == pb::COMPLETED ? 'C' : 'F';
      out += c.report_acked ? 'A' : '-';
    }
    out += "\n";
  }
  return out;
}

}  // namespace reachback::agent
