#include "fleet/liar.h"

#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::fleet {
namespace {

// No grant of a test or a benchmark comes so far.
constexpr std::uint64_t kEpochsToCome = 1000;

}  // namespace

Liar::Liar(agent::Supervisor& honest, const MachineId& machine, Stats& stats, Rumours& rumours,
           const Clock& clock, Random& random, const crypto::Ed25519PrivateKey& stranger)
    : honest_(honest),
      machine_(machine),
      stats_(stats),
      rumours_(rumours),
      clock_(clock),
      random_(random),
      stranger_(stranger) {}

pb::Hello Liar::begin_session(const agent::Challenge& challenge,
                              std::function<void(pb::ToServer)> send) {
  send_ = std::move(send);
  pb::Hello hello = honest_.begin_session(
      challenge, [this](pb::ToServer message) { say_the_truth(std::move(message)); });
  if (!std::exchange(forged_once_, true)) {
    const auto body = protocol::decode_hello_body(hello.body());
    if (body.ok()) {
      forged_ = true;
      ++stats_.lies;
      hello = protocol::sign_hello(*body, challenge.server_nonce, challenge.exporter, stranger_);
    }
  }
  return hello;
}

void Liar::end_session() {
  if (std::exchange(forged_, false)) {
    ++stats_.lies_refused;
  }
  send_ = nullptr;
  // What the server has not answered by now it answers no more.
  for (const auto& [claim, due] : std::exchange(told_, {})) {
    stats_.lies_unanswered += due;
  }
  stats_.lies_unanswered += std::exchange(no_result_, {}).size();
  uploads_.clear();
  honest_.end_session();
}

void Liar::say_the_truth(pb::ToServer message) {
  if (message.has_command_ended()) {
    auto& report = *message.mutable_command_ended();
    const auto lie = no_result_.find({report.action(), report.epoch()});
    if (lie != no_result_.end()) {
      lie->second = true;  // From here on an acknowledgement is the truth's.
    }
    auto receipt = protocol::decode_receipt(report.receipt().receipt());
    if (report.has_receipt() && receipt.ok()) {
      *report.mutable_receipt() = protocol::sign_receipt(*receipt, stranger_);
      ++stats_.lies;
      ++stats_.lies_unanswered;
    }
  }
  if (send_) {
    send_(std::move(message));
  }
}

void Liar::lie(pb::ToServer message, const Claim& claim) {
  if (send_) {
    ++stats_.lies;
    ++told_[claim];
    send_(std::move(message));
  }
}

pb::ToServer Liar::ended(const Claim& claim, pb::Outcome outcome) {
  const std::int64_t now = to_micros(clock_.now());
  pb::ToServer out;
  auto* m = out.mutable_command_ended();
  m->set_action(claim.first);
  m->set_epoch(claim.second);
  m->set_outcome(outcome);
  m->set_started_us(now);
  m->set_ended_us(now);
  if (outcome == pb::FAILED) {
    m->add_errors("Lie: of a simulated agent");
  }
  return out;
}

void Liar::lie_about_nothing() {
  const Claim claim{random_.bytes(ActionId::kBytes), 1};
  lie(ended(claim, pb::FAILED), claim);
}

void Liar::lie_about_others() {
  const auto rumour = rumours_.about_others(machine_, random_);
  if (!rumour || !send_) {
    return;
  }
  const Claim claim{rumour->action, rumour->epoch};
  pb::ToServer started;
  started.mutable_command_started()->set_action(claim.first);
  started.mutable_command_started()->set_epoch(claim.second);
  started.mutable_command_started()->set_at_us(to_micros(clock_.now()));
  lie(std::move(started), claim);
  lie(ended(claim, pb::FAILED), claim);
  pb::ToServer cancelled;
  cancelled.mutable_cancel_confirmed()->set_action(claim.first);
  cancelled.mutable_cancel_confirmed()->set_epoch(claim.second);
  lie(std::move(cancelled), claim);
  pb::ToServer upload;
  auto* m = upload.mutable_upload_request();
  m->set_action(claim.first);
  m->set_epoch(claim.second);
  m->set_kind(pb::RESULT);
  m->set_bytes(1);
  m->set_sha256(random_.bytes(32));
  ++stats_.lies;
  ++stats_.lies_unanswered;
  uploads_.insert(claim.first);
  send_(std::move(upload));
}

void Liar::lie_about(const pb::Order& order) {
  const Claim to_come{order.action(), order.epoch() + kEpochsToCome};
  lie(ended(to_come, pb::FAILED), to_come);
  const Claim own{order.action(), order.epoch()};
  pb::ToServer message = ended(own, pb::COMPLETED);
  auto* result = message.mutable_command_ended()->mutable_result();
  result->set_name(to_hex(random_.bytes(16)));
  result->set_bytes(1);
  result->set_sha256(random_.bytes(32));
  if (send_ && no_result_.emplace(own, false).second) {
    ++stats_.lies;
    send_(std::move(message));
  }
}

bool Liar::is_about_lie(const Claim& claim, std::atomic<std::uint64_t>& counter) {
  const auto found = told_.find(claim);
  if (found == told_.end()) {
    return false;
  }
  if (--found->second == 0) {
    told_.erase(found);
  }
  ++counter;
  return true;
}

void Liar::deliver(const pb::ToAgent& message, std::vector<Fd> files) {
  if (message.has_welcome()) {
    if (std::exchange(forged_, false)) {
      ++stats_.lies_believed;
    }
    honest_.deliver(message, std::move(files));
    lie_about_nothing();
    lie_about_others();
    return;
  }
  if (message.has_execute_order()) {
    const auto order = protocol::decode_order(message.execute_order().order().order());
    if (order.ok()) {
      lie_about_others();
      lie_about(*order);
    }
  } else if (message.has_forget_action()) {
    const auto& m = message.forget_action();
    if (is_about_lie({m.action(), m.epoch()}, stats_.lies_refused)) {
      return;
    }
  } else if (message.has_report_acknowledged()) {
    const auto& m = message.report_acknowledged();
    if (is_about_lie({m.action(), m.epoch()}, stats_.lies_believed)) {
      return;
    }
    const auto lie = no_result_.find({m.action(), m.epoch()});
    if (lie != no_result_.end() && !lie->second) {
      no_result_.erase(lie);
      ++stats_.lies_believed;
      return;
    }
  } else if (message.has_upload_again()) {
    const auto& m = message.upload_again();
    if (no_result_.erase({m.action(), m.epoch()}) != 0) {
      ++stats_.lies_refused;
    }
    // The honest part looks for itself whether it has to.
  }
  honest_.deliver(message, std::move(files));
}

Result<Fd> Liar::open_spool(const pb::UploadRequest& request) {
  if (uploads_.contains(request.action())) {
    ++stats_.lies_believed;
    return Error{Errc::not_found, "spool: a lie has no bytes"};
  }
  return honest_.open_spool(request);
}

}  // namespace reachback::fleet
