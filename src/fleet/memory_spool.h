// A spool of files in memory. What it holds ends with the process. Loop thread only.
#pragma once

#include <map>
#include <tuple>

#include "agent/supervisor/spool.h"

namespace reachback::fleet {

class MemorySpool : public agent::Spool {
 public:
  Result<agent::StreamFiles> make_streams(const ActionId& action, std::uint32_t index) override;
  Result<Fd> make_result(const ActionId& action, std::uint32_t index) override;
  Result<Fd> open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) override;
  Result<void> sync(const Fd&) override { return {}; }
  void remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) override;
  // A name that stands nowhere: nothing is read or written there.
  Result<std::string> work_folder(const ActionId&) override { return std::string("/simulated"); }
  Result<Fd> make_work_file(const ActionId& action, std::uint32_t index) override;
  Result<void> place_file(const ActionId&, std::uint32_t, const std::string&) override {
    return {};
  }
  Result<void> keep_work_folder(const ActionId&, const BootId&) override { return {}; }
  void remove_work_folder(const ActionId&) override {}
  void remove_others(const std::set<ActionId>& keep, const BootId& boot) override;

 private:
  using Key = std::tuple<ActionId, std::uint32_t, int>;
  Result<Fd> make(const Key& key);
  std::map<Key, Fd> files_;
};

}  // namespace reachback::fleet
