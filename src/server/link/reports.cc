#include "server/link/reports.h"

namespace reachback::server {
namespace {

Result<std::optional<action::StoredBlob>> blob(bool present, const pb::BlobRef& ref) {
  if (!present) {
    return std::optional<action::StoredBlob>();
  }
  auto name = from_hex(ref.name());
  auto digest = sha256_from_bytes(ref.sha256());
  if (!name || name->size() != 16 || !digest) {
    return Error{Errc::protocol, "a blob's name or digest is malformed"};
  }
  return std::optional<action::StoredBlob>(action::StoredBlob{ref.name(), ref.bytes(), *digest});
}

}  // namespace

Result<action::CommandEnded> command_ended(const pb::CommandEnded& m) {
  if (m.outcome() != pb::COMPLETED && m.outcome() != pb::FAILED) {
    return Error{Errc::protocol, "a report without an outcome"};
  }
  action::CommandEnded e;
  e.epoch = m.epoch();
  e.index = m.index();
  e.completed = m.outcome() == pb::COMPLETED;
  if (m.started_us() != 0) {
    e.started = from_micros(m.started_us());
  }
  e.ended = from_micros(m.ended_us());
  if (m.has_exit_code()) {
    e.exit_code = m.exit_code();
  }
  e.errors = {m.errors().begin(), m.errors().end()};
  RB_TRY_ASSIGN(e.result, blob(m.has_result(), m.result()));
  RB_TRY_ASSIGN(e.raw_stdout, blob(m.has_raw_stdout(), m.raw_stdout()));
  RB_TRY_ASSIGN(e.raw_stderr, blob(m.has_raw_stderr(), m.raw_stderr()));
  if (m.has_file()) {
    auto digest = sha256_from_bytes(m.file().sha256());
    if (!digest) {
      return Error{Errc::protocol, "a file's digest is malformed"};
    }
    e.file = action::FetchedFile{m.file().path(), m.file().bytes(), *digest};
  }
  return e;
}

MachineFacts facts_of(const pb::Hello::Body& body, const std::string& peer_ip) {
  MachineFacts facts;
  facts.name = body.host_name();
  facts.os_platform = body.os_platform();
  facts.os_distribution = body.os_distribution();
  facts.os_version = body.os_version();
  facts.os_architecture = body.os_architecture();
  facts.os_processor = body.os_processor();
  facts.os_build = static_cast<std::int64_t>(body.os_build());
  facts.agent_version = body.agent_version();
  for (const pb::NetworkAddress& address : body.addresses()) {
    facts.addresses.push_back({address.ip(), address.mac(),
                               static_cast<InterfaceType>(address.type()),
                               static_cast<OperationalStatus>(address.status())});
  }
  facts.last_external_ip = peer_ip;
  facts.last_ip = facts.addresses.empty() ? peer_ip : facts.addresses.front().ip;
  return facts;
}

}  // namespace reachback::server
