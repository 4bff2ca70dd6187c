#include "server/service/live_response.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/digest.h"
#include "protocol/codec.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_clock.h"
#include "testing/fake_links.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using action::CommandStatus;
using action::Status;
using testing::wait_for;

template <typename T>
T id_of(char c) {
  return *T::from_bytes(std::string(T::kBytes, c));
}

// A server without network: one tenant, one enrolled machine, one script in the library.
class LiveResponseTest : public ::testing::Test {
 protected:
  LiveResponseTest() {
    by_.tenant = tenant_;
    by_.caller = by_.requestor = "app-1";
    by_.token_id = "jti-1";
    EXPECT_TRUE(
        wait_for([&](auto d) { stores_.apps().add_tenant(Tenant{tenant_, "default"}, d); }).ok());
    EnrollmentToken token;
    token.tenant = tenant_;
    token.token = crypto::sha256("token");
    token.expires = clock_.now() + std::chrono::hours(1);
    token.uses_left = 20;
    EXPECT_TRUE(wait_for([&](auto d) { stores_.apps().add_token(token, d); }).ok());
    machine_ = enroll("web-01");
    add_script("hello.sh", "echo hello");
    live_ = LiveResponse::create(
        LiveResponseDeps{stores_.actions(), stores_.machines(), stores_.library(), blobs_, notify_,
                         links_, signer_, audit_, scheduler_, clock_, clock_, random_},
        limits_, std::string(32, 'k'));
  }

  MachineId enroll(const std::string& name, const std::string& os_platform = "Linux") {
    Machine m;
    m.public_key = "key of " + name;
    m.id = MachineId::from_key_digest(crypto::sha256(m.public_key));
    m.name = name;
    m.os_platform = os_platform;
    m.first_seen = m.last_seen = clock_.now();
    auto done = wait_for<Machine>(
        [&](auto d) { stores_.machines().enroll(crypto::sha256("token"), m, clock_.now(), d); });
    EXPECT_TRUE(done.ok());
    return m.id;
  }
  void add_script(const std::string& name, const std::string& content) {
    std::string blob = to_hex(as_bytes(crypto::sha256(name + content)).substr(0, 16));
    EXPECT_TRUE(wait_for<BlobInfo>([&](auto d) { blobs_.put(tenant_, blob, content, d); }).ok());
    LibraryFile f;
    f.tenant = tenant_;
    f.name = name;
    f.sha256 = crypto::sha256(content);
    f.bytes = content.size();
    f.blob = blob;
    f.created = f.updated = clock_.now();
    EXPECT_TRUE(
        wait_for<LibraryFile>([&](auto d) { stores_.library().put(f, /*replace=*/true, d); }).ok());
  }

  SubmitRequest request(std::size_t commands = 1) {
    SubmitRequest r;
    r.machine = machine_;
    r.comment = "look";
    for (std::size_t i = 0; i < commands; ++i) {
      SubmitCommand c;
      c.file_name = "hello.sh";
      c.params = {{"ScriptName", "hello.sh"}};
      r.commands.push_back(c);
    }
    return r;
  }
  Result<action::Action> submit(SubmitRequest r) {
    return wait_for<action::Action>([&](auto d) { live_->submit(by_, std::move(r), d); });
  }
  action::Action get(const ActionId& id) {
    auto a = wait_for<action::Action>([&](auto d) { live_->get(by_, id, d); });
    EXPECT_TRUE(a.ok());
    return a ? *a : action::Action();
  }
  void connect(char generation = 'g') {
    Claim c;
    c.tenant = tenant_;
    c.machine = machine_;
    c.generation = id_of<JournalGeneration>(generation);
    c.session = std::string(16, 's');
    links_.connect(c);
    live_->dispatch(tenant_, machine_);
  }
  Result<action::Verdict> tell(const ActionId& id, action::Event e) {
    return wait_for<action::Verdict>(
        [&](auto d) { live_->agent_event(tenant_, machine_, id, std::move(e), d); });
  }
  // Uploads a result the way an agent does and gives the report that goes with it.
  action::CommandEnded ended(const ActionId& id, std::uint64_t epoch, std::uint32_t index,
                             const std::string& content, bool completed = true) {
    Upload u{epoch, index, UploadKind::result, content.size()};
    auto url =
        wait_for<std::string>([&](auto d) { live_->upload_link(tenant_, machine_, id, u, d); });
    EXPECT_TRUE(url.ok());
    std::string path = url->substr(0, url->find('?'));
    std::string name = path.substr(path.rfind('/') + 1);
    EXPECT_TRUE(wait_for<BlobInfo>([&](auto d) { blobs_.put(tenant_, name, content, d); }).ok());
    action::CommandEnded e;
    e.epoch = epoch;
    e.index = index;
    e.completed = completed;
    e.started = e.ended = clock_.now();
    e.exit_code = 0;
    e.result = action::StoredBlob{name, content.size(), crypto::sha256(content)};
    return e;
  }
  std::ptrdiff_t audited(std::string_view kind) {
    const auto all = stores_.actions().audit();
    return std::count_if(all.begin(), all.end(),
                         [&](const auto& a) { return a.entry.kind == kind; });
  }
  const pb::ToAgent& last_push() { return links_.pushed.back().second; }

  TenantId tenant_ = id_of<TenantId>('t');
  Principal by_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  testing::FakeStores stores_;
  testing::FakeBlobStore blobs_;
  testing::FakeNotifier notify_;
  testing::FakeAgentLinks links_;
  testing::FakeSigner signer_;
  testing::FakeAudit audit_;
  testing::FakeScheduler scheduler_;
  LiveResponseLimits limits_;
  MachineId machine_;
  std::unique_ptr<LiveResponse> live_;
};

TEST_F(LiveResponseTest, an_offline_machines_action_waits_and_is_granted_when_it_connects) {
  auto a = submit(request());
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->status, Status::pending);
  EXPECT_TRUE(links_.pushed.empty());
  connect();
  EXPECT_EQ(get(a->id).status, Status::in_progress);
  ASSERT_EQ(links_.pushed.size(), 1u);
  auto order = protocol::verify_order(last_push().execute_order().order(), signer_.public_key());
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->action(), a->id.bytes());
  EXPECT_EQ(order->epoch(), 1u);
  EXPECT_EQ(order->generation(), std::string(16, 'g'));
  EXPECT_EQ(order->window_ms(), 15u * 60 * 1000);
  EXPECT_EQ(order->commands(0).file_sha256(), as_bytes(crypto::sha256("echo hello")));
  EXPECT_EQ(last_push().execute_order().files(0).content(), "echo hello");
}

TEST_F(LiveResponseTest, the_order_is_pushed_only_after_the_grant_is_stored) {
  connect();
  stores_.actions().faults().hold();
  Result<action::Action> accepted = Error{Errc::internal, "not called"};
  live_->submit(by_, request(), [&](Result<action::Action> r) { accepted = std::move(r); });
  while (stores_.actions().faults().held() > 0) {
    if (!accepted.ok()) {
      EXPECT_TRUE(links_.pushed.empty());
    }
    stores_.actions().faults().deliver();
  }
  stores_.actions().faults().release();
  EXPECT_TRUE(accepted.ok());
  EXPECT_EQ(links_.pushed.size(), 1u);
}

TEST_F(LiveResponseTest, a_lost_hint_is_made_up_for_by_the_next_sweep) {
  connect();
  notify_.deliver = false;
  auto a = submit(request());
  ASSERT_TRUE(tell(a->id, ended(a->id, 1, 0, "{}")).ok());
  links_.disconnect(machine_);
  auto b = submit(request());
  Claim claim;
  claim.tenant = tenant_;
  claim.machine = machine_;
  claim.generation = id_of<JournalGeneration>('g');
  links_.connect(claim);  // back, and nobody says so
  EXPECT_EQ(get(b->id).status, Status::pending);
  live_->dispatch(tenant_, machine_);  // what a heartbeat does
  EXPECT_EQ(get(b->id).status, Status::in_progress);
}

TEST_F(LiveResponseTest, a_connected_machines_action_is_granted_in_the_commit_of_its_insert) {
  connect();
  notify_.deliver = false;
  auto a = submit(request());
  EXPECT_EQ(a->status, Status::pending);  // what the 201 says
  EXPECT_EQ(get(a->id).status, Status::in_progress);
  EXPECT_EQ(links_.pushed.size(), 1u);
  EXPECT_EQ(submit(request()).error().code, Errc::already_active);
  EXPECT_EQ(links_.pushed.size(), 1u);  // a refused insert grants nothing
}

// The fakes' store behind a queue: an insert is done at commit(), a replace may be refused at once,
// as by a full queue. Counts what a hint leads to.
class QueuedActions : public ActionStore {
 public:
  explicit QueuedActions(ActionStore& inner) : inner_(inner) {}
  void insert(action::Action a, std::optional<IdempotencyKey> key, InsertLimits limits,
              AuditEntry audit, Done<Inserted> done) override {
    insert_ = [this, a = std::move(a), key = std::move(key), limits, audit = std::move(audit),
               done = std::move(done)] { inner_.insert(a, key, limits, audit, done); };
  }
  void replace(action::Action next, AuditEntry audit, Done<action::Action> done) override {
    if (refuses_replaces) {
      done(Error{Errc::unavailable, "too many writes wait"});
    } else if (insert_) {
      replace_ = [this, next = std::move(next), audit = std::move(audit), done = std::move(done)] {
        inner_.replace(next, audit, done);
      };
    } else {
      inner_.replace(std::move(next), std::move(audit), std::move(done));
    }
  }
  void find_key(TenantId t, IdempotencyKey key, Done<std::optional<action::Action>> done) override {
    inner_.find_key(t, std::move(key), std::move(done));
  }
  void commit() {
    for (auto* write : {&insert_, &replace_}) {
      if (auto work = std::exchange(*write, nullptr)) {
        work();
      }
    }
  }
  void get(TenantId t, ActionId id, Done<action::Action> done) override {
    inner_.get(t, id, std::move(done));
  }
  void active_of(TenantId t, MachineId m, Done<std::optional<action::Action>> done) override {
    ++looks_for_work;
    inner_.active_of(t, m, std::move(done));
  }
  void list(MachineScope scope, odata::Query query, ListBounds bounds,
            Done<ActionPage> done) override {
    inner_.list(std::move(scope), std::move(query), bounds, std::move(done));
  }
  void due(Timestamp now, std::size_t limit, Done<std::vector<action::Action>> done) override {
    inner_.due(now, limit, std::move(done));
  }
  bool refuses_replaces = false;
  int looks_for_work = 0;

 private:
  ActionStore& inner_;
  std::function<void()> insert_, replace_;
};

class QueuedSubmitTest : public LiveResponseTest {
 protected:
  QueuedSubmitTest() {
    live_ = LiveResponse::create(
        LiveResponseDeps{queue_, stores_.machines(), stores_.library(), blobs_, notify_, links_,
                         signer_, audit_, scheduler_, clock_, clock_, random_},
        limits_, std::string(32, 'k'));
    connect();
    queue_.looks_for_work = 0;
  }
  Result<action::Action> submit_now(SubmitRequest r) {
    std::optional<Result<action::Action>> answer;
    live_->submit(by_, std::move(r), [&](Result<action::Action> a) { answer = std::move(a); });
    EXPECT_FALSE(answer.has_value()) << "answered before the commit";
    queue_.commit();
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(Error{Errc::internal, "no answer"});
  }
  QueuedActions queue_{stores_.actions()};
};

TEST_F(QueuedSubmitTest, a_grant_refused_before_its_insert_is_stored_is_made_up_for_by_a_hint) {
  queue_.refuses_replaces = true;
  std::optional<Result<action::Action>> answer;
  live_->submit(by_, request(), [&](Result<action::Action> a) { answer = std::move(a); });
  queue_.refuses_replaces = false;
  queue_.commit();
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ(queue_.looks_for_work, 1);
  EXPECT_EQ(get((*answer)->id).status, Status::in_progress);
  EXPECT_EQ(links_.pushed.size(), 1u);
}

TEST_F(QueuedSubmitTest, an_insert_that_stores_nothing_hints_at_nothing) {
  SubmitRequest r = request();
  r.idempotency_key = IdempotencyKey{"app-1", "key", crypto::sha256("body")};
  auto made = submit_now(r);
  ASSERT_TRUE(made.ok());
  std::optional<Result<action::Action>> replay;  // found by its key, before anything is written
  live_->submit(by_, r, [&](Result<action::Action> a) { replay = std::move(a); });
  ASSERT_TRUE(replay && replay->ok());
  EXPECT_EQ((*replay)->id, made->id);
  EXPECT_EQ(submit_now(request()).error().code, Errc::already_active);
  EXPECT_EQ(queue_.looks_for_work, 0);
  EXPECT_EQ(links_.pushed.size(), 1u);
}

TEST_F(LiveResponseTest, a_claim_of_another_tenant_is_granted_nothing) {
  Claim claim;
  claim.tenant = id_of<TenantId>('x');
  claim.machine = machine_;
  claim.generation = id_of<JournalGeneration>('g');
  links_.connect(claim);
  auto a = submit(request());
  EXPECT_EQ(get(a->id).status, Status::pending);
  live_->dispatch(tenant_, machine_);
  EXPECT_EQ(get(a->id).status, Status::pending);
}

TEST_F(LiveResponseTest, the_whole_way_to_a_link_that_can_be_minted_again) {
  connect();
  auto a = submit(request());
  ASSERT_TRUE(tell(a->id, action::CommandStarted{1, 0, clock_.now()}).ok());
  auto mint = [&] {
    return wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a->id, 0, "127.0.0.1", d); });
  };
  EXPECT_EQ(mint().error().code, Errc::not_found);  // not finished
  ASSERT_EQ(*tell(a->id, ended(a->id, 1, 0, "{result}")), action::Verdict::applied);
  EXPECT_EQ(get(a->id).status, Status::succeeded);
  auto first = mint();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->expires,
            std::chrono::floor<std::chrono::seconds>(clock_.now() + std::chrono::minutes(30)));
  action::Action before = get(a->id);
  clock_.advance(std::chrono::hours(1));
  auto second = mint();
  ASSERT_TRUE(second.ok());
  EXPECT_NE(first->url, second->url);
  EXPECT_EQ(get(a->id), before);  // nothing is rerun, nothing changes
  ASSERT_EQ(audit_.records.size(), 2u);
  EXPECT_EQ(audit_.records[0].kind, "mint");
  EXPECT_EQ(audit_.records[0].token_id, "jti-1");
}

// Source: trust.md §5.5.17.
TEST_F(LiveResponseTest, no_link_to_a_result_that_is_missing_or_another) {
  connect();
  auto a = submit(request());
  action::CommandEnded e = ended(a->id, 1, 0, "{}");
  ASSERT_TRUE(tell(a->id, e).ok());
  auto mint = [&] {
    return wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a->id, 0, "", d); });
  };
  ASSERT_TRUE(mint().ok());
  audit_.records.clear();
  ASSERT_TRUE(wait_for([&](auto d) { blobs_.remove(tenant_, e.result->name, d); }).ok());
  EXPECT_EQ(mint().error().code, Errc::unavailable);
  ASSERT_TRUE(
      wait_for<BlobInfo>([&](auto d) { blobs_.put(tenant_, e.result->name, "{x", d); }).ok());
  EXPECT_EQ(mint().error().code, Errc::unavailable);
  EXPECT_TRUE(audit_.records.empty());
  EXPECT_EQ(get(a->id).status, Status::succeeded);
}

TEST_F(LiveResponseTest, no_link_without_its_audit_record) {
  connect();
  auto a = submit(request());
  ASSERT_TRUE(tell(a->id, ended(a->id, 1, 0, "{}")).ok());
  audit_.fails = true;
  auto link = wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a->id, 0, "", d); });
  EXPECT_EQ(link.error().code, Errc::unavailable);
}

TEST_F(LiveResponseTest, completed_is_believed_only_with_the_blob_that_was_given_out_for_it) {
  connect();
  auto a = submit(request());
  action::CommandEnded e = ended(a->id, 1, 0, "{}");
  action::CommandEnded other_digest = e;
  other_digest.result->sha256[0] ^= 1;
  EXPECT_EQ(tell(a->id, other_digest).error().code, Errc::mismatch);
  action::CommandEnded other_name = e;
  other_name.result->name = std::string(32, '0');
  EXPECT_EQ(tell(a->id, other_name).error().code, Errc::mismatch);
  EXPECT_EQ(get(a->id).status, Status::in_progress);
  EXPECT_TRUE(tell(a->id, e).ok());
  EXPECT_EQ(*tell(a->id, e), action::Verdict::duplicate);
}

// "Forget it" would be the end of the only copy.
TEST_F(LiveResponseTest, a_report_whose_blob_is_missing_is_asked_for_again_while_it_is_expected) {
  connect();
  auto a = submit(request());
  action::CommandEnded e = ended(a->id, 1, 0, "{}");
  ASSERT_TRUE(wait_for([&](auto d) { blobs_.remove(tenant_, e.result->name, d); }).ok());
  EXPECT_EQ(tell(a->id, e).error().code, Errc::mismatch);
  EXPECT_EQ(get(a->id).status, Status::in_progress);
  action::CommandEnded later_epoch = e;
  later_epoch.epoch = 2;
  EXPECT_EQ(tell(a->id, later_epoch).error().code, Errc::conflict);
  action::CommandEnded no_such_command = e;
  no_such_command.index = 1;
  EXPECT_EQ(tell(a->id, no_such_command).error().code, Errc::conflict);
  EXPECT_EQ(tell(id_of<ActionId>('z'), e).error().code, Errc::not_found);
  auto stranger = wait_for<action::Verdict>(
      [&](auto d) { live_->agent_event(tenant_, id_of<MachineId>('x'), a->id, e, d); });
  EXPECT_EQ(stranger.error().code, Errc::not_found);
  EXPECT_EQ(*tell(a->id, ended(a->id, 1, 0, "{}")), action::Verdict::applied);
  EXPECT_EQ(get(a->id).status, Status::succeeded);
}

TEST_F(LiveResponseTest, another_machine_and_another_tenant_see_nothing) {
  connect();
  auto a = submit(request());
  auto stranger = wait_for<action::Verdict>([&](auto d) {
    live_->agent_event(tenant_, id_of<MachineId>('x'), a->id,
                       action::CommandStarted{1, 0, clock_.now()}, d);
  });
  EXPECT_EQ(stranger.error().code, Errc::not_found);
  by_.tenant = id_of<TenantId>('u');
  ActionId unknown = id_of<ActionId>('z');
  auto foreign = wait_for<action::Action>([&](auto d) { live_->get(by_, a->id, d); });
  auto none = wait_for<action::Action>([&](auto d) { live_->get(by_, unknown, d); });
  EXPECT_EQ(foreign.error().code, Errc::not_found);
  EXPECT_EQ(foreign.error().message, "Machine action " + a->id.text() + " was not found");
  EXPECT_EQ(none.error().message, "Machine action " + unknown.text() + " was not found");
  EXPECT_EQ(submit(request()).error().code, Errc::not_found);
}

TEST_F(LiveResponseTest, a_second_action_is_refused_while_one_is_unfinished) {
  ASSERT_TRUE(submit(request()).ok());
  EXPECT_EQ(submit(request()).error().code, Errc::already_active);
}

TEST_F(LiveResponseTest, an_idempotency_key_gives_the_same_action_back) {
  SubmitRequest r = request();
  r.idempotency_key = IdempotencyKey{"app-1", "k1", crypto::sha256("body")};
  auto first = submit(r);
  auto again = submit(r);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->id, again->id);
  r.idempotency_key->body = crypto::sha256("other");
  EXPECT_EQ(submit(r).error().code, Errc::mismatch);
}

TEST_F(LiveResponseTest, a_repeat_gets_its_action_though_script_and_machine_went_away) {
  SubmitRequest r = request();
  r.idempotency_key = IdempotencyKey{"app-1", "k1", crypto::sha256("body")};
  auto first = submit(r);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(wait_for([&](auto d) { stores_.library().remove(tenant_, "hello.sh", d); }).ok());
  auto again = submit(r);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->id, first->id);
  r.machine = id_of<MachineId>('q');  // as one that is gone
  EXPECT_EQ(submit(r)->id, first->id);
  r.idempotency_key->body = crypto::sha256("other");
  EXPECT_EQ(submit(r).error().code, Errc::mismatch);
  r.idempotency_key->key = "k2";
  EXPECT_EQ(submit(r).error().code, Errc::not_found);
  r.machine = machine_;
  EXPECT_EQ(submit(r).error().code, Errc::invalid_input);
}

TEST_F(LiveResponseTest, a_platform_without_live_response_is_refused_by_name) {
  SubmitRequest r = request();
  for (const char* platform : {"Windows11", "windows 10", "macOS", "iOS", "FreeBSD"}) {
    r.machine = enroll(std::string("on ") + platform, platform);
    auto a = submit(r);
    ASSERT_FALSE(a.ok()) << platform;
    EXPECT_EQ(a.error().code, Errc::os_not_supported);
    EXPECT_EQ(a.error().message, std::string("Live response is not supported on ") + platform);
  }
  for (const char* platform : {"Linux", "Debian GNU/Linux", "Ubuntu", ""}) {
    r.machine = enroll(std::string("on ") + platform, platform);
    EXPECT_TRUE(submit(r).ok()) << platform;
  }
}

TEST_F(LiveResponseTest, bad_requests_name_the_command) {
  SubmitRequest r = request(2);
  r.commands[1].args = "it's";
  EXPECT_NE(submit(r).error().message.find("Commands[1]"), std::string::npos);
  r = request();
  r.commands[0].file_name = "absent.sh";
  EXPECT_EQ(submit(r).error().code, Errc::invalid_input);
  r = request();
  r.machine = id_of<MachineId>('q');
  EXPECT_EQ(submit(r).error().code, Errc::not_found);
}

TEST_F(LiveResponseTest, an_accepted_action_runs_the_bytes_it_was_accepted_with) {
  auto a = submit(request());
  add_script("hello.sh", "echo changed");
  connect();
  EXPECT_EQ(last_push().execute_order().files(0).content(), "echo hello");
}

// Source: trust.md §5.7.19.
TEST_F(LiveResponseTest, a_script_deleted_while_its_action_waits_still_runs) {
  auto a = submit(request());
  ASSERT_TRUE(wait_for([&](auto d) { stores_.library().remove(tenant_, "hello.sh", d); }).ok());
  connect();
  EXPECT_EQ(get(a->id).status, Status::in_progress);
  EXPECT_EQ(last_push().execute_order().files(0).content(), "echo hello");
}

TEST_F(LiveResponseTest, a_large_script_travels_by_link) {
  std::string big(protocol::kInlineScriptBytesMax + 1, '#');
  add_script("big.sh", big);
  connect();
  SubmitRequest r = request();
  r.commands[0].file_name = "big.sh";
  ASSERT_TRUE(submit(r).ok());
  const auto& file = last_push().execute_order().files(0);
  EXPECT_FALSE(file.inlined());
  EXPECT_NE(file.url(), "");
}

TEST_F(LiveResponseTest, cancel_of_a_waiting_action_is_final_at_once) {
  auto a = submit(request());
  auto cancelled = wait_for<action::Action>([&](auto d) { live_->cancel(by_, a->id, "stop", d); });
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->status, Status::cancelled);
  connect();
  EXPECT_TRUE(links_.pushed.empty());
  auto again = wait_for<action::Action>([&](auto d) { live_->cancel(by_, a->id, "stop", d); });
  EXPECT_EQ(again->status, Status::cancelled);
}

TEST_F(LiveResponseTest, cancel_waits_for_the_agents_word_and_then_tells_the_truth) {
  connect();
  auto a = submit(request());
  std::optional<Result<action::Action>> answer;
  live_->cancel(by_, a->id, "stop", [&](Result<action::Action> r) { answer = std::move(r); });
  EXPECT_TRUE(last_push().has_cancel_action());
  EXPECT_FALSE(answer.has_value());
  ASSERT_TRUE(tell(a->id, action::CancelConfirmed{1, id_of<JournalGeneration>('g')}).ok());
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->status, Status::cancelled);
}

TEST_F(LiveResponseTest, cancel_without_a_word_from_the_agent_says_in_progress) {
  connect();
  auto a = submit(request());
  links_.disconnect(machine_);
  std::optional<Result<action::Action>> answer;
  live_->cancel(by_, a->id, "stop", [&](Result<action::Action> r) { answer = std::move(r); });
  scheduler_.pass(std::chrono::seconds(4));
  EXPECT_FALSE(answer.has_value());
  scheduler_.pass(std::chrono::seconds(1));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->status, Status::in_progress);
  EXPECT_EQ((*answer)->cancellation->comment, "stop");
}

TEST_F(LiveResponseTest, cancel_of_what_has_ended_is_refused) {
  connect();
  auto a = submit(request());
  ASSERT_TRUE(tell(a->id, ended(a->id, 1, 0, "{}")).ok());
  auto r = wait_for<action::Action>([&](auto d) { live_->cancel(by_, a->id, "stop", d); });
  EXPECT_EQ(r.error().code, Errc::already_final);
}

// Source: trust.md §5.4.11; that the second is 200 and not 400 is decisions.md 5.
TEST_F(LiveResponseTest, a_second_cancel_of_what_is_cancelled_leaves_no_second_audit_row) {
  auto a = submit(request());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(
        wait_for<action::Action>([&](auto d) { live_->cancel(by_, a->id, "stop", d); }).ok());
  }
  EXPECT_EQ(audited("cancel_requested"), 1);
}

// Source: trust.md §5.4.12.
TEST_F(LiveResponseTest, two_cancels_of_what_runs_are_one_request_with_the_first_comment) {
  connect();
  auto a = submit(request());
  std::vector<Result<action::Action>> answers;
  auto keep = [&](Result<action::Action> r) { answers.push_back(std::move(r)); };
  live_->cancel(by_, a->id, "first", keep);
  by_.requestor = "somebody else";
  live_->cancel(by_, a->id, "second", keep);
  scheduler_.pass(std::chrono::seconds(5));
  ASSERT_EQ(answers.size(), 2u);
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->status, Status::in_progress);
    EXPECT_EQ(answer->cancellation->comment, "first");
    EXPECT_EQ(answer->cancellation->requestor, "app-1");
  }
  EXPECT_EQ(audited("cancel_requested"), 1);
}

// Source: trust.md §5.9.8.
TEST_F(LiveResponseTest, an_epoch_that_is_over_changes_nothing) {
  connect();
  auto a = submit(request());
  ASSERT_TRUE(tell(a->id, action::NotStarted{1, id_of<JournalGeneration>('g')}).ok());
  const action::Action granted_again = get(a->id);
  ASSERT_EQ(granted_again.epoch, 2u);
  for (std::uint64_t epoch : {0u, 1u, 3u}) {
    EXPECT_EQ(tell(a->id, action::CommandStarted{epoch, 0, clock_.now()}).error().code,
              Errc::conflict)
        << epoch;
    action::CommandEnded e;
    e.epoch = epoch;
    e.ended = clock_.now();
    EXPECT_EQ(tell(a->id, e).error().code, Errc::conflict) << epoch;
  }
  EXPECT_EQ(get(a->id), granted_again);
}

// Source: trust.md §5.9.7 and §5.10.2.
TEST_F(LiveResponseTest, a_command_that_the_action_does_not_have_is_not_reported_or_uploaded) {
  connect();
  SubmitRequest r = request(2);
  r.commands[0].type = action::CommandType::put_file;
  auto a = submit(r);
  ASSERT_TRUE(a.ok());
  const action::Action before = get(a->id);
  EXPECT_EQ(tell(a->id, action::CommandStarted{1, 2, clock_.now()}).error().code, Errc::conflict);
  auto link = [&](std::uint32_t index) {
    return wait_for<std::string>([&](auto d) {
      live_->upload_link(tenant_, machine_, a->id, Upload{1, index, UploadKind::result, 1}, d);
    });
  };
  EXPECT_EQ(link(0).error().code, Errc::invalid_input);
  EXPECT_TRUE(link(1).ok());
  EXPECT_EQ(link(2).error().code, Errc::invalid_input);
  EXPECT_EQ(get(a->id), before);
}

// Source: trust.md §5.10.5; mde-spec.md §12.1 for the limits.
TEST_F(LiveResponseTest, an_order_of_files_says_their_form_their_limits_and_what_is_kept) {
  SubmitRequest r = request(3);
  r.commands[0].type = action::CommandType::put_file;
  r.commands[2] = SubmitCommand();
  r.commands[2].type = action::CommandType::get_file;
  r.commands[2].path = "/var/log/x";
  for (const bool set : {false, true}) {
    limits_.get_file_raw = limits_.put_file_kept = set;
    live_ = LiveResponse::create(
        LiveResponseDeps{stores_.actions(), stores_.machines(), stores_.library(), blobs_, notify_,
                         links_, signer_, audit_, scheduler_, clock_, clock_, random_},
        limits_, std::string(32, 'k'));
    machine_ = enroll(set ? "web-12" : "web-11");
    r.machine = machine_;
    connect();
    auto a = submit(r);
    ASSERT_TRUE(a.ok()) << a.error().message;
    EXPECT_EQ(a->window, std::chrono::minutes(10 + 10 + 30 + 5));
    auto order = protocol::verify_order(last_push().execute_order().order(), signer_.public_key());
    ASSERT_TRUE(order.ok());
    EXPECT_EQ(order->commands(0).keep(), set);
    EXPECT_EQ(order->commands(0).file_name(), "hello.sh");
    EXPECT_EQ(order->commands(0).file_sha256(), as_bytes(crypto::sha256("echo hello")));
    EXPECT_EQ(order->commands(2).raw(), set);
    EXPECT_EQ(order->commands(2).path(), "/var/log/x");
    EXPECT_EQ(order->commands(2).output_bytes_max(), std::uint64_t{3} << 30);
    EXPECT_EQ(order->commands(2).timeout_ms(), 30u * 60 * 1000);
    EXPECT_TRUE(last_push().execute_order().files(0).inlined());

    auto link = [&](std::uint32_t index, UploadKind kind, std::uint64_t bytes) {
      return wait_for<std::string>([&](auto d) {
        live_->upload_link(tenant_, machine_, a->id, Upload{1, index, kind, bytes}, d);
      });
    };
    const std::uint64_t gib3 = std::uint64_t{3} << 30;
    EXPECT_TRUE(link(2, UploadKind::result, gib3 + 1000).ok())
        << "gzip of what is not compressible";
    EXPECT_EQ(link(2, UploadKind::result, gib3 + gib3 / 500).error().code, Errc::too_large);
    EXPECT_TRUE(link(1, UploadKind::result, gib3 + gib3 / 500).ok());
    EXPECT_EQ(link(2, UploadKind::raw_stdout, 1).error().code, Errc::invalid_input);
  }
}

TEST_F(LiveResponseTest, what_a_GetFile_read_is_kept_with_it_and_a_PutFile_needs_no_result) {
  connect();
  SubmitRequest r = request(2);
  r.commands[0].type = action::CommandType::put_file;
  r.commands[1] = SubmitCommand();
  r.commands[1].type = action::CommandType::get_file;
  r.commands[1].path = "/x";
  auto a = submit(r);
  ASSERT_TRUE(a.ok());
  const action::FetchedFile file{"/real/x", 7, crypto::sha256("the file")};
  action::CommandEnded placed;
  placed.epoch = 1;
  placed.completed = true;
  placed.started = placed.ended = clock_.now();
  placed.file = action::FetchedFile{"/work/x", 7, crypto::sha256("the file")};
  ASSERT_TRUE(tell(a->id, placed).ok());
  action::CommandEnded fetched = ended(a->id, 1, 1, "a stream");
  fetched.file = file;
  ASSERT_TRUE(tell(a->id, fetched).ok());
  const action::Action after = get(a->id);
  EXPECT_EQ(after.status, Status::succeeded);
  EXPECT_EQ(after.commands[0].file, placed.file);
  EXPECT_EQ(after.commands[1].file, file);
  auto none = wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a->id, 0, "", d); });
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_NE(none.error().message.find("PutFile, which has no result"), std::string::npos);
  EXPECT_TRUE(wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a->id, 1, "", d); }).ok());
}

TEST_F(LiveResponseTest, the_reaper_ends_what_is_past_its_deadline_and_nothing_else) {
  auto a = submit(request());
  auto reap = [&] { return *wait_for<std::size_t>([&](auto d) { live_->reap(d); }); };
  clock_.advance(std::chrono::minutes(119));
  EXPECT_EQ(reap(), 0u);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(reap(), 1u);
  EXPECT_EQ(get(a->id).status, Status::timed_out);
  EXPECT_EQ(reap(), 0u);
}

TEST_F(LiveResponseTest, a_result_after_TimeOut_changes_no_status_and_is_linkable) {
  connect();
  auto a = submit(request());
  EXPECT_EQ(*tell(a->id, action::CommandStarted{1, 0, clock_.now()}), action::Verdict::applied);
  clock_.advance(std::chrono::minutes(20));
  auto link = [&] {
    return wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a->id, 0, "", d); });
  };
  EXPECT_EQ(*wait_for<std::size_t>([&](auto d) { live_->reap(d); }), 1u);
  EXPECT_NE(link().error().message.find("no result yet"), std::string::npos);
  EXPECT_EQ(*tell(a->id, ended(a->id, 1, 0, "{late}")), action::Verdict::late);
  EXPECT_EQ(get(a->id).status, Status::timed_out);
  EXPECT_TRUE(link().ok());
}

TEST_F(LiveResponseTest, waiting_ends_with_the_action_or_with_the_time) {
  connect();
  auto a = submit(request());
  std::optional<Result<action::Action>> answer;
  auto wait = [&] {
    live_->wait_final(by_, a->id, std::chrono::seconds(30),
                      [&](Result<action::Action> r) { answer = std::move(r); });
  };
  wait();
  scheduler_.pass(std::chrono::seconds(30));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->status, Status::in_progress);
  answer.reset();
  wait();
  ASSERT_TRUE(tell(a->id, ended(a->id, 1, 0, "{}")).ok());
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->status, Status::succeeded);
  answer.reset();
  wait();
  EXPECT_EQ((*answer)->status, Status::succeeded);
}

TEST_F(LiveResponseTest, a_reconnecting_agent_gets_the_same_order_and_another_journal_gets_none) {
  connect();
  auto a = submit(request());
  connect();
  ASSERT_EQ(links_.pushed.size(), 2u);
  auto order = protocol::verify_order(last_push().execute_order().order(), signer_.public_key());
  EXPECT_EQ(order->epoch(), 1u);
  connect('h');  // the journal was lost: the old grant is not handed out again
  EXPECT_EQ(links_.pushed.size(), 2u);
  EXPECT_EQ(get(a->id).status, Status::in_progress);
}

TEST_F(LiveResponseTest, a_window_pushed_again_is_only_what_is_left_of_it) {
  connect();
  ASSERT_TRUE(submit(request()).ok());
  clock_.advance(std::chrono::minutes(5));
  connect();
  auto order = protocol::verify_order(last_push().execute_order().order(), signer_.public_key());
  EXPECT_EQ(order->window_ms(), 10u * 60 * 1000);
}

TEST_F(LiveResponseTest, a_lost_commit_reply_does_not_grant_twice) {
  auto a = submit(request());
  stores_.actions().faults().lose_next_replies(1);
  connect();
  EXPECT_TRUE(links_.pushed.empty());
  live_->dispatch(tenant_, machine_);
  EXPECT_EQ(get(a->id).epoch, 1u);
  EXPECT_EQ(links_.pushed.size(), 1u);
}

}  // namespace
}  // namespace reachback::server
