#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/builtin/proc.h"

namespace reachback::agent::builtin {
namespace {

struct Owner {
  Pid pid = 0;
  std::string process;
};

using Owners = std::map<std::uint64_t, Owner>;  // by the socket's inode

// The number in "socket:[12345]".
std::optional<std::uint64_t> inode_of(const std::optional<std::string>& target) {
  constexpr std::string_view kSocket = "socket:[";
  if (!target || !target->starts_with(kSocket) || !target->ends_with(']')) {
    return std::nullopt;
  }
  return number_of(
      std::string_view(*target).substr(kSocket.size(), target->size() - kSocket.size() - 1));
}

// Of a socket that several processes hold, the one that is added first stays its owner.
Result<void> add_sockets(const Proc& proc, Pid pid, Owners& owners) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const Fd process = open_process(proc, pid);
  const Fd handle(
      process.valid() ? ::openat(process.get(), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
  if (!handle.valid()) {
    return path_error(path, errno);
  }
  RB_TRY_ASSIGN(Folder folder, Folder::open(handle.get(), path));
  std::optional<std::string> name;
  while (const auto entry = folder.next()) {
    const auto inode = inode_of(target_of(folder.fd(), entry->name));
    if (!inode) {
      continue;
    }
    if (!name) {
      const auto stat = read_stat(process.get());
      name = stat ? stat->name : "";
    }
    owners.try_emplace(*inode, Owner{pid, *name});
  }
  return errno == 0 ? Result<void>() : path_error(path, errno);
}

// The process with the lowest number owns a socket that several hold.
Owners owners_of_sockets(const Proc& proc, Output& output) {
  Owners owners;
  std::optional<Error> first;
  std::size_t others = 0;
  for (const Pid pid : proc.pids) {
    const auto added = add_sockets(proc, pid, owners);
    if (added.ok() || added.error().code == Errc::not_found) {
      continue;  // it has ended, or the kernel lets go of what it held
    }
    if (first) {
      ++others;
    } else {
      first = added.error();
    }
  }
  if (first) {
    output.note(first->message +
                (others == 0 ? "" : "; and " + std::to_string(others) + " more like it"));
  }
  return owners;
}

struct EndPoint {
  std::string address;
  std::uint64_t port = 0;
};

// "0100007F:0016": 32-bit words in the machine's own order of bytes, then the port.
std::optional<EndPoint> end_point_of(std::string_view text) {
  constexpr std::size_t kWordDigits = 8;
  const auto colon = text.find(':');
  if (colon != kWordDigits && colon != 4 * kWordDigits) {
    return std::nullopt;
  }
  std::array<std::uint32_t, 4> words{};
  const auto hex = [&](std::size_t at, std::size_t size, std::uint32_t& out) {
    const char* const end = text.data() + std::min(at + size, text.size());
    const auto read = std::from_chars(text.data() + at, end, out, 16);
    return read.ec == std::errc() && read.ptr == end;
  };
  for (std::size_t i = 0; i < colon / kWordDigits; ++i) {
    if (!hex(i * kWordDigits, kWordDigits, words[i])) {
      return std::nullopt;
    }
  }
  std::uint32_t port = 0;
  if (!hex(colon + 1, text.size() - colon - 1, port)) {
    return std::nullopt;
  }
  std::array<char, INET6_ADDRSTRLEN> shown{};
  ::inet_ntop(colon == kWordDigits ? AF_INET : AF_INET6, words.data(), shown.data(), shown.size());
  return EndPoint{shown.data(), port};
}

// The names that ss shows.
std::optional<std::string> state_of(std::string_view number) {
  constexpr std::array<const char*, 13> kStates = {
      nullptr,  "ESTAB",      "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
      "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",   "CLOSING",    "SYN-RECV"};
  std::uint32_t state = 0;
  std::from_chars(number.data(), number.data() + number.size(), state, 16);
  return state > 0 && state < kStates.size() ? std::optional<std::string>(kStates.at(state))
                                             : std::nullopt;
}

void tell(std::string_view protocol, std::string_view line, const Owners& owners, Names& names,
          Output& output) {
  constexpr std::size_t kLocal = 1, kRemote = 2, kState = 3, kUid = 7, kInode = 9;
  const auto words = words_of(line);
  if (words.size() <= kInode) {
    return;
  }
  const auto local = end_point_of(words[kLocal]);
  const auto remote = end_point_of(words[kRemote]);
  if (!local || !remote) {
    return;  // the line of headings
  }
  const auto inode = number_of(words[kInode]);
  const auto owner = owners.find(inode.value_or(0));
  const bool is_known = owner != owners.end();
  // A connection that no process holds any more tells no user.
  const auto uid = inode.value_or(0) != 0 ? number_of(words[kUid]) : std::nullopt;
  output.add(Row()
                 .add("protocol", protocol)
                 .add("local_address", local->address)
                 .add("local_port", local->port)
                 .add("remote_address", remote->address)
                 .add("remote_port", remote->port)
                 .add("state", state_of(words[kState]))
                 .add("pid", is_known ? std::optional(owner->second.pid) : std::nullopt)
                 .add("process", is_known ? std::optional(owner->second.process) : std::nullopt)
                 .add("user", uid ? std::optional(names.user(static_cast<std::uint32_t>(*uid)))
                                  : std::nullopt)
                 .add("inode", inode));
}

}  // namespace

Result<void> list_connections(const Request& request, Output& output) {
  RB_TRY_ASSIGN(const Proc proc, open_proc(request.system()));
  const auto owners = owners_of_sockets(proc, output);
  Names names(request.system(), output);
  bool any = false;
  for (const char* protocol : {"tcp", "tcp6", "udp", "udp6"}) {
    const std::string path = "/proc/net/" + std::string(protocol);
    auto found = request.system().find(path);
    auto file = found.ok() ? open_regular(*found, KernelFiles::read) : Result<Fd>(found.error());
    if (!file.ok()) {
      // A machine without IPv6 has no such file.
      if (file.error().code != Errc::not_found) {
        output.note(file.error());
      }
      continue;
    }
    any = true;
    LineReader lines(file->get());
    for (std::string line; lines.next(line);) {
      tell(protocol, line, owners, names, output);
    }
    if (lines.error() != 0) {
      output.note(path_error(path, lines.error()));
    }
  }
  return any ? Result<void>() : path_error("/proc/net/tcp", ENOENT);
}

}  // namespace reachback::agent::builtin
