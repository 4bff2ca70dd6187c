#include "agent/builtin/output.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kGatheredBytesMax = 64 << 10;
constexpr std::size_t kNotedMax = 10'000;  // so many are remembered
constexpr std::chrono::milliseconds kGatheredFor{500};

}  // namespace

void Output::add(const Row& row) {
  gathered_ += row.line();
  if (gathered_.size() >= kGatheredBytesMax) {
    flush();
  } else {
    flush_if_old();
  }
}

void Output::flush_if_old() {
  if (!gathered_.empty() && std::chrono::steady_clock::now() - flushed_ >= kGatheredFor) {
    flush();
  }
}

void Output::flush() {
  if (!gathered_.empty()) {
    rows_(gathered_);
    gathered_.clear();
  }
  flushed_ = std::chrono::steady_clock::now();
}

void Output::note(std::string_view line) {
  std::string shown;
  for (const char c : to_valid_utf8(line)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  if (noted_.contains(shown)) {
    return;
  }
  notes_(shown + "\n");
  if (noted_.size() < kNotedMax) {
    noted_.insert(std::move(shown));
  }
}

}  // namespace reachback::agent::builtin
