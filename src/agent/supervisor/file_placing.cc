#include "agent/supervisor/file_placing.h"

#include <algorithm>

#include "agent/supervisor/result_storing.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

}  // namespace

FilePlacing::FilePlacing(Spool& spool, const ActionId& action, std::uint32_t index,
                         std::string name, Fd from, Fd to)
    : spool_(spool),
      action_(action),
      index_(index),
      name_(std::move(name)),
      from_(std::move(from)),
      to_(std::move(to)) {}

Result<bool> FilePlacing::place_some() {
  auto placed = [this]() -> Result<bool> {
    std::string piece(kPieceBytes, '\0');
    for (const std::uint64_t until = placed_ + kSliceBytes; placed_ < until;) {
      RB_TRY_ASSIGN(const std::size_t size,
                    read_at(from_.get(), piece.data(), piece.size(), placed_));
      RB_TRY(write_all(to_.get(), std::string_view(piece).substr(0, size)));
      placed_ += size;
      if (size < piece.size()) {
        to_.reset();  // A program that is open for writing cannot be run.
        RB_TRY(spool_.place_file(action_, index_, name_));
        return true;
      }
    }
    return false;
  }();
  if (!placed.ok()) {
    const bool full = placed.error().code == Errc::storage_full;
    return Error{placed.error().code,
                 (full ? "DiskFull: " : "CouldNotPlace: ") + placed.error().message};
  }
  return placed;
}

}  // namespace reachback::agent
