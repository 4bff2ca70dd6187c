#include "agent/command/fetch_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "agent/command/find_file.h"
#include "agent/command/gzip.h"
#include "agent/command/run_script.h"
#include "crypto/digest.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
// So much is given to the disk while more is read, so that the sync at the end has little to do.
constexpr std::uint64_t kWriteOutBytes = 8 << 20;
constexpr std::size_t kReportBytesMax = 16 << 10;

Error disk_full(const std::string& path) {
  return Error{Errc::storage_full,
               "DiskFull: " + path + ": the agent's disk has no room for the result"};
}

// Where the result goes: counted, hashed unless its reader's hash is the same, on disk at the end.
class Output {
 public:
  Output(int fd, const std::string& path, bool hashed) : fd_(fd), path_(shown_path(path)) {
    if (hashed) {
      hash_.emplace();
    }
  }

  Result<void> check_room(std::uint64_t for_bytes) const {
    struct statvfs disk{};
    // A file system that tells no size (of memory files) has no such limit.
    if (::fstatvfs(fd_, &disk) != 0 || disk.f_blocks == 0) {
      return {};
    }
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    return free < kDiskReserveBytes + for_bytes ? Result<void>(disk_full(path_)) : Result<void>();
  }

  Result<void> write(std::string_view bytes) {
    if (auto written = write_all(fd_, bytes); !written.ok()) {
      return written.error().code == Errc::storage_full
                 ? disk_full(path_)
                 : Error{Errc::io, "ReadFailed: " + path_ + ": " + written.error().message};
    }
    if (hash_) {
      hash_->update(bytes);
    }
    bytes_ += bytes.size();
    if (bytes_ - written_out_ >= kWriteOutBytes) {
      RB_TRY(check_room(0));
      ::sync_file_range(fd_, static_cast<off_t>(written_out_),
                        static_cast<off_t>(bytes_ - written_out_), SYNC_FILE_RANGE_WRITE);
      written_out_ = bytes_;
    }
    return {};
  }

  Result<void> finish() const {
    auto synced = sync_file(fd_);
    return synced.ok() ? synced : Result<void>(disk_or_read(synced.error()));
  }
  std::uint64_t bytes() const { return bytes_; }
  std::optional<Sha256> sha256() { return hash_ ? std::optional(hash_->finish()) : std::nullopt; }

 private:
  Error disk_or_read(const Error& error) const {
    return error.code == Errc::storage_full
               ? disk_full(path_)
               : Error{Errc::io, "ReadFailed: " + path_ + ": " + error.message};
  }

  const int fd_;
  const std::string path_;  // for people
  std::optional<crypto::Sha256Stream> hash_;
  std::uint64_t bytes_ = 0;
  std::uint64_t written_out_ = 0;
};

Error too_large(const FetchOrder& order, const std::string& has) {
  return Error{Errc::too_large, fmt::format("TooLarge: {} {}, the limit is {}",
                                            shown_path(order.path), has, order.bytes_max)};
}

// The next piece, empty at the end.
Result<std::string_view> read_piece(int fd, const std::string& path, std::string& buffer,
                                    std::uint64_t at_most) {
  const auto wanted = std::min<std::uint64_t>(buffer.size(), at_most);
  while (true) {
    const ssize_t size = ::read(fd, buffer.data(), wanted);
    if (size >= 0) {
      return std::string_view(buffer).substr(0, static_cast<std::size_t>(size));
    }
    if (errno == EAGAIN) {
      return Error{Errc::io, "ReadFailed: " + path + " does not end: a reader has to wait for it"};
    }
    if (errno != EINTR) {
      return Error{Errc::io, "ReadFailed: " + path + ": " + std::strerror(errno)};
    }
  }
}

}  // namespace

Result<pb::FetchReport> fetch_file(const FetchOrder& order, int out_fd) {
  RB_TRY_ASSIGN(const FoundFile found, find_file(order.path, order.roots));
  if (found.bytes > order.bytes_max) {
    return too_large(order, fmt::format("has {} bytes", found.bytes));
  }
  ::posix_fadvise(found.file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Output out(out_fd, order.path, /*hashed=*/!order.raw);
  RB_TRY(out.check_room(order.raw ? found.bytes : 0));
  std::optional<GzipWriter> gzip;
  if (!order.raw) {
    gzip.emplace([&out](std::string_view bytes) { return out.write(bytes); });
  }
  crypto::Sha256Stream hash;
  const std::string shown = shown_path(order.path);
  std::string buffer(kPieceBytes, '\0');
  std::uint64_t read = 0;
  // One byte over the limit is enough to know.
  const std::uint64_t end = found.bytes != 0 ? found.bytes : order.bytes_max + 1;
  while (read < end) {
    RB_TRY_ASSIGN(const std::string_view piece,
                  read_piece(found.file.get(), shown, buffer, end - read));
    if (piece.empty()) {
      break;
    }
    read += piece.size();
    if (read > order.bytes_max) {
      return too_large(order, "has more bytes than may be read");
    }
    hash.update(piece);
    RB_TRY(gzip ? gzip->write(piece) : out.write(piece));
  }
  if (gzip) {
    RB_TRY(gzip->finish());
  }
  RB_TRY(out.finish());
  pb::FetchReport report;
  report.set_path(std::string(cut_utf8(to_valid_utf8(found.path), protocol::kFetchedPathBytesMax)));
  report.set_bytes(read);
  const Sha256 digest = hash.finish();
  report.set_sha256(std::string(as_bytes(digest)));
  report.set_stored_bytes(out.bytes());
  report.set_stored_sha256(std::string(as_bytes(out.sha256().value_or(digest))));
  return report;
}

ProcessSpec file_process(std::vector<std::string> words, int out_fd, const ActionId& action,
                         std::uint32_t index) {
  ProcessSpec spec;
  spec.program = "/proc/self/exe";
  spec.arguments = std::move(words);
  spec.arguments.insert(spec.arguments.begin(), "reachback-agent");
  spec.environment = command_environment("/", action, index);
  spec.folder = "/";
  spec.script_fd = out_fd;
  spec.output_bytes_max = kReportBytesMax;
  spec.is_own_program = true;
  return spec;
}

int tell_fetch_report(const Result<pb::FetchReport>& report) {
  pb::FetchReport said;
  if (report.ok()) {
    said = *report;
  } else {
    said.set_error(report.error().message);
  }
  return write_all(STDOUT_FILENO, said.SerializeAsString()).ok() ? 0 : 1;
}

ProcessSpec fetch_process(const FetchOrder& order, int out_fd, const ActionId& action,
                          std::uint32_t index) {
  std::vector<std::string> words = {kFetchCommand, order.raw ? "raw" : "gzip",
                                    std::to_string(order.bytes_max), order.path};
  words.insert(words.end(), order.roots.begin(), order.roots.end());
  return file_process(std::move(words), out_fd, action, index);
}

int run_fetch(int argc, char** argv) {
  constexpr int kFirstRoot = 5;
  FetchOrder order;
  if (argc < kFirstRoot) {
    return 2;
  }
  order.raw = std::string_view(argv[2]) == "raw";
  const std::string_view bytes = argv[3];
  std::from_chars(bytes.data(), bytes.data() + bytes.size(), order.bytes_max);
  order.path = argv[4];
  order.roots.assign(argv + kFirstRoot, argv + argc);
  return tell_fetch_report(fetch_file(order, kScriptFd));
}

Result<pb::FetchReport> read_fetch_report(int fd) {
  std::string bytes(kReportBytesMax, '\0');
  RB_TRY_ASSIGN(const std::size_t size, read_at(fd, bytes.data(), bytes.size(), 0));
  pb::FetchReport report;
  if (!report.ParseFromArray(bytes.data(), static_cast<int>(size)) ||
      (report.error().empty() && (report.sha256().size() != sizeof(Sha256) ||
                                  report.stored_sha256().size() != sizeof(Sha256)))) {
    return Error{Errc::not_found, "the reader left no report"};
  }
  return report;
}

}  // namespace reachback::agent
