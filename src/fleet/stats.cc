#include "fleet/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/file.h"

namespace reachback::fleet {
namespace {

constexpr int kPerDoublingLog2 = 4;

std::size_t bucket_of(std::uint64_t us) {
  if (us < 16) {
    return us;
  }
  const int doubling = std::bit_width(us) - 1 - kPerDoublingLog2;  // 0 for 16…31
  const std::uint64_t within = (us >> doubling) - 16;
  return std::min<std::size_t>(16 * (static_cast<std::size_t>(doubling) + 1) + within,
                               Latencies::kBuckets - 1);
}

// The largest value that falls into it.
std::uint64_t upper_of(std::size_t bucket) {
  if (bucket < 16) {
    return bucket;
  }
  const std::size_t doubling = bucket / 16 - 1;
  return ((16 + bucket % 16 + 1) << doubling) - 1;
}

std::uint64_t resident_kib() {
  auto text = read_file("/proc/self/statm", 4096);
  if (!text.ok()) {
    return 0;
  }
  const auto blank = text->find(' ');
  constexpr std::uint64_t kPageKib = 4;
  return blank == std::string::npos ? 0
                                    : std::strtoull(text->c_str() + blank, nullptr, 10) * kPageKib;
}

}  // namespace

void Latencies::add(Duration took) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  buckets_[bucket_of(us)].fetch_add(1, std::memory_order_relaxed);
}

Latencies::Counts Latencies::counts() const {
  Counts out{};
  for (std::size_t i = 0; i < kBuckets; ++i) {
    out[i] = buckets_[i].load(std::memory_order_relaxed);
  }
  return out;
}

Duration percentile(const Latencies::Counts& now, const Latencies::Counts& before, double share) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    all += now[i] - before[i];
  }
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    seen += now[i] - before[i];
    if (seen != 0 && seen >= wanted) {
      return Duration(static_cast<std::int64_t>(upper_of(i)));
    }
  }
  return Duration(0);
}

std::string report_line(const Stats& stats, std::size_t agents, double second, Moment& before) {
  Moment now;
  now.second = second;
  now.finished = stats.finished.load();
  now.latencies = stats.order_to_end.counts();
  const Latencies::Counts none{};
  const double passed = std::max(now.second - before.second, 1e-3);
  const auto ms = [](Duration d) { return static_cast<double>(d.count()) / 1000; };
  // By hand: nothing in it has to be escaped, and the JSON library writes 2.5 as 2.5E0.
  std::string line = fmt::format(
      R"({{"second":{:.1f},"agents":{},"connected":{},"dismissed":{},"reconnects":{},)"
      R"("orders":{},"running":{},"finished":{},"finishedPerSecond":{:.1f},"cancelled":{},)"
      R"("refused":{},"forgotten":{},"notStarted":{},)",
      second, agents, stats.connected.load(), stats.dismissed.load(), stats.reconnects.load(),
      stats.orders.load(), stats.running.load(), now.finished,
      static_cast<double>(now.finished - before.finished) / passed, stats.cancelled.load(),
      stats.refused.load(), stats.forgotten.load(), stats.not_started.load());
  line += fmt::format(
      R"("orderToEndMs":{{"p50":{:.2f},"p99":{:.2f},"p50All":{:.2f},"p99All":{:.2f}}},)",
      ms(percentile(now.latencies, before.latencies, 0.5)),
      ms(percentile(now.latencies, before.latencies, 0.99)),
      ms(percentile(now.latencies, none, 0.5)), ms(percentile(now.latencies, none, 0.99)));
  line += fmt::format(
      R"("lies":{{"told":{},"refused":{},"unanswered":{},"believed":{}}},"rssKib":{}}})",
      stats.lies.load(), stats.lies_refused.load(), stats.lies_unanswered.load(),
      stats.lies_believed.load(), resident_kib());
  before = now;
  return line;
}

}  // namespace reachback::fleet
