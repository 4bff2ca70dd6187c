#include "server/wire/audit_keeper.h"

#include <future>

#include "base/log.h"

namespace reachback::server {

AuditKeeper::AuditKeeper(AuditKeeperOptions options, SqliteStore& store, AuditFile& file,
                         const Clock& clock)
    : options_(std::move(options)), store_(store), file_(file), clock_(clock) {
  thread_ = std::thread([this] { run(); });
}

AuditKeeper::~AuditKeeper() {
  finish();
}

void AuditKeeper::finish() {
  std::call_once(finished_, [this] {
    {
      MutexLock lock(mutex_);
      finishing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  });
}

void AuditKeeper::run() {
  while (true) {
    work();
    MutexLock lock(mutex_);
    const auto next = std::chrono::steady_clock::now() + options_.every;
    while (!finishing_ && wake_.wait_until(lock, next)) {
    }
    if (finishing_) {
      break;
    }
  }
  work();
}

void AuditKeeper::work() {
  auto database = store_.audit_head();
  if (!database) {
    log_warning("audit head not read", {field("error", database.error().message)});
    return;
  }
  if (entered_ != *database) {
    AccessRecord record;
    record.at = clock_.now();
    record.kind = kDatabaseHeadKind;
    record.principal = "system";
    record.object = text_of(*database);
    record.result = "read";
    auto promise = std::make_shared<std::promise<Result<void>>>();
    file_.append(std::move(record),
                 [promise](Result<void> r) { promise->set_value(std::move(r)); });
    auto written = promise->get_future().get();
    if (!written) {
      log_warning("audit head not entered", {field("error", written.error().message)});
      return;
    }
    entered_ = *database;
  }
  AuditHeads heads{file_.head(), *database};
  if (exported_ == heads) {
    return;
  }
  auto exported = export_heads(options_.target, clock_.now(), heads);
  if (!exported) {
    log_warning("audit heads not exported", {field("error", exported.error().message)});
    return;
  }
  exported_ = heads;
}

}  // namespace reachback::server
