#include "server/service/refusal_tally.h"

namespace reachback::server {

void RefusalTally::note(const TenantId& tenant, const std::string& kind,
                        const std::string& peer_ip) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = counts_.empty();
    std::pair<std::string, std::string> key(kind, peer_ip);
    if (counts_.size() >= kAddressesMax && !counts_.contains(key)) {
      key.second = "other addresses";
    }
    Count& count = counts_[key];
    if (count.times++ == 0) {
      count.tenant = tenant;
      count.since = clock_.now();
    }
  }
  if (first) {
    scheduler_.after(kEvery, [this] { flush(); });
  }
}

void RefusalTally::flush() {
  std::map<std::pair<std::string, std::string>, Count> counted;
  {
    MutexLock lock(mutex_);
    counted.swap(counts_);
  }
  for (const auto& [key, count] : counted) {
    AccessRecord record;
    record.at = clock_.now();
    record.tenant = count.tenant;
    record.kind = key.first;
    record.principal = "unknown";
    record.object = std::to_string(count.times) + " times since " + format_time(count.since);
    record.result = "refused";
    record.peer_ip = key.second;
    audit_.append(std::move(record), [](const Result<void>&) {});
  }
}

}  // namespace reachback::server
