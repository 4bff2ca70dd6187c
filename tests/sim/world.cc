#include "world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/failpoint.h"
#include "base/variant.h"
#include "crypto/digest.h"
#include "json/json.h"
#include "machine.h"
#include "node.h"
#include "protocol/codec.h"

namespace reachback::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kLinkLife = seconds(120);
constexpr Duration kClockSlack = seconds(5);
constexpr std::uint64_t kActiveMax = 3;
const TenantId kTenant = *TenantId::parse("0c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11");
const std::string kSmall = "#!/bin/sh\ntrue\n";

std::string_view status_text(action::Status s) {
  switch (s) {
    case action::Status::pending:
      return "Pending";
    case action::Status::cancelled:
      return "Cancelled";
    case action::Status::timed_out:
      return "TimeOut";
    case action::Status::failed:
      return "Failed";
    case action::Status::in_progress:
      return "InProgress";
    case action::Status::succeeded:
      return "Succeeded";
  }
  return "?";
}

class World;
World* the_world = nullptr;  // for the failpoints, which know nothing else

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();
  WorldOutcome run();
  void reached(const char* failpoint);

 private:
  struct Known {
    ActionId id;
    std::uint32_t commands = 0;
  };
  struct Fault {
    const char* name;
    double weight;
    std::function<void()> strike;
  };

  void record(Event e);
  Event event(Kind kind, const ActionId& id, std::uint32_t index = 0) const;
  void on_write(const action::Action* before, const action::Action& after);
  void on_stored(const std::string& blob);
  bool is_stored(const action::StoredBlob& blob);

  void draw();
  void add_library();
  void nemesis();
  void heal();
  void start_node(Node& node, Duration delay);
  void start_machine(Machine& machine, Duration delay);
  void on_killed(const LifePtr& life);
  void look_around();

  void submit_later();
  void submit(server::SubmitRequest request, int tries);
  void cancel(const ActionId& id);
  void read_later();
  void look_after_quarantine();
  void mint(const Known& known, std::uint32_t index);
  void fetch(const ActionId& id, std::uint32_t index, const server::ResultLink& link);
  Node* any_node();
  Machine& any_machine() { return *machines_[engine_.below(machines_.size())]; }
  void count(const char* fault) { ++outcome_.faults[fault]; }
  Duration soon(Duration max) { return engine_.between(milliseconds(1), max); }

  const WorldOptions options_;
  Engine engine_;
  testing::FakeStores stores_;
  testing::FakeBlobStore blobs_;
  Network network_;
  testing::SeededRandom client_random_;
  Shared shared_;
  MachineWorld machine_world_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Machine>> machines_;
  Checker checker_;
  WorldOutcome outcome_;
  server::Principal by_;
  std::map<std::string, std::string> uploads_;  // blob name -> "action/index"
  std::vector<Known> known_;
  std::vector<std::string> files_;
  std::vector<Fault> faults_;
  double failpoint_kills_ = 0;
  double stalls_ = 0;
  double cancels_ = 0;
  Duration between_faults_{}, between_submits_{};
  std::uint64_t next_key_ = 0;
  bool faulty_ = true, busy_ = true;
  std::int64_t last_deadline_us_ = 0;
};

void reach(const char* name) {
  if (the_world != nullptr) {
    the_world->reached(name);
  }
}

World::World(const WorldOptions& options)
    : options_(options),
      engine_(options.seed * 0x9e3779b97f4a7c15 + 1),
      network_(engine_, blobs_),
      client_random_(options.seed + 77),
      shared_{engine_, network_, stores_, blobs_, {}, make_key("orders"), {}, {}, 0, 0, {}},
      machine_world_{engine_, network_, [this](Event e) { record(std::move(e)); }, kTenant,
                     make_key("orders").public_key()},
      checker_(CheckOptions{.active_max = kActiveMax,
                            .expiry_slack_us = Duration(seconds(30)).count(),
                            .link_life_us = (kLinkLife + kClockSlack).count()}) {
  the_world = this;
  set_failpoint_handler(reach);
  engine_.on_killed = [this](const LifePtr& life) { on_killed(life); };
  engine_.after_event = [this] { look_around(); };
  stores_.actions().on_write = [this](const action::Action* before, const action::Action& after) {
    on_write(before, after);
  };
  stores_.actions().ignores_version = RB_VARIANT("nocas");
  stores_.actions().ignores_table = RB_VARIANT("nocas") || RB_VARIANT("noterm") ||
                                    RB_VARIANT("early_report") || RB_VARIANT("lease_regrant");
  network_.on_stored = [this](const std::string& blob) { on_stored(blob); };
  draw();
}

World::~World() {
  machines_.clear();
  nodes_.clear();
  set_failpoint_handler(nullptr);
  the_world = nullptr;
}

// ---- the history

void World::record(Event e) {
  const std::string line = to_json(e);
  for (const char c : line) {
    outcome_.digest = (outcome_.digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  outcome_.starts += e.kind == Kind::executed ? 1 : 0;
  const std::size_t before = checker_.violations().size();
  checker_.read(e);
  if (options_.trace) {
    std::printf("%s\n", line.c_str());
    for (std::size_t i = before; i < checker_.violations().size(); ++i) {
      std::printf("^^^ %s %s\n", checker_.violations()[i].invariant.c_str(),
                  checker_.violations()[i].why.c_str());
    }
  }
}

Event World::event(Kind kind, const ActionId& id, std::uint32_t index) const {
  Event e;
  e.at_us = to_micros(true_now(engine_));
  e.kind = kind;
  e.action = id.text();
  e.index = index;
  return e;
}

bool World::is_stored(const action::StoredBlob& blob) {
  bool stored = false;
  blobs_.stat(kTenant, blob.name, [&](Result<server::BlobInfo> info) {
    stored = info.ok() && info->bytes == blob.bytes && info->sha256 == blob.sha256;
  });
  return stored;
}

void World::on_write(const action::Action* before, const action::Action& after) {
  if (before == nullptr) {
    Event e = event(Kind::accepted, after.id);
    e.machine = after.machine.text();
    e.commands = static_cast<std::uint32_t>(after.commands.size());
    const Duration margin = action::window_margin(after.window);
    e.expires_us = to_micros(after.queue_deadline + after.window + margin);
    last_deadline_us_ = std::max(last_deadline_us_, e.expires_us);
    if (after.external_id) {
      e.key = *after.external_id;
      e.body = after.comment;
    }
    record(std::move(e));
    known_.push_back(Known{after.id, static_cast<std::uint32_t>(after.commands.size())});
    ++outcome_.actions;
    return;
  }
  if (after.epoch != before->epoch) {
    Event e = event(Kind::granted, after.id);
    e.epoch = after.epoch;
    record(std::move(e));
  }
  if (after.cancellation && !before->cancellation) {
    record(event(Kind::asked, after.id));
  }
  for (std::uint32_t i = 0; i < after.commands.size(); ++i) {
    const action::Command& was = before->commands[i];
    const action::Command& is = after.commands[i];
    if (is.status != was.status || is.result != was.result) {
      const bool ended = is.status != was.status;
      Event e = event(ended ? Kind::command : Kind::late_bound, after.id, i);
      e.text = is.status == action::CommandStatus::completed ? "Completed" : "Failed";
      if (is.result) {
        e.blob = is.result->name;
        e.flag = is_stored(*is.result);
      } else {
        e.flag = is.type == action::CommandType::put_file;  // it has none
      }
      record(std::move(e));
    }
  }
  if (after.status != before->status) {
    Event e = event(Kind::status, after.id);
    e.text = status_text(after.status);
    if (action::is_final(after.status)) {
      ++outcome_.ends[e.text];
    }
    record(std::move(e));
  }
}

// "action/index", which is what every script of this world prints, and what every file that is
// fetched holds.
std::string printed_by(const std::string& result_file) {
  if (!result_file.starts_with('{')) {
    return result_file;
  }
  auto value = json::parse(result_file);
  if (!value.ok() || !value->is_object()) {
    return "no result file";
  }
  const auto* text = value->as_object().if_contains("script_output");
  return text != nullptr && text->is_string() ? std::string(text->as_string()) : "no output";
}

void World::on_stored(const std::string& blob) {
  std::string bytes;
  blobs_.read(kTenant, blob, 1 << 20,
              [&](Result<std::string> content) { bytes = content.ok() ? *content : ""; });
  const std::string printed = printed_by(bytes);
  const auto slash = printed.find('/');
  const auto id = ActionId::parse(printed.substr(0, slash));
  if (slash == std::string::npos || !id) {
    return;
  }
  Event e =
      event(Kind::stored, *id, static_cast<std::uint32_t>(std::stoul(printed.substr(slash + 1))));
  e.blob = blob;
  e.text = to_hex(as_bytes(crypto::sha256(bytes)));
  record(std::move(e));
}

// ---- what the seed decides

void World::draw() {
  shared_.limits.queue = engine_.between(minutes(3), minutes(8));
  shared_.limits.script_timeout = seconds(20);
  shared_.limits.put_file_timeout = seconds(20);
  shared_.limits.get_file_timeout = seconds(20);
  shared_.limits.window_slack = seconds(60);
  shared_.limits.active_max = kActiveMax;
  shared_.limits.link_lifetime = kLinkLife;
  shared_.session_limits.quarantine_hint = seconds(10);
  const std::size_t nodes = 1 + engine_.below(3);
  for (std::size_t i = 0; i < nodes; ++i) {
    const ClockFault clock{engine_.between(-seconds(2), seconds(2)),
                           static_cast<std::int64_t>(engine_.below(2001)) - 1000};
    nodes_.push_back(std::make_unique<Node>(shared_, fmt::format("node{}", i), clock));
    network_.acceptors.push_back(nodes_.back().get());
  }
  add_library();
  const std::size_t machines = 1 + engine_.below(4);
  for (std::size_t i = 0; i < machines; ++i) {
    const std::int64_t off = options_.rate_ppm_max;
    const ClockFault clock{
        engine_.chance(0.3) ? engine_.between(-std::chrono::hours(87600), std::chrono::hours(87600))
                            : engine_.between(-seconds(60), seconds(60)),
        static_cast<std::int64_t>(engine_.below(static_cast<std::uint64_t>(2 * off + 1))) - off};
    machines_.push_back(
        std::make_unique<Machine>(machine_world_, fmt::format("machine{}", i), clock));
    server::Machine row;
    row.tenant = kTenant;
    row.id = machines_.back()->id();
    row.public_key = machines_.back()->spki();
    row.name = machines_.back()->name();
    row.os_platform = "Linux";
    row.first_seen = row.last_seen = true_now(engine_);
    server::EnrollmentToken token{
        kTenant, crypto::sha256(row.name), true_now(engine_) + seconds(9), 1,
        {},      true_now(engine_)};
    stores_.apps().add_token(token, [](Result<void>) {});
    stores_.machines().enroll(crypto::sha256(row.name), row, true_now(engine_),
                              [](Result<server::Machine>) {});
  }
  by_.tenant = kTenant;
  by_.caller = by_.requestor = "responder";
  by_.token_id = "t";

  // Swarm testing: each world has its own mix; uniform chance finds little (trust.md §3.6).
  const auto weight = [this] {
    constexpr double kWeights[] = {0, 0, 0.1, 1, 4};
    return kWeights[engine_.below(5)];
  };
  const auto rate = [this] {
    constexpr double kRates[] = {0, 0, 0, 0.01, 0.05, 0.2};
    return kRates[engine_.below(6)];
  };
  shared_.store_faults = {rate() / 4, rate() / 4, rate() / 4,
                          engine_.chance(0.2) ? Duration(milliseconds(400)) : Duration(3000)};
  shared_.lose_hints = rate();
  shared_.audit_fails = rate();
  shared_.signer_fails = rate();
  network_.faults = {rate(), rate(), rate(), false,
                     engine_.chance(0.3) ? Duration(milliseconds(800)) : Duration(2000)};
  machine_world_.start_fails = rate() / 4;
  failpoint_kills_ = rate() / 4;
  stalls_ = rate();
  cancels_ = engine_.chance(0.5) ? rate() : 0.3;
  between_faults_ = engine_.between(seconds(2), seconds(40));
  between_submits_ = engine_.between(seconds(2), seconds(30));
  const auto machine_fault = [&](const char* name, std::function<void(Machine&)> strike) {
    faults_.push_back({name, weight(), [this, strike] { strike(any_machine()); }});
  };
  machine_fault("agent killed", [this](Machine& m) {
    if (m.is_up()) {
      m.kill_agent(engine_.chance(0.5));
      start_machine(m, soon(seconds(20)));
    }
  });
  machine_fault("agent stopped", [this](Machine& m) { m.stop_for(soon(seconds(150))); });
  machine_fault("power lost", [this](Machine& m) {
    m.lose_power();
    start_machine(m, soon(engine_.chance(0.3) ? seconds(400) : seconds(60)));
  });
  machine_fault("power lost inside a write", [this](Machine& m) {
    m.disk().operations_left = static_cast<std::int64_t>(1 + engine_.below(12));
  });
  machine_fault("agent's journal lost", [this](Machine& m) {
    m.lose_journal();
    start_machine(m, soon(seconds(60)));
  });
  machine_fault("agent reinstalled", [this](Machine& m) {
    m.reinstall();
    start_machine(m, soon(seconds(60)));
  });
  machine_fault("connection cut", [this](Machine& m) { network_.cut(m.name()); });
  machine_fault("connection half-open", [this](Machine& m) { network_.silence(m.name()); });
  machine_fault("partition", [this](Machine& m) {
    Node* node = nodes_[engine_.below(nodes_.size())].get();
    network_.partition(m.name(), node, true);
    engine_.after(soon(seconds(200)), nullptr,
                  [this, &m, node] { network_.partition(m.name(), node, false); });
  });
  machine_fault("agent's disk full", [this](Machine& m) {
    m.disk().disk_full = m.spool().full = true;
    engine_.after(soon(seconds(60)), nullptr,
                  [&m] { m.disk().disk_full = m.spool().full = false; });
  });
  machine_fault("agent's fsync fails", [this](Machine& m) {
    m.disk().fail_sync = true;
    engine_.after(soon(seconds(60)), nullptr, [this, &m] {
      m.lose_power();
      start_machine(m, seconds(5));
    });
  });
  const auto replay = [this](const std::vector<Network::Seen>& seen, bool to_agent, bool redirect) {
    if (seen.empty()) {
      return;
    }
    // Mostly something recent.
    const std::size_t back = std::min<std::size_t>(seen.size(), engine_.chance(0.7) ? 12 : 4000);
    const auto& frame = seen[seen.size() - 1 - engine_.below(back)];
    const std::string machine = redirect ? any_machine().name() : frame.machine;
    to_agent ? network_.replay_to_agent(machine, frame.frame)
             : network_.replay_to_server(machine, frame.frame);
  };
  faults_.push_back({"message to an agent repeated", 3 * weight(),
                     [this, replay] { replay(network_.to_agents, true, false); }});
  faults_.push_back({"message to an agent redirected", weight(),
                     [this, replay] { replay(network_.to_agents, true, true); }});
  faults_.push_back(
      {"report repeated", weight(), [this, replay] { replay(network_.to_servers, false, false); }});
  const auto node_fault = [&](const char* name, std::function<void(Node&)> strike) {
    faults_.push_back(
        {name, weight(), [this, strike] { strike(*nodes_[engine_.below(nodes_.size())]); }});
  };
  node_fault("server killed", [this](Node& n) {
    if (n.is_up()) {
      n.kill();
      start_node(n, soon(seconds(20)));
    }
  });
  node_fault("server stopped", [this](Node& n) { n.stop_for(soon(seconds(60))); });
  node_fault("server's clock set", [this](Node& n) {
    const Duration by =
        engine_.between(seconds(1), std::chrono::hours(engine_.chance(0.5) ? 1 : 24));
    n.set_clock(engine_.chance(0.5) ? by : -by);
  });
  node_fault("blob store full", [this](Node&) {
    network_.faults.blobs_full = true;
    engine_.after(soon(seconds(40)), nullptr, [this] { network_.faults.blobs_full = false; });
  });
}

void World::add_library() {
  const std::string large = kSmall + std::string(protocol::kInlineScriptBytesMax + 100, '#');
  for (const auto& [name, bytes] : {std::pair{"small.sh", kSmall}, std::pair{"large.sh", large}}) {
    server::LibraryFile f;
    f.tenant = kTenant;
    f.name = name;
    f.sha256 = crypto::sha256(bytes);
    f.bytes = bytes.size();
    f.blob = to_hex(as_bytes(f.sha256).substr(0, 16));
    f.created = f.updated = true_now(engine_);
    f.created_by = "responder";
    blobs_.put(kTenant, f.blob, bytes, [](Result<server::BlobInfo>) {});
    stores_.library().put(f, false, [](Result<server::LibraryFile>) {});
    files_.push_back(f.name);
  }
}

// ---- nemesis

void World::start_node(Node& node, Duration delay) {
  engine_.after(delay, nullptr, [&node] {
    if (!node.is_up()) {
      node.start();
    }
  });
}

void World::start_machine(Machine& machine, Duration delay) {
  engine_.after(delay, nullptr, [&machine] { machine.start_agent(); });
}

void World::nemesis() {
  if (!faulty_) {
    return;
  }
  double total = 0;
  for (const Fault& f : faults_) {
    total += f.weight;
  }
  if (total > 0) {
    double at = static_cast<double>(engine_.below(1'000'000)) / 1e6 * total;
    for (const Fault& f : faults_) {
      at -= f.weight;
      if (at < 0) {
        if (options_.trace) {
          std::printf("--- %.3f %s\n", static_cast<double>(engine_.now().count()) / 1e6, f.name);
        }
        count(f.name);
        f.strike();
        break;
      }
    }
  }
  engine_.after(soon(between_faults_), nullptr, [this] { nemesis(); });
}

void World::reached(const char* failpoint) {
  const LifePtr& life = engine_.current();
  if (!faulty_ || !life || !life->alive) {
    return;
  }
  const std::string_view name = failpoint;
  if (engine_.chance(failpoint_kills_)) {
    count("killed at a failpoint");
    throw Killed{};
  }
  if (name == "agent.command.after_intent" && engine_.chance(stalls_)) {
    count("agent stalled before a start");
    engine_.stall(soon(seconds(240)));
  }
}

void World::on_killed(const LifePtr& life) {
  for (auto& node : nodes_) {
    if (node->is_up() && node->life() == life) {
      node->kill();
      start_node(*node, soon(seconds(10)));
    }
  }
  for (auto& machine : machines_) {
    if (machine->is_up() && machine->life() == life) {
      if (engine_.chance(0.3)) {
        machine->lose_power();
        start_machine(*machine, soon(seconds(400)));
      } else {
        machine->kill_agent(engine_.chance(0.5));
        start_machine(*machine, soon(seconds(10)));
      }
    }
  }
}

void World::look_around() {
  for (auto& machine : machines_) {
    if (machine->power_has_gone()) {
      machine->lose_power();
      start_machine(*machine, soon(seconds(60)));
    }
  }
  if (engine_.is_at_rest()) {
    for (auto& machine : machines_) {
      machine->bury();
    }
    for (auto& node : nodes_) {
      node->bury();
    }
  }
}

void World::heal() {
  faulty_ = false;
  shared_.store_faults = {};
  shared_.lose_hints = shared_.audit_fails = shared_.signer_fails = 0;
  network_.faults = {};
  machine_world_.start_fails = 0;
  for (auto& machine : machines_) {
    for (auto& node : nodes_) {
      network_.partition(machine->name(), node.get(), false);
    }
    machine->disk().operations_left = -1;
    machine->disk().disk_full = machine->spool().full = false;
    // A journal that failed to sync stays unhealthy until a restart; so does a server that stands.
    machine->lose_power();
    start_machine(*machine, seconds(1));
  }
  for (auto& node : nodes_) {
    start_node(*node, Duration(0));
  }
}

// ---- responders

Node* World::any_node() {
  Node* node = nodes_[engine_.below(nodes_.size())].get();
  return node->is_up() ? node : nullptr;
}

void World::submit_later() {
  engine_.after(soon(between_submits_), nullptr, [this] {
    if (!busy_) {
      return;
    }
    server::SubmitRequest request;
    request.machine = any_machine().id();
    const std::size_t commands = 1 + engine_.below(3);
    for (std::size_t i = 0; i < commands; ++i) {
      server::SubmitCommand c;
      const bool is_first = i == 0, is_last = i + 1 == commands;
      if (is_last && engine_.chance(0.2)) {
        c.type = action::CommandType::get_file;
        c.path = "/file";
      } else if (engine_.chance(0.1)) {
        c.type = action::CommandType::built_in;
        c.file_name = "dir";
        c.path = "/";
      } else {
        c.type = is_first && engine_.chance(0.2) ? action::CommandType::put_file
                                                 : action::CommandType::run_script;
        c.file_name = files_[engine_.chance(0.97) ? 0 : 1];
      }
      request.commands.push_back(std::move(c));
    }
    request.comment = "why";
    if (engine_.chance(0.6)) {
      const std::string key = fmt::format("key{}", next_key_++);
      request.idempotency_key =
          server::IdempotencyKey{by_.caller, key, crypto::sha256(request.comment)};
      request.external_id = key;  // echoed: how the history knows
    }
    submit(std::move(request), 5);
    submit_later();
  });
}

void World::submit(server::SubmitRequest request, int tries) {
  const auto again = [this, request, tries] {
    if (tries > 0 && request.idempotency_key) {
      engine_.after(soon(seconds(4)), nullptr,
                    [this, request, tries] { submit(request, tries - 1); });
    }
  };
  Node* node = any_node();
  if (node == nullptr) {
    again();
    return;
  }
  const bool lost = faulty_ && engine_.chance(0.05);
  engine_.after(soon(milliseconds(5)), node->life(), [this, node, request, again, lost] {
    node->live_response().submit(
        by_, request, [this, request, again, lost](Result<action::Action> made) {
          engine_.after(soon(milliseconds(5)), nullptr, [this, request, again, lost, made] {
            if (lost || (!made.ok() && made.error().code == Errc::unavailable)) {
              again();
              return;
            }
            if (!made.ok()) {
              return;
            }
            if (request.idempotency_key) {
              Event e = event(Kind::answered, made->id);
              e.key = *request.external_id;
              record(std::move(e));
            }
            if (engine_.chance(cancels_)) {
              engine_.after(
                  soon(engine_.chance(0.5) ? Duration(milliseconds(20)) : Duration(seconds(60))),
                  nullptr, [this, id = made->id] { cancel(id); });
            }
          });
        });
  });
}

void World::cancel(const ActionId& id) {
  if (Node* node = any_node()) {
    engine_.after(soon(milliseconds(5)), node->life(), [this, node, id] {
      node->live_response().cancel(by_, id, "enough", [](Result<action::Action>) {});
    });
  }
}

void World::read_later() {
  engine_.after(soon(seconds(15)), nullptr, [this] {
    if (!known_.empty()) {
      const Known& known =
          known_[known_.size() - 1 - engine_.below(std::min<std::size_t>(known_.size(), 10))];
      mint(known, static_cast<std::uint32_t>(engine_.below(known.commands)));
    }
    if (busy_) {
      read_later();
    }
  });
}

// The operator, who clears every machine after a while.
void World::look_after_quarantine() {
  engine_.after(soon(seconds(30)), nullptr, [this] {
    for (auto& machine : machines_) {
      stores_.machines().find(machine->id(), [this, &machine](Result<server::Machine> row) {
        if (!row.ok() || !row->quarantine) {
          return;
        }
        ++outcome_.quarantines;
        const bool is_late = network_.late_hellos.erase(machine->name()) > 0;
        if (!machine->gave_cause_for_quarantine() && !is_late && !options_.excuse_quarantines) {
          outcome_.violations.push_back(
              {"quarantine", checker_.events(), machine->name() + ": " + row->quarantine->reason});
        }
        stores_.machines().set_quarantine(kTenant, machine->id(), std::nullopt,
                                          [](Result<void>) {});
        for (auto& node : nodes_) {
          if (node->is_up()) {
            node->end_session(machine->id());
          }
        }
      });
    }
    if (busy_) {
      look_after_quarantine();
    }
  });
}

void World::mint(const Known& known, std::uint32_t index) {
  Node* node = any_node();
  if (node == nullptr) {
    return;
  }
  engine_.after(soon(milliseconds(5)), node->life(), [this, node, id = known.id, index] {
    node->live_response().mint_link(
        by_, id, index, "127.0.0.1", [this, id, index](Result<server::ResultLink> link) {
          if (!link.ok()) {
            return;
          }
          const auto mark = link->url.find('?');
          Event e = event(Kind::minted, id, index);
          e.blob = link->url.substr(mark - 32, 32);
          e.expires_us = to_micros(link->expires);
          e.flag = shared_.audited.contains(fmt::format("{}/{} {}", id.text(), index, e.blob));
          record(std::move(e));
          for (const Duration wait : {soon(seconds(20)), soon(seconds(260))}) {
            engine_.after(wait, nullptr,
                          [this, id, index, link = *link] { fetch(id, index, link); });
          }
        });
  });
}

void World::fetch(const ActionId& id, std::uint32_t index, const server::ResultLink& link) {
  auto bytes = blobs_.read_by_link(link.url, true_now(engine_));
  Event e = event(Kind::fetched, id, index);
  e.expires_us = to_micros(link.expires);
  e.flag = bytes.ok();
  e.text = bytes.ok() ? printed_by(*bytes) : "";
  record(std::move(e));
}

// ---- a life of the world

WorldOutcome World::run() {
  for (auto& node : nodes_) {
    start_node(*node, Duration(0));
  }
  for (auto& machine : machines_) {
    start_machine(*machine, engine_.chance(0.8) ? soon(seconds(2)) : soon(minutes(6)));
  }
  submit_later();
  read_later();
  look_after_quarantine();
  engine_.after(seconds(3), nullptr, [this] { nemesis(); });
  engine_.run_until(engine_.now() + engine_.between(minutes(3), minutes(10)));
  heal();
  engine_.run_until(engine_.now() + seconds(260));
  record(event(Kind::quiet, ActionId()));
  engine_.run_until(engine_.now() + seconds(60));
  busy_ = false;
  // A regrant opens a new window: whatever was accepted is over by then, clocks included.
  const std::int64_t rest_us = last_deadline_us_ - to_micros(true_now(engine_));
  engine_.run_until(engine_.now() + Duration(std::max<std::int64_t>(rest_us, 0)) + seconds(60));
  record(event(Kind::ended, ActionId()));
  outcome_.violations.insert(outcome_.violations.end(), checker_.violations().begin(),
                             checker_.violations().end());
  outcome_.checked = checker_.checked();
  outcome_.events = engine_.events();
  return outcome_;
}

}  // namespace

const std::vector<std::string>& variants() {
  static const std::vector<std::string> kVariants = {
      "exec_first", "nofsync", "resume", "lease_regrant", "ttl",   "nogen", "replay", "cancel_now",
      "noclose",    "nocas",   "noterm", "early_report",  "drift", "pause", "noboot", "clock_jump"};
  return kVariants;
}

WorldOutcome run_world(const WorldOptions& options) {
  World world(options);
  return world.run();
}

}  // namespace reachback::sim
