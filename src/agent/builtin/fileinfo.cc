#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/command/find_file.h"
#include "crypto/digest.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
// Some file systems of users tell no length; what they make up has to end somewhere.
constexpr std::uint64_t kUntoldBytesMax = 64 << 20;

struct Digests {
  std::optional<std::string> sha256, sha1, md5;
};

Result<Digests> digests_of(const Found& found, Output& output) {
  RB_TRY_ASSIGN(const Fd file, open_regular(found));
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  auto sha256 = crypto::DigestStream::create(crypto::DigestKind::sha256);
  auto sha1 = crypto::DigestStream::create(crypto::DigestKind::sha1);
  auto md5 = crypto::DigestStream::create(crypto::DigestKind::md5);
  const std::uint64_t told = found.status.stx_size;
  const std::uint64_t end = told != 0 ? told : kUntoldBytesMax + 1;
  std::string piece(kPieceBytes, '\0');
  std::uint64_t done = 0;
  while (done < end) {
    const ssize_t size =
        ::read(file.get(), piece.data(), std::min<std::uint64_t>(piece.size(), end - done));
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return path_error(found.path, errno);
    }
    if (size == 0) {
      break;
    }
    done += static_cast<std::uint64_t>(size);
    for (auto* digest : {&sha256, &sha1, &md5}) {
      if (*digest) {
        (*digest)->update({piece.data(), static_cast<std::size_t>(size)});
      }
    }
    output.flush_if_old();
  }
  if (told == 0 && done > kUntoldBytesMax) {
    return Error{Errc::io, "ReadFailed: " + shown_path(found.path) +
                               ": tells no length and does not end, so it was not hashed"};
  }
  if (done < told) {
    return Error{Errc::io, "ReadFailed: " + shown_path(found.path) +
                               ": became shorter while it was read, so it was not hashed"};
  }
  const auto hex = [](auto& digest) {
    return digest ? std::optional(digest->finish_hex()) : std::nullopt;
  };
  return Digests{hex(sha256), hex(sha1), hex(md5)};
}

void tell(const Found& found, Names& names, Output& output) {
  const Status& status = found.status;
  Digests digests;
  if (S_ISREG(status.stx_mode)) {
    auto hashed = digests_of(found, output);
    if (hashed.ok()) {
      digests = std::move(*hashed);
    } else {
      output.note(hashed.error());
    }
  }
  output.add(Row()
                 .add("path", found.path)
                 .add("type", type_of(status))
                 .add("size", status.stx_size)
                 .add("owner", names.user(status.stx_uid))
                 .add("group", names.group(status.stx_gid))
                 .add("permissions", permissions_of(status))
                 .add("modified", modified_of(status))
                 .add("changed", time_of(status.stx_ctime))
                 .add("accessed", time_of(status.stx_atime))
                 .add("created", time_of(status.stx_btime))
                 .add("sha256", digests.sha256)
                 .add("sha1", digests.sha1)
                 .add("md5", digests.md5)
                 .add("target", target_of(found.handle.get(), ""))
                 .add("links", status.stx_nlink)
                 .add("inode", status.stx_ino)
                 .add("uid", status.stx_uid)
                 .add("gid", status.stx_gid)
                 .add("setuid", (status.stx_mode & S_ISUID) != 0)
                 .add("setgid", (status.stx_mode & S_ISGID) != 0));
}

}  // namespace

Result<void> tell_file(const Request& request, Output& output) {
  const auto path = request.text("path");
  if (!path) {
    return Error{Errc::invalid_input, "InvalidInput: path: is missing"};
  }
  const auto found = request.find(*path);
  if (!found.ok() && found.error().code == Errc::forbidden) {
    return found.error();
  }
  Names names(request.system(), output);
  const auto named = request.find(*path, O_NOFOLLOW);
  if (named.ok() && S_ISLNK(named->status.stx_mode)) {
    tell(*named, names, output);
    if (!found.ok()) {
      output.note(found.error());
      return {};
    }
  }
  if (!found.ok()) {
    return found.error();
  }
  tell(*found, names, output);
  return {};
}

}  // namespace reachback::agent::builtin
