// A workload of the store on a simulated disk, and what it knows of its outcomes.
#pragma once

#include <deque>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/store_sqlite/audit_verify.h"
#include "server/store_sqlite/sqlite.h"
#include "server/store_sqlite/store_sqlite.h"
#include "testing/crash_vfs.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {

// A workload and what it knows of its outcomes. Each object has at most one write under way, so its
// stored state is what was last acknowledged or what was being written.
class Workload {
 public:
  using Action = action::Action;
  static constexpr std::uint32_t kTokenUses = 1000;

  Workload(std::uint64_t seed, bool synced) : random_(seed), vfs_(seed + 1) {
    options_.path = "db";
    options_.vfs = vfs_.name();
    options_.readers = 1;
    options_.cached_actions = 4;
    options_.checkpoint_frames = 12;  // several checkpoints in each run
    options_.lose_writes_at_power_loss = !synced;
  }
  testing::CrashVfs& vfs() { return vfs_; }

  // "" or what went wrong.
  std::string begin() {
    auto created = SqliteStore::create(options_);
    if (!created) {
      return created.error().message;
    }
    std::string why = open();
    if (!why.empty()) {
      return why;
    }
    auto added = testing::wait_for([&](auto done) {
      store_->apps().add_token(
          {tenant_, token_, testing::sample_time(9999), kTokenUses, {}, testing::sample_time(0)},
          done);
    });
    return added ? "" : added.error().message;
  }

  std::string open() {
    auto store = SqliteStore::open(options_);
    if (!store) {
      return "open: " + store.error().message;
    }
    store_ = std::move(*store);
    return "";
  }

  void close() { store_.reset(); }

  // Writes in groups until the power goes or `rounds` are done.
  void work(int rounds) {
    for (int i = 0; i < rounds && !vfs_.power_is_off(); ++i) {
      std::vector<std::future<void>> waits;
      std::uint64_t count = 1 + random_.below(6);
      std::set<std::size_t> busy;
      for (std::uint64_t n = 0; n < count; ++n) {
        waits.push_back(one_write(busy));
      }
      for (auto& wait : waits) {
        wait.wait();
      }
    }
  }

  // After a restart: "" or the promise that was broken.
  std::string check() {
    std::string why = open();
    if (why.empty()) {
      why = check_objects();
      close();
    }
    return why.empty() ? check_file() : why;
  }
  std::size_t acknowledged() const { return acknowledged_; }

 private:
  // One machine, its unfinished action and what may be stored of it.
  struct Slot {
    MachineId machine;
    std::optional<Action> acked;
    std::optional<Action> tried;  // under way or of unknown outcome
    std::optional<IdempotencyKey> key;
  };

  std::future<void> one_write(std::set<std::size_t>& busy) {
    auto promise = std::make_shared<std::promise<void>>();
    auto future = promise->get_future();
    switch (random_.below(8)) {
      case 0:
        enroll(promise);
        return future;
      case 1:
        put_file(promise);
        return future;
      default:
        break;
    }
    std::size_t at = random_.below(8);
    while (slots_.size() <= at) {
      slots_.push_back({testing::sample_machine_id(random_), {}, {}, {}});
    }
    if (!busy.insert(at).second) {
      promise->set_value();
      return future;
    }
    Slot& slot = slots_[at];
    if (!slot.acked || is_final(slot.acked->status)) {
      insert(slot, promise);
    } else {
      replace(slot, promise);
    }
    return future;
  }

  void insert(Slot& slot, const std::shared_ptr<std::promise<void>>& promise) {
    // The one before stays where it is; from here on the slot follows the new one.
    if (slot.acked) {
      ended_.push_back(*slot.acked);
      slot.acked.reset();
    }
    Action a = testing::sample_action(random_, tenant_, slot.machine,
                                      testing::sample_time(static_cast<int>(ended_.size())));
    a.comment = std::string(random_.below(3000), 'c');
    slot.key.reset();
    if (random_.below(2) == 0) {
      slot.key = IdempotencyKey{"app", to_hex(random_.bytes(8)), testing::sample_digest(random_)};
    }
    a.version = 1;
    slot.tried = a;
    store_->actions().insert(a, slot.key, {}, testing::sample_audit("accepted"),
                             [this, &slot, promise](Result<Inserted> r) {
                               if (r) {
                                 acknowledge(slot, std::move(r->action));
                               }
                               promise->set_value();
                             });
  }

  void replace(Slot& slot, const std::shared_ptr<std::promise<void>>& promise) {
    Action next = testing::sample_step(random_, *slot.acked);
    slot.tried = next;
    slot.tried->version += 1;
    store_->actions().replace(next, testing::sample_audit("step"),
                              [this, &slot, promise](Result<Action> r) {
                                if (r) {
                                  acknowledge(slot, std::move(*r));
                                }
                                promise->set_value();
                              });
  }

  void acknowledge(Slot& slot, Action a) {  // on the store's thread, while work() waits
    slot.acked = std::move(a);
    slot.tried.reset();
    ++acknowledged_;
  }

  void enroll(const std::shared_ptr<std::promise<void>>& promise) {
    Machine m;
    m.id = testing::sample_machine_id(random_);
    m.public_key = random_.bytes(44);
    store_->machines().enroll(token_, m, testing::sample_time(0),
                              [this, promise](Result<Machine> r) {
                                if (r) {
                                  machines_.push_back(std::move(*r));
                                  ++acknowledged_;
                                }
                                promise->set_value();
                              });
  }

  void put_file(const std::shared_ptr<std::promise<void>>& promise) {
    LibraryFile f;
    f.tenant = tenant_;
    f.name = "file" + std::to_string(random_.below(4));
    f.sha256 = testing::sample_digest(random_);
    f.blob = to_hex(random_.bytes(16));
    store_->library().put(f, /*replace=*/true, [this, promise](Result<LibraryFile> r) {
      if (r) {
        files_.push_back(std::move(*r));
        ++acknowledged_;
      }
      promise->set_value();
    });
  }

  std::string check_objects() {
    for (Slot& slot : slots_) {
      std::string why = check_slot(slot);
      if (!why.empty()) {
        return why;
      }
    }
    for (const Action& a : ended_) {
      auto r =
          testing::wait_for<Action>([&](auto done) { store_->actions().get(tenant_, a.id, done); });
      if (!r || *r != a) {
        return "an ended action is lost";
      }
    }
    for (const LibraryFile& f : files_) {
      auto r = testing::wait_for<LibraryFile>(
          [&](auto done) { store_->library().version(tenant_, f.sha256, done); });
      if (!r || *r != f) {
        return "an acknowledged library version is lost";
      }
    }
    for (const Machine& m : machines_) {
      auto r = testing::wait_for<Machine>(
          [&](auto done) { store_->machines().get(tenant_, m.id, done); });
      if (!r || *r != m) {
        return "an acknowledged machine is lost";
      }
    }
    return "";
  }

  // Settles what is stored, so that the workload can go on from there.
  std::string check_slot(Slot& slot) {
    const ActionId id = slot.acked ? slot.acked->id : slot.tried ? slot.tried->id : ActionId();
    if (id == ActionId()) {
      return "";
    }
    auto stored =
        testing::wait_for<Action>([&](auto done) { store_->actions().get(tenant_, id, done); });
    bool was_tried = slot.tried && stored && *stored == *slot.tried;
    bool was_acked = slot.acked && stored && *stored == *slot.acked;
    if (!was_tried && !was_acked) {
      if (slot.acked || stored || stored.error().code != Errc::not_found) {
        return "an action is not what was acknowledged or tried: " +
               (stored ? "version " + std::to_string(stored->version) : stored.error().message);
      }
      slot.tried.reset();
      return "";
    }
    slot.acked = *stored;
    slot.tried.reset();
    if (slot.key) {
      Action retry = testing::sample_action(random_, tenant_, slot.machine);
      auto again = testing::wait_for<Inserted>([&](auto done) {
        store_->actions().insert(retry, slot.key, {}, testing::sample_audit("accepted"), done);
      });
      if (!again || !again->replayed || again->action.id != id) {
        return "V11: the idempotency key of a stored action is lost";
      }
    }
    return "";
  }

  std::string check_file() {
    auto db = Db::open(options_.path, Db::Mode::read_write, options_.vfs);
    if (!db) {
      return db.error().message;
    }
    struct Check {
      const char* sql;
      std::int64_t want;
      const char* broken;
    };
    const Check kChecks[] = {
        {"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'", 1,
         "integrity_check"},
        {"SELECT count(*) FROM actions WHERE version != (SELECT count(*) FROM audit"
         " WHERE audit.tenant = actions.tenant AND audit.action = actions.id)",
         0, "a change without its audit row, or the reverse"},
        {"SELECT count(*) FROM audit WHERE NOT EXISTS (SELECT 1 FROM actions"
         " WHERE audit.tenant = actions.tenant AND audit.action = actions.id)"
         " AND action IS NOT NULL",
         0, "an audit row of no action"},
        {"SELECT count(*) FROM idempotency WHERE NOT EXISTS (SELECT 1 FROM actions"
         " WHERE idempotency.tenant = actions.tenant AND idempotency.action = actions.id)",
         0, "an idempotency key of no action"},
        {"SELECT (SELECT sum(uses_left) FROM tokens) + (SELECT count(*) FROM machines)", kTokenUses,
         "a token's uses and its machines do not add up"},
        {"SELECT count(*) FROM library_names n WHERE NOT EXISTS (SELECT 1 FROM library_versions v"
         " WHERE v.tenant = n.tenant AND v.sha256 = n.sha256)",
         0, "a library name without its version"},
    };
    for (const Check& check : kChecks) {
      auto n = (*db)->number(check.sql);
      if (!n || *n != check.want) {
        return std::string(check.broken) + ": " + (n ? std::to_string(*n) : n.error().message);
      }
    }
    auto rows = verify_audit_rows(**db);
    if (!rows || rows->problem) {
      return "V22: the audit's chain is broken: " +
             (rows ? rows->problem->what : rows.error().message);
    }
    return "";
  }

  testing::SeededRandom random_;
  testing::CrashVfs vfs_;
  SqliteStoreOptions options_;
  TenantId tenant_ = TenantId::make(random_);
  Sha256 token_ = testing::sample_digest(random_);
  std::deque<Slot> slots_;
  std::vector<Action> ended_;
  std::vector<Machine> machines_;
  std::vector<LibraryFile> files_;
  std::size_t acknowledged_ = 0;
  std::unique_ptr<SqliteStore> store_;  // last: goes first, its `done`s use the others
};

}  // namespace reachback::server
