#include "agent/journal/state.h"

#include <fmt/format.h>

#include "base/variant.h"
#include "crypto/digest.h"

namespace reachback::agent {
namespace {

template <typename Message>
Entry make(RecordType type, const Message& m) {
  return Entry{type, m.SerializeAsString()};
}

Error corrupt(std::string_view what) {
  return Error{Errc::corrupt, fmt::format("journal: {}", what)};
}

template <typename Message>
Result<Message> parse(const Entry& entry) {
  Message m;
  if (!m.ParseFromString(entry.payload)) {
    return corrupt(fmt::format("a record of type {} is no message", static_cast<int>(entry.type)));
  }
  return m;
}

Result<ActionRecord*> find_action(JournalState& state, const std::string& bytes) {
  auto id = ActionId::from_bytes(bytes);
  auto found = id ? state.actions.find(*id) : state.actions.end();
  if (found == state.actions.end()) {
    return corrupt("a record of an action that was not received");
  }
  return &found->second;
}

Result<CommandRecord*> find_command(JournalState& state, const std::string& action,
                                    std::uint32_t index) {
  RB_TRY_ASSIGN(ActionRecord * record, find_action(state, action));
  if (index >= record->commands.size()) {
    return corrupt(fmt::format("a record of command {} of {}", index, record->commands.size()));
  }
  return &record->commands[index];
}

Result<void> apply_received(JournalState& state, pb::JournalReceived m) {
  pb::Order order;
  if (!order.ParseFromString(m.order().order())) {
    return corrupt("an order that is no message");
  }
  auto id = ActionId::from_bytes(order.action());
  if (!id) {
    return corrupt("an order without an action");
  }
  ActionRecord& record = state.actions[*id];
  if (RB_VARIANT("lease_regrant") && record.received) {
    record = ActionRecord();
  }
  if (record.received || order.epoch() <= record.voided_epoch ||
      (record.closed && record.closed->reason() != kVoidedReason)) {
    return corrupt("an action that was received twice");
  }
  record.closed.reset();
  record.order = std::move(order);
  record.received = std::move(m);
  record.commands.assign(static_cast<std::size_t>(record.order.commands_size()), CommandRecord());
  return {};
}

Result<void> apply_receipt(JournalState& state, const pb::SignedReceipt& signed_receipt) {
  pb::Receipt receipt;
  if (!receipt.ParseFromString(signed_receipt.receipt())) {
    return corrupt("a receipt that is no message");
  }
  if (receipt.number() > state.receipt_head.number) {  // a snapshot holds the head apart
    state.receipt_head.number = receipt.number();
    state.receipt_head.sha256 = std::string(as_bytes(crypto::sha256(signed_receipt.receipt())));
  }
  return {};
}

void drop_if_finished(ActionRecord& record) {
  if (record.is_finished() && record.received) {
    const std::uint64_t epoch = record.epoch();
    record.received.reset();
    record.order = pb::Order();
    record.order.set_epoch(epoch);
    record.commands = std::vector<CommandRecord>();
  }
}

}  // namespace

bool ActionRecord::is_over() const {
  if (closed || is_voided()) {
    return true;
  }
  for (const CommandRecord& c : commands) {
    if (c.ended && c.ended->ended().outcome() == pb::FAILED) {
      return true;
    }
  }
  return false;
}

bool ActionRecord::has_unacknowledged() const {
  for (const CommandRecord& c : commands) {
    if ((c.ended && !c.report_acked) || (c.intent && !c.ended)) {
      return true;
    }
  }
  return false;
}

bool ActionRecord::is_finished() const {
  return closed.has_value() && !has_unacknowledged();
}

Result<void> JournalState::apply(const Entry& entry) {
  switch (entry.type) {
    case RecordType::generation: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalGeneration>(entry));
      auto id = JournalGeneration::from_bytes(m.generation());
      if (!id) {
        return corrupt("a generation that is no id");
      }
      generation = *id;
      return {};
    }
    case RecordType::received: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalReceived>(entry));
      return apply_received(*this, std::move(m));
    }
    case RecordType::intent: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalIntent>(entry));
      RB_TRY_ASSIGN(CommandRecord * c, find_command(*this, m.action(), m.index()));
      if (c->intent || c->ended) {
        return corrupt("a command that starts twice");
      }
      c->intent = std::move(m);
      return {};
    }
    case RecordType::ended: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalEnded>(entry));
      RB_TRY_ASSIGN(CommandRecord * c, find_command(*this, m.ended().action(), m.ended().index()));
      if (c->ended) {
        return corrupt("a command that ends twice");
      }
      if (m.ended().has_receipt()) {
        RB_TRY(apply_receipt(*this, m.ended().receipt()));
      }
      c->ended = std::move(m);
      return {};
    }
    case RecordType::blob_acked: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalBlobAcked>(entry));
      RB_TRY_ASSIGN(CommandRecord * c, find_command(*this, m.action(), m.index()));
      c->blobs[m.kind()] = m.blob();
      return {};
    }
    case RecordType::report_acked: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalReportAcked>(entry));
      RB_TRY_ASSIGN(CommandRecord * c, find_command(*this, m.action(), m.index()));
      c->report_acked = true;
      RB_TRY_ASSIGN(ActionRecord * record, find_action(*this, m.action()));
      drop_if_finished(*record);
      return {};
    }
    case RecordType::closed: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalClosed>(entry));
      auto id = ActionId::from_bytes(m.action());
      if (!id) {
        return corrupt("a closed action without an id");
      }
      ActionRecord& record = actions[*id];
      record.closed = std::move(m);
      drop_if_finished(record);
      return {};
    }
    case RecordType::voided: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalVoided>(entry));
      auto id = ActionId::from_bytes(m.action());
      if (!id) {
        return corrupt("a voided action without an id");
      }
      ActionRecord& record = actions[*id];
      record.voided_epoch = std::max(record.voided_epoch, m.epoch());
      return {};
    }
    case RecordType::receipt_head: {
      RB_TRY_ASSIGN(auto m, parse<pb::JournalReceiptHead>(entry));
      receipt_head = ReceiptHead{m.number(), m.sha256()};
      return {};
    }
    case RecordType::batch:
    case RecordType::grown:
      return {};
  }
  return corrupt("a record of an unknown type");
}

Entry entry(const pb::JournalGeneration& m) {
  return make(RecordType::generation, m);
}
Entry entry(const pb::JournalReceived& m) {
  return make(RecordType::received, m);
}
Entry entry(const pb::JournalIntent& m) {
  return make(RecordType::intent, m);
}
Entry entry(const pb::JournalEnded& m) {
  return make(RecordType::ended, m);
}
Entry entry(const pb::JournalBlobAcked& m) {
  return make(RecordType::blob_acked, m);
}
Entry entry(const pb::JournalReportAcked& m) {
  return make(RecordType::report_acked, m);
}
Entry entry(const pb::JournalClosed& m) {
  return make(RecordType::closed, m);
}
Entry entry(const pb::JournalVoided& m) {
  return make(RecordType::voided, m);
}
Entry entry(const pb::JournalReceiptHead& m) {
  return make(RecordType::receipt_head, m);
}

pb::JournalEnded interrupted(const ActionRecord& action, std::uint32_t index, Timestamp now) {
  pb::JournalEnded out;
  auto* ended = out.mutable_ended();
  ended->set_action(action.order.action());
  ended->set_epoch(action.epoch());
  ended->set_index(index);
  ended->set_outcome(pb::FAILED);
  if (action.commands[index].intent) {
    ended->set_started_us(action.commands[index].intent->at_us());
  }
  ended->set_ended_us(std::max<std::int64_t>(to_micros(now), 0));
  ended->add_errors(std::string(kInterrupted));
  return out;
}

void interrupt_all(JournalState& state, Timestamp now) {
  for (auto& [id, action] : state.actions) {
    if (!action.received || action.is_finished() || action.is_voided()) {
      continue;
    }
    for (std::uint32_t i = 0; i < action.commands.size(); ++i) {
      CommandRecord& c = action.commands[i];
      if (!c.ended && (c.intent || !action.closed)) {
        c.ended = interrupted(action, i, now);
      }
    }
  }
}

std::vector<Entry> snapshot(const JournalState& state, Timestamp forget_before) {
  std::vector<Entry> out;
  pb::JournalGeneration generation;
  generation.set_generation(std::string(state.generation.bytes()));
  out.push_back(entry(generation));
  if (state.receipt_head.number != 0) {
    pb::JournalReceiptHead head;
    head.set_number(state.receipt_head.number);
    head.set_sha256(state.receipt_head.sha256);
    out.push_back(entry(head));
  }
  for (const auto& [id, action] : state.actions) {
    if (action.is_finished() && action.closed->at_us() < to_micros(forget_before)) {
      continue;
    }
    if (action.received) {
      out.push_back(entry(*action.received));
    }
    for (std::uint32_t i = 0; i < action.commands.size(); ++i) {
      const CommandRecord& c = action.commands[i];
      if (c.intent) {
        out.push_back(entry(*c.intent));
      }
      if (c.ended) {
        out.push_back(entry(*c.ended));
      }
      for (const auto& [kind, blob] : c.blobs) {
        pb::JournalBlobAcked m;
        m.set_action(std::string(id.bytes()));
        m.set_index(i);
        m.set_kind(static_cast<pb::UploadKind>(kind));
        *m.mutable_blob() = blob;
        out.push_back(entry(m));
      }
      if (c.report_acked) {
        pb::JournalReportAcked m;
        m.set_action(std::string(id.bytes()));
        m.set_index(i);
        out.push_back(entry(m));
      }
    }
    if (action.voided_epoch != 0) {
      pb::JournalVoided m;
      m.set_action(std::string(id.bytes()));
      m.set_epoch(action.voided_epoch);
      out.push_back(entry(m));
    }
    if (action.closed) {
      out.push_back(entry(*action.closed));
    }
  }
  return out;
}

}  // namespace reachback::agent
