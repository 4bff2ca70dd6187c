#include "agent/os_linux/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

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

// What getifaddrs() tells of an interface in its packet entry.
struct Interface {
  std::string mac;
  pb::InterfaceType type = pb::INTERFACE_UNKNOWN;
};

pb::InterfaceType type_of(const std::string& name, unsigned hardware) {
  switch (hardware) {
    case ARPHRD_ETHER:
      return ::access(("/sys/class/net/" + name + "/phy80211").c_str(), F_OK) == 0 ? pb::IEEE80211
                                                                                   : pb::ETHERNET;
    case ARPHRD_PPP:
      return pb::PPP;
    case ARPHRD_LOOPBACK:
      return pb::SOFTWARE_LOOPBACK;
    case ARPHRD_NONE:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
      return pb::TUNNEL;
    default:
      return pb::INTERFACE_OTHER;
  }
}

std::map<std::string, Interface> interfaces_in(const ifaddrs* list) {
  constexpr std::size_t kMacBytes = 6;
  std::map<std::string, Interface> out;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_PACKET) {
      continue;
    }
    const auto* link = reinterpret_cast<const sockaddr_ll*>(at->ifa_addr);
    Interface found{{}, type_of(at->ifa_name, link->sll_hatype)};
    const auto* mac = reinterpret_cast<const char*>(link->sll_addr);
    if (link->sll_halen == kMacBytes &&
        std::any_of(mac, mac + kMacBytes, [](char c) { return c; })) {
      found.mac.assign(mac, kMacBytes);
    }
    out.emplace(at->ifa_name, std::move(found));
  }
  return out;
}

pb::OperationalStatus status_of(unsigned flags) {
  constexpr unsigned kDormant = 1u << 17;  // IFF_DORMANT of the kernel's headers
  return (flags & kDormant) != 0       ? pb::STATUS_DORMANT
         : (flags & IFF_RUNNING) != 0U ? pb::STATUS_UP
                                       : pb::STATUS_DOWN;
}

std::string ip_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  } else if (address.sa_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  }
  return bytes != nullptr &&
                 ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) != nullptr
             ? text.data()
             : std::string();
}

void add_addresses(pb::Hello::Body& body) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return;
  }
  const auto interfaces = interfaces_in(list);
  for (const ifaddrs* at = list; at != nullptr && body.addresses_size() < kAddressesMax;
       at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_LOOPBACK) != 0) {
      continue;
    }
    const std::string ip = ip_of(*at->ifa_addr);
    if (ip.empty()) {
      continue;
    }
    pb::NetworkAddress& address = *body.add_addresses();
    address.set_ip(ip);
    address.set_status(status_of(at->ifa_flags));
    if (auto found = interfaces.find(at->ifa_name); found != interfaces.end()) {
      address.set_mac(found->second.mac);
      address.set_type(found->second.type);
    }
  }
  ::freeifaddrs(list);
}

// Debian's "6.1.0-18-amd64" is build 18.
std::uint64_t build_of(std::string_view release) {
  const auto dash = release.find('-');
  std::uint32_t build = 0;
  if (dash != std::string_view::npos) {
    std::from_chars(release.data() + dash + 1, release.data() + release.size(), build);
  }
  return build;
}

// MDE's names.
std::string processor_of(std::string_view machine) {
  return std::string(machine == "x86_64"                              ? "x64"
                     : machine == "aarch64"                           ? "ARM64"
                     : machine.size() == 4 && machine.ends_with("86") ? "x86"
                                                                      : machine);
}
bool is_64_bit(std::string_view machine) {
  return machine.find("64") != std::string_view::npos || machine == "s390x";
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
  body.set_os_architecture(is_64_bit(name.machine) ? "64-bit" : "32-bit");
  body.set_os_processor(fact(processor_of(name.machine)));
  body.set_os_build(build_of(name.release));
  const auto text = read_file("/etc/os-release", 1 << 16);
  const std::string release = text.ok() ? *text : std::string();
  const std::string version = os_release(release, "VERSION_ID");
  body.set_os_platform(fact(name.sysname));
  body.set_os_distribution(fact(os_release(release, "NAME")));
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
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address, rounded to pages
    ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
}

}  // namespace reachback::agent
