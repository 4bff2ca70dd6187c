// What a journal's records say about each action. Pure; the file is journal.h's business.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/journal/record.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

inline constexpr std::string_view kInterrupted = "Interrupted: outcome unknown, not re-run";
// The reason of the `closed` record that goes with a `voided` one: it dates it, and closes nothing
// for a later epoch.
inline constexpr std::string_view kVoidedReason = "voided";

struct CommandRecord {
  std::optional<pb::JournalIntent> intent;
  std::optional<pb::JournalEnded> ended;
  std::map<int, pb::BlobRef> blobs;  // by pb::UploadKind: durable in the blob store
  bool report_acked = false;
};

struct ActionRecord {
  std::optional<pb::JournalReceived> received;
  pb::Order order;                      // of `received`
  std::vector<CommandRecord> commands;  // as many as the order has
  std::uint64_t voided_epoch = 0;       // no command of this epoch, or an earlier one, ever starts
  std::optional<pb::JournalClosed> closed;

  std::uint64_t epoch() const { return order.epoch(); }
  bool is_voided() const { return voided_epoch != 0 && order.epoch() <= voided_epoch; }
  // No command of it will start (again): closed, voided, or a command failed.
  bool is_over() const;
  // A report that the server has not acknowledged.
  bool has_unacknowledged() const;
  // Nothing is left to do or say: only the memory of it remains.
  bool is_finished() const;
};

// Where the chain of this machine's receipts stands. Follows from the `ended` records.
struct ReceiptHead {
  std::uint64_t number = 0;  // 0: no receipt yet
  std::string sha256;        // of the newest Receipt; empty: none
};

struct JournalState {
  JournalGeneration generation;
  ReceiptHead receipt_head;
  std::map<ActionId, ActionRecord> actions;

  // Errors: corrupt (a payload that is no message, an index that the order does not have, a command
  // that starts twice).
  Result<void> apply(const Entry& entry);
};

Entry entry(const pb::JournalGeneration& m);
Entry entry(const pb::JournalReceived& m);
Entry entry(const pb::JournalIntent& m);
Entry entry(const pb::JournalEnded& m);
Entry entry(const pb::JournalBlobAcked& m);
Entry entry(const pb::JournalReportAcked& m);
Entry entry(const pb::JournalClosed& m);
Entry entry(const pb::JournalVoided& m);
Entry entry(const pb::JournalReceiptHead& m);

// A command that was running, or may have been, when the agent stopped.
pb::JournalEnded interrupted(const ActionRecord& action, std::uint32_t index, Timestamp now);
// After damage: whatever has not ended may have started, so it is Interrupted.
void interrupt_all(JournalState& state, Timestamp now);

// The entries that fold to the same state, without what finished before `forget_before`.
std::vector<Entry> snapshot(const JournalState& state, Timestamp forget_before);

}  // namespace reachback::agent
