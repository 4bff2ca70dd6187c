// The implementation of the seam: see agent/ports/supervisor.h. Loop thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "agent/command/result_writer.h"
#include "agent/command/run_script.h"
#include "agent/journal/journal.h"
#include "agent/ports/events.h"
#include "agent/ports/process.h"
#include "agent/ports/supervisor.h"
#include "agent/supervisor/anchors.h"
#include "agent/supervisor/file_placing.h"
#include "agent/supervisor/live_output.h"
#include "agent/supervisor/policy.h"
#include "agent/supervisor/result_storing.h"
#include "agent/supervisor/spool.h"
#include "agent/supervisor/typing.h"
#include "base/random.h"
#include "crypto/ed25519.h"

namespace reachback::agent {

// Who this machine is and whom it obeys: made at enrolment.
struct Identity {
  TenantId tenant;
  MachineId machine;
  crypto::Ed25519PrivateKey key;
  std::vector<crypto::Ed25519PublicKey> order_keys;
  std::uint64_t order_keys_version = 1;  // of the list; grows
};

struct SupervisorDeps {
  Events& events;
  Processes& processes;
  Journal& journal;
  Spool& spool;
  const Clock& clock;
  Random& random;
  BootId boot;
  // Host, platform, versions, addresses, as they are at each hello; the rest is filled in.
  std::function<pb::Hello::Body()> facts;
  std::string last_contact;  // 16 bytes or empty
  // Keeps the newest contact for the next hello, durably.
  std::function<Result<void>(const std::string&)> save_contact;
  // Keeps a new list of order keys, durably.
  std::function<Result<void>(const Identity&)> save_order_keys;
  Policy policy = {};
};

class AgentSupervisor : public Supervisor {
 public:
  AgentSupervisor(Identity identity, SupervisorDeps deps);

  // Once, before the first session: settles what an earlier life left (nothing starts here).
  // Errors: the journal's.
  Result<void> recover();
  // The agent ends now: what runs is ended and journalled as Interrupted.
  void shut_down();

  pb::Hello begin_session(const Challenge& challenge,
                          std::function<void(pb::ToServer)> send) override;
  std::uint64_t next_heartbeat() override;
  void end_session() override;
  void deliver(const pb::ToAgent& message, std::vector<Fd> files) override;
  Result<Fd> open_spool(const pb::UploadRequest& request) override;
  void uploaded(const pb::UploadRequest& request, const std::string& blob_name) override;

 private:
  // An action whose next command may start in this life: its scripts are here.
  struct Job {
    ActionId action;
    pb::Order order;
    std::vector<Fd> files;      // by command; not valid: the script could not be had
    Duration window_end{};      // on CLOCK_BOOTTIME
    bool received_now = false;  // `received` waits to be journalled with the first command
    pb::JournalReceived receipt;
  };
  // What a command needs, made before its intent is on disk.
  struct Ready {
    ProcessSpec spec;     // all but PutFile
    Fd file;              // RunScript: the script, sealed. GetFile, Collect: where its result goes
    StreamFiles streams;  // of the process
    std::unique_ptr<FilePlacing> placing;  // PutFile
    std::optional<Typing> typing;          // Terminal
  };
  struct Running {
    ActionId action;
    std::uint32_t index = 0;
    std::int64_t started_us = 0;
    StreamFiles streams;
    Fd fetched;                             // GetFile, Collect: the file of its result
    std::unique_ptr<FilePlacing> placing;   // PutFile
    std::optional<Typing> typing;           // Terminal
    std::unique_ptr<Events::Handle> idle;   // Terminal: nobody types
    Duration ends{};                        // its limit, on CLOCK_BOOTTIME
    std::unique_ptr<Events::Handle> limit;  // of a process
    bool timed_out = false;
    bool gone_idle = false;
    bool cancelled = false;
    bool forgotten = false;  // nobody waits for its end
    // The process has ended, its result goes to disk.
    std::unique_ptr<ResultStoring> storing;
    std::unique_ptr<Events::Handle> next_slice;
  };

  // orders.cc
  void on_order(const pb::ExecuteOrder& message, std::vector<Fd> files);
  void on_known_order(const ActionId& id, const pb::SignedOrder& bytes, const pb::Order& order,
                      std::vector<Fd> files);
  Result<pb::Order> verify(const pb::SignedOrder& order) const;
  void refuse(const pb::SignedOrder& bytes, const pb::Order& order, const std::string& reason);
  void on_cancel(const pb::CancelAction& message);
  void on_acknowledged(const pb::ReportAcknowledged& message);
  void on_upload_again(const pb::UploadAgain& message);
  void on_forget(const pb::ForgetAction& message);
  bool void_action(const ActionId& id, std::uint64_t epoch);
  bool is_past(std::int64_t not_after_us) const;

  // welcome.cc
  void on_welcome(const pb::Welcome& message);
  void keep_contact();
  void on_order_keys(const pb::SignedOrderKeys& message);

  // commands.cc
  void start_next();
  void start_command(Job job, std::uint32_t index, std::vector<Entry> before);
  Result<void> check_policy(const pb::Order& order, const std::vector<Fd>& files) const;
  Result<Ready> prepare(Job& job, std::uint32_t index);
  Result<Ready> prepare_run(const pb::Command& command, Job& job, std::uint32_t index);
  Result<Ready> prepare_built_in(const pb::Command& command, const ActionId& action,
                                 std::uint32_t index);
  Result<Fd> take_file(const pb::Command& command, Job& job, std::uint32_t index) const;
  bool is_window_over(const Job& job) const;
  pb::JournalEnded failed(const pb::Order& order, std::uint32_t index, std::int64_t started_us,
                          const std::string& why) const;

  // running.cc
  void run_command(Job job, std::uint32_t index, Ready ready);
  void on_limit();
  void on_ended(const ProcessEnd& end);
  const pb::Command& running_command() const;
  // ended_early: by the limit, a cancel, or the agent's own end.
  pb::JournalEnded end_now(bool ended_early) const;
  pb::JournalEnded end_of_script(const ProcessEnd& end) const;
  void store_result();
  void leave_forgotten();
  void finish_command(const pb::JournalEnded& ended);

  // files.cc
  Result<Ready> prepare_put(const pb::Command& command, Job& job, std::uint32_t index);
  Result<Ready> prepare_get(const pb::Command& command, const ActionId& action,
                            std::uint32_t index);
  Result<Ready> prepare_file(const ActionId& action, std::uint32_t index);
  Result<Ready> prepare_collect(const ActionId& action, std::uint32_t index);
  void place_file();
  void tell_where(pb::JournalEnded& ended) const;
  void on_fetched(const ProcessEnd& end);
  Result<void> take_fetched(const ProcessEnd& end, pb::JournalEnded& ended);

  // terminal.cc
  Result<Ready> prepare_terminal(const pb::Command& command, const ActionId& action,
                                 std::uint32_t index);
  void wait_for_typing();
  void on_terminal_input(const pb::TerminalInput& input);
  Result<std::uint64_t> type(const pb::TerminalInput& input);

  // receipts.cc
  // written: a script's result and its streams; null where the command is another or left none.
  void add_receipt(pb::JournalEnded& ended, const pb::SignedOrder& order,
                   const WrittenResult* written);
  Entry with_receipt(pb::JournalEnded ended, const pb::SignedOrder& order);

  // recovery.cc
  void say_everything_again();
  void report_all(const ActionId& id);
  // fresh: stored blobs that the journal does not name yet.
  void report(const ActionId& id, std::uint32_t index,
              const std::map<int, pb::BlobRef>& fresh = {});
  bool may_tell(const ActionRecord& record, std::uint32_t index) const;
  void settle(const ActionId& id);  // after acknowledgements: forgets what is finished

  void send(pb::ToServer message);
  void send_received(const ActionId& id, std::uint64_t epoch);
  void send_cancel_confirmed(const ActionId& id, std::uint64_t epoch);
  void send_not_started(const ActionId& id, std::uint64_t epoch);
  bool append(
      const std::vector<Entry>& entries);  // false: logged; the agent starts nothing any more
  const ActionRecord* find(const ActionId& id) const;
  std::int64_t now_us() const;

  Identity identity_;
  SupervisorDeps deps_;
  Anchors anchors_;
  std::string session_;         // nonce of the newest session
  std::string life_;            // of this run of the agent
  std::string unkept_contact_;  // of this session; empty: it is kept
  std::uint64_t attempts_ = 0;
  ReceiptHead receipt_head_;  // of the newest receipt made: the journal's, or on its way there
  std::function<void(pb::ToServer)> send_;
  bool welcomed_ = false;
  // The wall clock agreed with the server's when the session began.
  bool clock_is_good_ = false;
  LiveOutput live_output_;
  std::deque<Job> jobs_;
  std::optional<Running> running_;
  std::optional<Job> running_job_;
  // Uploads that the server has not got, whatever the journal says: action, index, kind.
  std::set<std::tuple<ActionId, std::uint32_t, int>> missing_;
  bool ending_ = false;
};

}  // namespace reachback::agent
