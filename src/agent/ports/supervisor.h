// The seam between the agent's network part and its privileged part. The network part holds no key,
// no journal and no process: it passes messages and file descriptors through here and nothing else,
// and the supervisor believes nothing that is not signed. Loop thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

// What a new connection says before anything is sent on it.
struct Challenge {
  std::string server_nonce;              // 32 bytes, of the upgrade answer
  std::string exporter;                  // of the TLS session; empty without TLS
  std::optional<Timestamp> server_time;  // the upgrade answer's Date, when it has one
};

class Supervisor {
 public:
  virtual ~Supervisor() = default;

  // A connection stands: the hello to send on it now, as heartbeat 0. Replaces an earlier session.
  virtual pb::Hello begin_session(const Challenge& challenge,
                                  std::function<void(pb::ToServer)> send) = 0;
  // The number of the heartbeat to send now: the execution windows granted on it count from this
  // call.
  virtual std::uint64_t next_heartbeat() = 0;
  // The connection is gone; `send` is not called any more.
  virtual void end_session() = 0;

  // A message of the server, decoded and within its limits. files: for an ExecuteOrder, one entry
  // per command, valid where the file was downloaded by its link; its bytes are checked against the
  // order.
  virtual void deliver(const pb::ToAgent& message, std::vector<Fd> files) = 0;

  // The bytes that `request` announced, open for reading. Errors: not_found (acknowledged
  // meanwhile).
  virtual Result<Fd> open_spool(const pb::UploadRequest& request) = 0;
  // The bytes of `request` stand durably in the blob store under `blob_name`.
  virtual void uploaded(const pb::UploadRequest& request, const std::string& blob_name) = 0;
};

}  // namespace reachback::agent
