#include "agent/collect/zip_writer.h"

#include <minizip/zip.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "agent/command/fetch_file.h"

namespace reachback::agent::collect {
namespace {

constexpr std::uint64_t kLookAtDisk = 8 << 20;
constexpr uLong kMadeByUnix = (3 << 8) | 20;
constexpr uLong kNamesAreUtf8 = 1 << 11;

// The file as the library sees it. It seeks back to the head of an entry when that has ended.
struct Sink {
  int fd = -1;
  std::uint64_t at = 0, size = 0, looked = 0;
  int error = 0;

  bool has_room() {
    if (size - looked < kLookAtDisk) {
      return true;
    }
    looked = size;
    struct statvfs disk{};
    // A file system that tells no size (of memory files) has no such limit.
    if (::fstatvfs(fd, &disk) != 0 || disk.f_blocks == 0) {
      return true;
    }
    return std::uint64_t{disk.f_bavail} * disk.f_frsize >= kDiskReserveBytes;
  }
  void write(const char* bytes, std::size_t count) {
    if (!has_room()) {
      error = ENOSPC;
    }
    while (error == 0 && count > 0) {
      const ssize_t n = ::pwrite(fd, bytes, count, static_cast<off_t>(at));
      if (n < 0 && errno != EINTR) {
        error = errno;
      } else if (n > 0) {
        bytes += n;
        count -= static_cast<std::size_t>(n);
        at += static_cast<std::uint64_t>(n);
        size = std::max(size, at);
      }
    }
  }
};

Sink& sink(voidpf opaque) {
  return *static_cast<Sink*>(opaque);
}

voidpf open_sink(voidpf opaque, const void*, int) {
  return opaque;
}
uLong read_nothing(voidpf, voidpf, void*, uLong) {
  return 0;
}
// The library hears of no failure, for it loses memory then; checked() looks at the sink's.
uLong write_sink(voidpf opaque, voidpf, const void* bytes, uLong count) {
  sink(opaque).write(static_cast<const char*>(bytes), count);
  return count;
}
ZPOS64_T tell_sink(voidpf opaque, voidpf) {
  return sink(opaque).at;
}
long seek_sink(voidpf opaque, voidpf, ZPOS64_T offset, int origin) {
  Sink& s = sink(opaque);
  s.at = offset + (origin == ZLIB_FILEFUNC_SEEK_END   ? s.size
                   : origin == ZLIB_FILEFUNC_SEEK_CUR ? s.at
                                                      : 0);
  return 0;
}
int close_sink(voidpf, voidpf) {
  return 0;
}
int error_of_sink(voidpf, voidpf) {
  return 0;
}

// Two-second steps of local time are all that the format has: it is UTC here.
zip_fileinfo info_of(Timestamp modified) {
  zip_fileinfo info{};
  const auto seconds = static_cast<std::time_t>(to_micros(modified) / 1'000'000);
  std::tm at{};
  ::gmtime_r(&seconds, &at);
  const auto number = [](int value) { return static_cast<uInt>(value); };
  info.tmz_date = {number(at.tm_sec),  number(at.tm_min),
                   number(at.tm_hour), number(at.tm_mday),
                   number(at.tm_mon),  number(std::max(at.tm_year + 1900, 1980))};
  info.external_fa = static_cast<uLong>(0100600) << 16;
  return info;
}

}  // namespace

struct ZipWriter::State {
  Sink sink;
  zlib_filefunc64_def functions{};
  zipFile zip = nullptr;
};

ZipWriter::ZipWriter(int fd) : state_(std::make_unique<State>()) {
  state_->sink.fd = fd;
  state_->functions = {open_sink, read_nothing, write_sink,    tell_sink,
                       seek_sink, close_sink,   error_of_sink, &state_->sink};
  state_->zip = ::zipOpen2_64("", APPEND_STATUS_CREATE, nullptr, &state_->functions);
}

ZipWriter::~ZipWriter() {
  if (state_->zip != nullptr) {
    ::zipClose(state_->zip, nullptr);
  }
}

Result<void> ZipWriter::checked(int code, const char* what) const {
  if (state_->sink.error == ENOSPC || state_->sink.error == EDQUOT) {
    return Error{Errc::storage_full, "DiskFull: the agent's disk has no room for the package"};
  }
  if (state_->zip == nullptr || code != ZIP_OK || state_->sink.error != 0) {
    const int error = state_->sink.error;
    return Error{Errc::io, std::string("ReadFailed: ") + what + ": " +
                               (error != 0 ? std::strerror(error) : "the zip library failed")};
  }
  return {};
}

Result<void> ZipWriter::begin(const std::string& name, Timestamp modified) {
  const zip_fileinfo info = info_of(modified);
  return checked(state_->zip == nullptr
                     ? ZIP_PARAMERROR
                     : ::zipOpenNewFileInZip4_64(
                           state_->zip, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr,
                           Z_DEFLATED, Z_DEFAULT_COMPRESSION, /*raw=*/0, -MAX_WBITS, DEF_MEM_LEVEL,
                           Z_DEFAULT_STRATEGY, nullptr, 0, kMadeByUnix, kNamesAreUtf8, /*zip64=*/1),
                 "begin an entry");
}

Result<void> ZipWriter::write(std::string_view bytes) {
  return checked(
      ::zipWriteInFileInZip(state_->zip, bytes.data(), static_cast<unsigned>(bytes.size())),
      "write an entry");
}

Result<void> ZipWriter::end() {
  return checked(::zipCloseFileInZip(state_->zip), "end an entry");
}

Result<void> ZipWriter::finish() {
  const zipFile zip = std::exchange(state_->zip, nullptr);
  const int code = zip == nullptr ? ZIP_PARAMERROR : ::zipClose(zip, nullptr);
  const bool fine = code == ZIP_OK && state_->sink.error == 0;
  return fine ? Result<void>() : checked(code, "end the file");
}

std::uint64_t ZipWriter::bytes() const {
  return state_->sink.size;
}

}  // namespace reachback::agent::collect
