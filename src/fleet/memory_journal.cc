#include "fleet/memory_journal.h"

namespace reachback::fleet {
namespace {

// As the journal's own: what is saved is read as a file that has been grown to this.
constexpr std::size_t kGrownBytes = 256 << 10;

class Nowhere : public agent::LayerFile {
 public:
  explicit Nowhere(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::string> read_all() override { return std::move(bytes_); }
  Result<void> write_at(std::uint64_t, std::string_view) override { return {}; }
  Result<void> sync() override { return {}; }

 private:
  std::string bytes_;
};

class NowhereLayer : public agent::FileLayer {
 public:
  explicit NowhereLayer(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::unique_ptr<agent::LayerFile>> open(const std::string& name) override {
    if (bytes_.empty()) {
      return Error{Errc::not_found, name};
    }
    return std::unique_ptr<agent::LayerFile>(std::make_unique<Nowhere>(std::move(bytes_)));
  }
  Result<std::unique_ptr<agent::LayerFile>> create(const std::string&) override {
    return std::unique_ptr<agent::LayerFile>(std::make_unique<Nowhere>(std::string()));
  }
  Result<void> rename(const std::string&, const std::string&) override { return {}; }
  Result<void> link(const std::string&, const std::string&) override { return {}; }
  Result<void> sync_names() override { return {}; }

 private:
  std::string bytes_;
};

}  // namespace

MemoryJournal::MemoryJournal(std::unique_ptr<agent::FileLayer> files,
                             std::unique_ptr<agent::Journal> journal)
    : files_(std::move(files)), journal_(std::move(journal)) {}

Result<MemoryJournal> MemoryJournal::open(std::string saved, const Clock& clock, Random& random) {
  if (!saved.empty()) {
    saved.resize((saved.size() / kGrownBytes + 1) * kGrownBytes, '\0');
  }
  auto files = std::make_unique<NowhereLayer>(std::move(saved));
  RB_TRY_ASSIGN(auto journal, agent::Journal::open(*files, clock, random));
  return MemoryJournal(std::move(files), std::move(journal));
}

std::string MemoryJournal::save(Timestamp now) const {
  std::string out;
  std::uint64_t sequence = 1;
  for (agent::Entry& entry : agent::snapshot(journal_->state(), now - agent::kTombstoneLife)) {
    out += agent::encode_record(sequence++, {std::move(entry)});
  }
  return out;
}

}  // namespace reachback::fleet
