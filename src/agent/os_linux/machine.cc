#include "agent/os_linux/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>

#include "base/file.h"
#include "protocol/codec.h"

extern "C" {
extern const char
    __executable_start;  // NOLINT: the linker's names: the program's code lies between
extern const char etext;
}

namespace reachback::agent {
namespace {

constexpr std::size_t kFactBytesMax = 128;
constexpr int kAddressesMax = 32;

// The value of NAME=value or NAME="value" in /etc/os-release.
std::string os_release(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(name) && line.substr(name.size()).starts_with('=')) {
      auto value = line.substr(name.size() + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      return std::string(value);
    }
  }
  return {};
}

std::string fact(std::string text, std::size_t bytes_max = kFactBytesMax) {
  text.resize(std::min(text.size(), bytes_max));
  return is_valid_utf8(text) ? text : std::string();
}

void add_addresses(pb::Hello::Body& body) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return;
  }
  for (const ifaddrs* at = list; at != nullptr && body.ip_addresses_size() < kAddressesMax;
       at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_LOOPBACK) != 0) {
      continue;
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = at->ifa_addr->sa_family;
    const void* address = nullptr;
    if (family == AF_INET) {
      address = &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
    } else if (family == AF_INET6) {
      address = &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
    }
    if (address != nullptr && ::inet_ntop(family, address, text.data(), text.size()) != nullptr) {
      body.add_ip_addresses(text.data());
    }
  }
  ::freeifaddrs(list);
}

}  // namespace

Result<BootId> read_boot_id() {
  RB_TRY_ASSIGN(Fd fd, open_file("/proc/sys/kernel/random/boot_id", O_RDONLY));
  std::array<char, 64> text{};
  RB_TRY_ASSIGN(std::size_t size, read_at(fd.get(), text.data(), text.size(), 0));
  auto id = BootId::parse(std::string_view(text.data(), std::min<std::size_t>(size, 36)));
  if (!id) {
    return Error{Errc::io, "boot id: not a GUID"};
  }
  return *id;
}

pb::Hello::Body read_machine_facts() {
  pb::Hello::Body body;
  utsname name{};
  ::uname(&name);
  body.set_host_name(fact(name.nodename, protocol::kHostNameBytesMax));
  body.set_os_architecture(fact(name.machine));
  const auto text = read_file("/etc/os-release", 1 << 16);
  const std::string release = text.ok() ? *text : std::string();
  const std::string platform = os_release(release, "NAME");
  const std::string version = os_release(release, "VERSION_ID");
  body.set_os_platform(fact(platform.empty() ? name.sysname : platform));
  body.set_os_version(fact(version.empty() ? name.release : version));
  add_addresses(body);
  return body;
}

void harden_process() {
#ifndef __SANITIZE_ADDRESS__  // The leak check of that build looks into its own process.
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

void release_unused_memory() {
  ::malloc_trim(0);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t from =
      (reinterpret_cast<std::uintptr_t>(&__executable_start) + page - 1) / page * page;
  const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(&etext) / page * page;
  if (from < to) {
    ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
}

}  // namespace reachback::agent
