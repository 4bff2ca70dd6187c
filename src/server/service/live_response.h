// The use cases of live-response actions. Any thread may call; `done` is called exactly once, on
// any thread (never block in it). For every caller only the actions of the machines of its scope
// exist (service/scope.h): one of another tenant, or outside the scope, is not_found, like one that
// never was.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/action/step.h"
#include "server/ports/action_store.h"
#include "server/ports/blob_store.h"
#include "server/ports/directory.h"
#include "server/ports/links.h"
#include "server/ports/tokens.h"
#include "server/service/live_view.h"

namespace reachback::server {

// Numbers that a profile or the configuration sets. Source of each default: api/limits.json.
struct LiveResponseLimits {
  Duration queue = std::chrono::hours(2);  // Q: how long an offline machine's action waits
  Duration script_timeout = std::chrono::minutes(10);
  Duration put_file_timeout = std::chrono::minutes(10);
  Duration get_file_timeout = std::chrono::minutes(30);
  Duration built_in_timeout = std::chrono::minutes(10);
  Duration window_slack = std::chrono::minutes(5);  // W = sum of the commands' limits + this
  std::uint64_t active_max = 50;                    // a tenant's unfinished actions; 0: no limit
  std::uint64_t output_bytes_max = std::uint64_t{3} << 30;  // a stream
  std::uint64_t get_file_bytes_max = std::uint64_t{3} << 30;
  bool get_file_raw = false;   // GetFile's result is the file's own bytes; else a gzip stream
  bool put_file_kept = false;  // what PutFile placed stays until the machine restarts
  // A result file: JSON writes one byte as up to six, and stderr stands in it twice.
  std::uint64_t upload_bytes_max = std::uint64_t{54} << 30;
  Duration link_lifetime = std::chrono::minutes(30);
  Duration cancel_wait = std::chrono::seconds(5);
};

struct SubmitCommand {
  action::CommandType type = action::CommandType::run_script;
  std::vector<action::Param> params;  // as sent, for the echo
  std::string file_name;  // run_script: ScriptName, put_file: FileName; built_in, terminal,
                          // collect: its name
  std::optional<std::string> args;       // run_script; built_in, terminal: words name=value
  std::string path;                      // get_file; built_in, terminal: the current folder
  std::optional<Duration> timeout = {};  // else the limit of its type
  bool keep = false;                     // put_file: until the machine restarts, whatever is set
};

struct SubmitRequest {
  MachineId machine;
  std::vector<SubmitCommand> commands;  // 1..100, checked by the caller against its limits
  std::string comment;
  std::optional<std::string> title;
  std::optional<std::string> external_id;
  std::string request_source = "PublicApi";
  std::optional<IdempotencyKey> idempotency_key;
  std::optional<SessionLine> session_line = {};  // the action is this line of a session
};

struct ResultLink {
  std::string url;
  Timestamp expires{};
};

// What an agent announces before it uploads.
enum class UploadKind : std::uint8_t { result = 1, raw_stdout = 2, raw_stderr = 3 };
struct Upload {
  std::uint64_t epoch = 0;
  std::uint32_t index = 0;
  UploadKind kind = UploadKind::result;
  std::uint64_t bytes = 0;
};

struct LiveResponseDeps {
  ActionStore& actions;
  MachineStore& machines;
  LibraryStore& library;
  BlobStore& blobs;
  Notifier& notify;
  AgentLinks& links;
  OrderSigner& signer;
  AuditLog& audit;
  Scheduler& scheduler;
  const Clock& clock;       // for deadlines and what is shown: base/guarded_clocks.h
  const Clock& link_clock;  // for the ends of links: the one that the blob store refuses by
  Random& random;
};

class LiveResponse {
 public:
  virtual ~LiveResponse() = default;
  // blob_name_key: 32 secret bytes, the same for the life of the data.
  static std::unique_ptr<LiveResponse> create(LiveResponseDeps deps, LiveResponseLimits limits,
                                              std::string blob_name_key);

  // ---- for the API ----
  // 201 material: when `done` says ok the action is durable. The library files are pinned by hash.
  // Errors: not_found (machine), invalid_input (unbalanced quotes in Args, a library file that is
  // not there, a wrong order of command types), already_active, too_many_requests (active_max),
  // mismatch (idempotency key with another body), conflict (the session of session_line has ended),
  // os_not_supported, unavailable, storage_full.
  virtual void submit(const Principal& by, SubmitRequest request, Done<action::Action> done) = 0;
  virtual void get(const Principal& by, ActionId id,
                   Done<action::Action> done) = 0;  // Errors: not_found.
  // As get(), but answers when the action is final or `timeout` is over, with the action as it then
  // is.
  virtual void wait_final(const Principal& by, ActionId id, Duration timeout,
                          Done<action::Action> done) = 0;
  // A watcher of the action: LiveView::next() says what it has. with_output: the caller may read
  // results.
  virtual std::shared_ptr<LiveView> watch(ActionId id, bool with_output,
                                          std::optional<ViewPosition> from) = 0;
  // Errors: invalid_query (the query would have to look at too many rows).
  virtual void list(const Principal& by, odata::Query query, ListBounds bounds,
                    Done<ActionPage> done) = 0;
  // Waits up to limits.cancel_wait for the agent's word, then tells the truth (decisions.md 5).
  // Already Cancelled: ok with the action. Errors: not_found, already_final (Succeeded, Failed,
  // TimeOut).
  virtual void cancel(const Principal& by, ActionId id, std::string comment,
                      Done<action::Action> done) = 0;
  // A fresh link to the result of command `index`; the action is unchanged. The mint is in the
  // audit file before `done`. Errors: not_found (action, index, not finished, no result: the
  // message says which), unavailable (also: the result is missing or damaged in the store, which is
  // an alarm in the log). Source: MDE "Get live response results".
  virtual void mint_link(const Principal& by, ActionId id, std::uint32_t index, std::string peer_ip,
                         Done<ResultLink> done) = 0;

  // ---- for the agents' side ----
  // Looks for work for a connected machine: grants what waits, repeats what it may have missed.
  // Idempotent.
  virtual void dispatch(TenantId tenant, MachineId machine) = 0;
  // What an agent reported about an action of its own machine. Blobs in a CommandEnded are checked
  // in the blob store (length and hash) first. Errors: not_found (unknown or another machine's
  // action), refused ones as conflict with the reason, mismatch (a blob is not stored, or not as
  // reported: the agent uploads and reports again), unavailable (also for a report that came before
  // an earlier command's: report again).
  virtual void agent_event(TenantId tenant, MachineId machine, ActionId id, action::Event event,
                           Done<action::Verdict> done) = 0;
  // A write link for an upload the agent announces. The blob's name follows from action, epoch,
  // index and kind (HMAC with blob_name_key), so an agent cannot name another result's blob, and
  // the same upload done twice is the same blob. Errors: not_found (unknown, another machine's,
  // another epoch), invalid_input (index, PutFile), too_large.
  virtual void upload_link(TenantId tenant, MachineId machine, ActionId id, Upload upload,
                           Done<std::string> done) = 0;

  // ---- for the server ----
  // Ends what is past its deadline. Call every few seconds; level-triggered, so a missed call costs
  // time only.
  virtual void reap(Done<std::size_t> done) = 0;
  // Answers every wait_final() with the action as it is, and lets every watcher know: the server is
  // about to stop.
  virtual void finish_waiting() = 0;
};

}  // namespace reachback::server
