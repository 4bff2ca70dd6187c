#include "machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/command/fetch_file.h"
#include "base/variant.h"
#include "crypto/digest.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::sim {
namespace {

// A key that is the same for the same name: PKCS#8 of RFC 8410 around 32 bytes.
crypto::Ed25519PrivateKey key_of(const std::string& name) {
  const Sha256 seed = crypto::sha256("key of " + name);
  const std::string der =
      *from_hex("302e020100300506032b657004220420") + std::string(as_bytes(seed));
  return crypto::Ed25519PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\n" + to_base64(der) +
                                             "\n-----END PRIVATE KEY-----\n")
      .value();
}

}  // namespace

crypto::Ed25519PrivateKey make_key(const std::string& name) {
  return key_of(name);
}

// ---- spool

Result<Fd> SimSpool::make(const Key& key) {
  if (full) {
    return Error{Errc::storage_full, "spool: no space left on device (simulated)"};
  }
  Fd file(::memfd_create("spool", MFD_CLOEXEC));
  Fd other = Fd(::dup(file.get()));
  files_[key] = File{std::move(other), false};
  return file;
}

Result<agent::StreamFiles> SimSpool::make_streams(const ActionId& action, std::uint32_t index) {
  agent::StreamFiles out;
  RB_TRY_ASSIGN(out.out, make({action, index, pb::RAW_STDOUT}));
  RB_TRY_ASSIGN(out.err, make({action, index, pb::RAW_STDERR}));
  return out;
}

Result<Fd> SimSpool::make_result(const ActionId& action, std::uint32_t index) {
  return make({action, index, pb::RESULT});
}

Result<Fd> SimSpool::open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) {
  auto found = files_.find({action, index, kind});
  if (found == files_.end()) {
    return Error{Errc::not_found, "spool: no such file"};
  }
  return open_file(fmt::format("/proc/self/fd/{}", found->second.file.get()), O_RDONLY);
}

Result<void> SimSpool::sync(const Fd& synced) {
  struct stat wanted{};
  ::fstat(synced.get(), &wanted);
  for (auto& [key, file] : files_) {
    struct stat status{};
    ::fstat(file.file.get(), &status);
    file.synced = file.synced || status.st_ino == wanted.st_ino;
  }
  return {};
}

void SimSpool::remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) {
  files_.erase({action, index, kind});
}

Result<Fd> SimSpool::make_work_file(const ActionId&, std::uint32_t) {
  if (full) {
    return Error{Errc::storage_full, "work: no space left on device (simulated)"};
  }
  return Fd(::memfd_create("work", MFD_CLOEXEC));
}

Result<void> SimSpool::place_file(const ActionId& action, std::uint32_t index, const std::string&) {
  on_placed(action, index);
  return {};
}

void SimSpool::remove_others(const std::set<ActionId>& keep, const BootId&) {
  std::erase_if(files_, [&](const auto& file) { return !keep.contains(std::get<0>(file.first)); });
}

// ---- what the agent sees of the machine

class Machine::SimEvents : public agent::Events {
 public:
  explicit SimEvents(std::shared_ptr<SimExecutor> executor) : executor_(std::move(executor)) {}
  std::unique_ptr<Handle> after(Duration delay, std::function<void()> work) override {
    struct TimerHandle : Handle {
      explicit TimerHandle(std::unique_ptr<net::Timer> t) : timer(std::move(t)) {}
      std::unique_ptr<net::Timer> timer;
    };
    return std::make_unique<TimerHandle>(executor_->after(delay, std::move(work)));
  }
  std::unique_ptr<Handle> watch_readable(int, std::function<void()>) override {
    return std::make_unique<Handle>();
  }
  void post(std::function<void()> work) override { executor_->post(std::move(work)); }

 private:
  const std::shared_ptr<SimExecutor> executor_;
};

class Machine::SimProcesses : public agent::Processes {
 public:
  SimProcesses(Machine& machine, LifePtr life) : machine_(machine), life_(std::move(life)) {}

  Result<void> start(const agent::ProcessSpec& spec,
                     std::function<void(agent::ProcessEnd)> ended) override {
    Engine& engine = machine_.world_.engine;
    if (engine.chance(machine_.world_.start_fails)) {
      return Error{Errc::unavailable, "run: resource temporarily unavailable (simulated)"};
    }
    auto script = std::make_shared<Script>();
    for (const std::string& line : spec.environment) {
      if (line.starts_with("REACHBACK_ACTION=")) {
        script->action = line.substr(17);
      } else if (line.starts_with("REACHBACK_INDEX=")) {
        script->index = static_cast<std::uint32_t>(std::stoul(line.substr(16)));
      }
    }
    // Most are short, some run into their limit.
    const Duration takes = engine.chance(0.7)
                               ? engine.between(Duration(1000), std::chrono::milliseconds(500))
                               : engine.between(Duration(1000), machine_.world_.script_max);
    script->ends = engine.now() + takes;
    script->exit_code = engine.chance(0.8) ? 0 : 1;
    machine_.tell_start(script->action, script->index);
    const std::string text = script->action + "/" + std::to_string(script->index);
    const bool is_fetch = spec.arguments[1] == agent::kFetchCommand;
    out_bytes_ = is_fetch ? fetch(spec, text, script->exit_code == 0) : text.size();
    if (!is_fetch) {
      static_cast<void>(write_all(spec.stdout_file, text));
    }
    machine_.script_ = script;
    ended_ = std::move(ended);
    engine.at(script->ends, nullptr, [&machine = machine_, script, life = life_, this] {
      if (machine.script_ != script) {
        return;  // killed
      }
      machine.script_.reset();
      machine.told_exit(*script, life->alive);
      if (life->alive) {
        machine.world_.engine.after(Duration(0), life, [this, script] { tell(*script, false); });
      }
    });
    return {};
  }

  std::size_t type(std::string_view) override { return 0; }  // no terminal is opened here
  void resize(agent::TerminalWindow) override {}
  void kill() override {
    auto script = std::exchange(machine_.script_, nullptr);
    if (!script) {
      return;
    }
    machine_.world_.engine.after(Duration(200), life_, [this, script] { tell(*script, true); });
  }

  std::size_t kill_leftovers(const std::string& action) override {
    if (machine_.script_ && machine_.script_->action == action) {
      machine_.script_.reset();
      return 1;
    }
    return 0;
  }

 private:
  void tell(const Script& script, bool killed) {
    if (!ended_) {
      return;
    }
    agent::ProcessEnd end;
    end.exit_code = killed ? 137 : script.exit_code;
    end.killed = killed;
    end.out.seen = end.out.stored = out_bytes_;
    std::exchange(ended_, nullptr)(end);
  }

  // What the reader of GetFile does; the bytes of its report.
  static std::size_t fetch(const agent::ProcessSpec& spec, const std::string& text, bool found) {
    pb::FetchReport report;
    if (found) {
      const std::string digest(as_bytes(crypto::sha256(text)));
      static_cast<void>(write_all(spec.script_fd, text));
      report.set_path("/file");
      report.set_bytes(text.size());
      report.set_sha256(digest);
      report.set_stored_bytes(text.size());
      report.set_stored_sha256(digest);
    } else {
      report.set_error("NotFound: /file: no such file (simulated)");
    }
    const std::string bytes = report.SerializeAsString();
    static_cast<void>(write_all(spec.stdout_file, bytes));
    return bytes.size();
  }

  Machine& machine_;
  const LifePtr life_;
  std::size_t out_bytes_ = 0;
  std::function<void(agent::ProcessEnd)> ended_;
};

void Machine::tell_start(const std::string& action, std::uint32_t index) {
  Event e;
  e.at_us = to_micros(true_now(world_.engine));
  e.kind = Kind::executed;
  e.action = action;
  e.index = index;
  e.flag = has_intent_on_disk(action, index);
  world_.record(std::move(e));
}

void Machine::told_exit(const Script& script, bool seen) {
  Event e;
  e.at_us = to_micros(true_now(world_.engine));
  e.kind = Kind::exited;
  e.action = script.action;
  e.index = script.index;
  e.flag = seen;
  world_.record(std::move(e));
}

bool Machine::has_intent_on_disk(const std::string& action, std::uint32_t index) const {
  if (!disk_->has("journal")) {
    return false;
  }
  for (const agent::Entry& entry : agent::scan_records(disk_->durable("journal")).entries) {
    pb::JournalIntent intent;
    if (entry.type == agent::RecordType::intent && intent.ParseFromString(entry.payload) &&
        intent.index() == index && ActionId::from_bytes(intent.action())->text() == action) {
      return true;
    }
  }
  return false;
}

// ---- the agent

struct Machine::Running {
  LifePtr life;
  std::shared_ptr<SimExecutor> executor;
  std::unique_ptr<SimEvents> events;
  std::unique_ptr<SimProcesses> processes;
  std::unique_ptr<testing::SeededRandom> random;
  std::unique_ptr<net::Dialer> dialer;
  std::unique_ptr<agent::Journal> journal;
  std::unique_ptr<agent::AgentSupervisor> supervisor;
  std::unique_ptr<agent::Session> session;
};

Machine::Machine(MachineWorld& world, std::string name, ClockFault clock)
    : world_(world),
      name_(std::move(name)),
      clock_(world.engine, clock),
      key_(key_of(name_)),
      id_(protocol::machine_id_of(key_.public_key().spki())),
      disk_(std::make_unique<agent::LossyDisk>(
          agent::LossyDisk::Options{.ignores_sync = RB_VARIANT("nofsync")})) {
  // A file that is placed has its effect then, and is over.
  spool_.on_placed = [this](const ActionId& action, std::uint32_t index) {
    tell_start(action.text(), index);
    told_exit(Script{action.text(), index, {}, 0}, /*seen=*/true);
  };
  testing::SeededRandom random(world.engine.fork_seed());
  boot_ = BootId::make(random);
  clock_.boot(world.engine.between(Duration(0), std::chrono::hours(100)));
}

Machine::~Machine() {
  end_life(/*power_lost=*/false);
}

const LifePtr& Machine::life() const {
  return running_->life;
}

void Machine::start_agent() {
  if (running_) {
    return;
  }
  auto r = std::make_shared<Running>();
  r->life = std::make_shared<Life>(Life{name_, true, {}});
  r->executor = std::make_shared<SimExecutor>(world_.engine, r->life, clock_);
  r->events = std::make_unique<SimEvents>(r->executor);
  r->processes = std::make_unique<SimProcesses>(*this, r->life);
  r->random = std::make_unique<testing::SeededRandom>(world_.engine.fork_seed());
  r->dialer = world_.network.dialer(name_, r->executor);
  running_ = r;
  // In an event of its own life, so that a failpoint of the recovery can kill it.
  world_.engine.after(Duration(0), r->life, [this, r] {
    auto journal = agent::Journal::open(*disk_, clock_, *r->random);
    if (!journal.ok()) {
      kill_agent(/*scripts_survive=*/true);
      world_.engine.after(std::chrono::seconds(5), nullptr, [this] { start_agent(); });
      return;
    }
    r->journal = std::move(*journal);
    agent::Identity identity{world_.tenant, id_, key_, {world_.order_key}, 1};
    pb::Hello::Body facts;
    facts.set_host_name(name_);
    facts.set_os_platform("Linux");
    facts.set_agent_version("sim");
    r->supervisor = std::make_unique<agent::AgentSupervisor>(
        std::move(identity),
        agent::SupervisorDeps{*r->events, *r->processes, *r->journal, spool_, clock_, *r->random,
                              boot_, [facts] { return facts; }, contact_,
                              [this](const std::string& contact) -> Result<void> {
                                if (disk_->disk_full) {
                                  return Error{Errc::storage_full, "contact (simulated)"};
                                }
                                contact_ = contact;
                                return {};
                              },
                              [](const agent::Identity&) { return Result<void>(); }});
    if (!r->supervisor->recover().ok()) {
      kill_agent(/*scripts_survive=*/true);
      world_.engine.after(std::chrono::seconds(5), nullptr, [this] { start_agent(); });
      return;
    }
    r->session = std::make_unique<agent::Session>(
        agent::SessionDeps{*r->dialer, *r->supervisor, net::Origin{"https", "agents.test", "443"},
                           *r->random, [](const MachineId&) {}, [] {}, [](const std::string&) {}});
    r->session->start();
  });
}

void Machine::end_life(bool power_lost) {
  if (!running_) {
    return;
  }
  running_->life->alive = false;
  world_.network.drop(running_->life, power_lost);
  dead_.push_back(std::move(running_));
  running_ = nullptr;
}

void Machine::kill_agent(bool scripts_survive) {
  end_life(/*power_lost=*/false);
  if (!scripts_survive) {
    script_.reset();
  }
}

void Machine::lose_power() {
  end_life(/*power_lost=*/true);
  script_.reset();
  disk_->lose_power(world_.engine.fork_seed());
  disk_->fail_sync = false;
  spool_.lose_power();
  testing::SeededRandom random(world_.engine.fork_seed());
  boot_ = BootId::make(random);
  clock_.boot();
}

void Machine::reinstall() {
  lose_journal();
  gave_cause_ = gave_cause_ || !contact_.empty();
  contact_.clear();
}

void Machine::lose_journal() {
  lose_power();
  old_disks_.push_back(std::move(disk_));
  disk_ = std::make_unique<agent::LossyDisk>(
      agent::LossyDisk::Options{.ignores_sync = RB_VARIANT("nofsync")});
  spool_.remove_others({}, boot_);
}

void Machine::stop_for(Duration d) {
  if (running_) {
    running_->life->stop_until(world_.engine.now() + d);
  }
}

}  // namespace reachback::sim
