#include "agent/collect/package.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/builtin/builtin.h"
#include "agent/builtin/proc.h"
#include "agent/collect/collect.h"
#include "agent/command/find_file.h"
#include "base/bytes.h"

namespace reachback::agent::collect {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
constexpr std::uint64_t kKernelBytesMax = 1 << 20;  // of a file that the kernel makes
constexpr std::size_t kNotesBytesMax = 4 << 20;

// What the built-in commands tell of the whole machine.
constexpr const char* kCommands[] = {"processes",      "connections", "services",
                                     "scheduledtasks", "persistence", "users"};

Timestamp wall_now() {
  return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
}

}  // namespace

Package::Package(const builtin::System& system, std::string root, std::vector<std::string> roots,
                 ZipWriter& zip)
    : system_(system),
      root_(std::move(root)),
      roots_(std::move(roots)),
      zip_(zip),
      now_(wall_now()),
      output_([](std::string_view) {}, [this](std::string_view line) { note(line); }),
      left_(kPackageBytesMax) {}

void Package::note(std::string_view line) {
  if (notes_.size() + line.size() <= kNotesBytesMax) {
    notes_ += line;
  }
}

Result<void> Package::begin(const std::string& name, Timestamp modified) {
  entries_.push_back({name});
  hash_ = crypto::Sha256Stream();
  return zip_.begin(name, modified);
}

Result<void> Package::write(std::string_view bytes) {
  entries_.back().bytes += bytes.size();
  hash_.update(bytes);
  return zip_.write(bytes);
}

Result<void> Package::end() {
  entries_.back().sha256 = hash_.finish();
  return zip_.end();
}

Result<void> Package::add_text(const std::string& name, std::string_view text) {
  RB_TRY(begin(name, now_));
  RB_TRY(write(text));
  return end();
}

Result<void> Package::fill(std::string_view name) {
  for (const char* command : kCommands) {
    RB_TRY(add_command(command));
  }
  RB_TRY(add_open_files());
  Result<void> added;
  each_wanted(system_, output_,
              [&](const Wanted& wanted) { added = added.ok() ? add_file(wanted) : added; });
  RB_TRY(added);
  if (not_allowed_ > 0) {
    note(
        fmt::format("NotAllowed: {} files are not below the folders that the machine's owner lets "
                    "be read\n",
                    not_allowed_));
  }
  if (left_out_ > 0) {
    note(
        fmt::format("{} files are left out: with one of them the package would have more than {} "
                    "bytes of files\n",
                    left_out_, kPackageBytesMax));
  }
  RB_TRY(add_text("notes.txt", notes_));
  return add_summary(name);
}

Result<void> Package::add_command(const std::string& command) {
  RB_TRY(begin(command + ".jsonl", now_));
  Result<void> written;
  BuiltInOrder order;
  order.words = {command};
  order.folder = "/";
  do_built_in(
      order, root_, [&](std::string_view rows) { written = written.ok() ? write(rows) : written; },
      [&](std::string_view line) { note(command + ": " + std::string(line)); });
  RB_TRY(written);
  return end();
}

// Which process has which file open, sockets and pipes too.
Result<void> Package::add_open_files() {
  RB_TRY(begin("open_files.jsonl", now_));
  Result<void> written;
  builtin::Output rows(
      [&](std::string_view text) { written = written.ok() ? write(text) : written; },
      [this](std::string_view line) { note(line); });
  auto proc = builtin::open_proc(system_);
  if (!proc.ok()) {
    output_.note(proc.error());
  }
  for (const builtin::Pid pid : proc.ok() ? proc->pids : std::vector<builtin::Pid>()) {
    const Fd process = builtin::open_process(*proc, pid);
    const Fd handle(::openat(process.get(), "fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto folder = builtin::Folder::open(handle.get(), "/proc");
    if (!handle.valid() || !folder.ok()) {
      continue;  // It is gone, or is the kernel's own.
    }
    for (auto entry = folder->next(); entry && written.ok(); entry = folder->next()) {
      if (const auto target = builtin::target_of(folder->fd(), entry->name)) {
        rows.add(builtin::Row().add("pid", pid).add("fd", entry->name).add("path", *target));
      }
    }
  }
  rows.flush();
  RB_TRY(written);
  return end();
}

Result<void> Package::add_file(const Wanted& wanted) {
  const bool is_kernels = wanted.kernel_files == builtin::KernelFiles::read;
  // What the kernel tells is told by no file of the owner's.
  auto found = system_.find(wanted.path, wanted.in_home ? O_NOFOLLOW : 0,
                            is_kernels ? std::vector<std::string>() : roots_);
  if (!found.ok()) {
    not_allowed_ += found.error().code == Errc::forbidden && !roots_.empty() ? 1 : 0;
    if (found.error().code != Errc::not_found && found.error().code != Errc::forbidden) {
      output_.note(found.error());
    }
    return {};
  }
  if (S_ISDIR(found->status.stx_mode)) {
    return {};
  }
  auto file = builtin::open_regular(*found, wanted.kernel_files);
  if (!file.ok()) {
    output_.note(file.error());
    return {};
  }
  const std::uint64_t size = is_kernels ? kKernelBytesMax : found->status.stx_size;
  const std::uint64_t kept = std::min(size, kPackageFileBytesMax);
  if (kept > left_) {
    ++left_out_;
    return {};
  }
  if (kept < size) {
    note(fmt::format("{}: only the last {} of its {} bytes are kept\n", shown_path(wanted.path),
                     kept, size));
  }
  const auto modified = is_kernels ? std::nullopt : builtin::modified_of(found->status);
  RB_TRY(begin("files" + to_valid_utf8(wanted.path), modified.value_or(now_)));
  RB_TRY(copy(file->get(), size - kept, kept, wanted.path));
  left_ -= std::min(left_, entries_.back().bytes);
  return end();
}

Result<void> Package::copy(int file, std::uint64_t from, std::uint64_t bytes_max,
                           const std::string& path) {
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t read = 0; read < bytes_max;) {
    const auto wanted = std::min<std::uint64_t>(piece.size(), bytes_max - read);
    const ssize_t n = ::pread(file, piece.data(), wanted, static_cast<off_t>(from + read));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      output_.note(builtin::path_error(path, errno));
    }
    if (n <= 0) {
      break;
    }
    RB_TRY(write(std::string_view(piece).substr(0, static_cast<std::size_t>(n))));
    read += static_cast<std::uint64_t>(n);
  }
  return {};
}

// One JSON object a line: the package, then its entries.
Result<void> Package::add_summary(std::string_view name) {
  std::string text =
      builtin::Row()
          .add("package", name)
          .add("collected", now_)
          .add("entries", entries_.size())
          .add("notes", static_cast<std::size_t>(std::count(notes_.begin(), notes_.end(), '\n')))
          .line();
  for (const Entry& entry : entries_) {
    text += builtin::Row()
                .add("name", entry.name)
                .add("bytes", entry.bytes)
                .add("sha256", to_hex(as_bytes(entry.sha256)))
                .line();
  }
  return add_text("contents.jsonl", text);
}

}  // namespace reachback::agent::collect
