// The parts of LiveResponse, each use case in a file of its own: submit.cc, transition.cc,
// dispatch.cc, cancel.cc, mint_link.cc, agent_side.cc.
#pragma once

#include "protocol/agent_messages.h"
#include "server/service/live_response.h"
#include "server/service/texts.h"
#include "server/service/waiters.h"

namespace reachback::server {

class LiveResponseService : public LiveResponse {
 public:
  LiveResponseService(LiveResponseDeps deps, LiveResponseLimits limits, std::string blob_name_key);

  void submit(const Principal& by, SubmitRequest request, Done<action::Action> done) override;
  void get(const Principal& by, ActionId id, Done<action::Action> done) override;
  void wait_final(const Principal& by, ActionId id, Duration timeout,
                  Done<action::Action> done) override;
  std::shared_ptr<LiveView> watch(ActionId id, bool with_output,
                                  std::optional<ViewPosition> from) override;
  void list(const Principal& by, odata::Query query, ListBounds bounds,
            Done<ActionPage> done) override;
  void cancel(const Principal& by, ActionId id, std::string comment,
              Done<action::Action> done) override;
  void mint_link(const Principal& by, ActionId id, std::uint32_t index, std::string peer_ip,
                 Done<ResultLink> done) override;
  void dispatch(TenantId tenant, MachineId machine) override;
  void agent_event(TenantId tenant, MachineId machine, ActionId id, action::Event event,
                   Done<action::Verdict> done) override;
  void upload_link(TenantId tenant, MachineId machine, ActionId id, Upload upload,
                   Done<std::string> done) override;
  void reap(Done<std::size_t> done) override;
  void finish_waiting() override;

 private:
  struct Transition {
    TenantId tenant;
    ActionId id;
    action::Event event;
    Principal by;             // of an agent or the reaper: only `requestor` is set
    Done<action::Step> done;  // the step that was taken, its `next` as stored
    int tries_left = 0;
    std::optional<MachineId> only_machine;  // else not_found
  };

  // Reads, steps and writes with compare-and-set until it holds; then acts on the effects. Nothing
  // leaves before its write is durable.
  void transition(const std::shared_ptr<Transition>& t);
  void act(const action::Step& step);

  // The action, if it exists for the caller: the one gate of everything that names an action by its
  // id. Errors: not_found, unavailable.
  void find_action(const Principal& by, ActionId id, Done<action::Action> done);
  void answer_replay(const std::shared_ptr<struct Submission>& s, action::Action earlier);
  void find_machine(const std::shared_ptr<struct Submission>& s);
  void pin_next_file(std::shared_ptr<struct Submission> s, std::size_t index);
  void store_submission(const std::shared_ptr<struct Submission>& s);
  void grant_at_once(const std::shared_ptr<struct Accepting>& accepting);

  void send_order(const action::Action& a);
  std::optional<Claim> claim_for(const action::Action& a);
  void push_order(const action::Action& a, std::vector<std::string> inlined);
  void push_signed(std::shared_ptr<struct LinkedOrder> o, std::vector<std::string> inlined);
  void link_next_file(std::shared_ptr<struct LinkedOrder> o, std::size_t index);
  void send_cancel(const action::Action& a);
  void wake(const ActionId& id) { waiters_.wake_all(id); }

  void explain_missing(const std::shared_ptr<Transition>& t, const Error& why);
  void check_blobs(TenantId tenant, std::vector<action::StoredBlob> blobs, Done<void> done);
  std::string blob_name(const ActionId& id, const Upload& upload) const;

  LiveResponseDeps deps_;
  LiveResponseLimits limits_;
  std::string blob_name_key_;
  Waiters waiters_;  // for an end
  Waiters changes_;  // for any stored change
  Mutex views_mutex_;
  std::vector<std::weak_ptr<LiveView>> views_ RB_GUARDED_BY(views_mutex_);
};

}  // namespace reachback::server
