#include "agent/os_linux/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "base/file.h"

namespace reachback::data {
extern const std::string_view network_syscalls;  // api/network-syscalls.txt
}

namespace reachback::agent {
namespace {

constexpr rlim_t kFileBytesMax = 64 << 20;  // of a memory file: the largest script
constexpr rlim_t kFilesMax = 256;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Newer than the headers of Debian 12.
struct LandlockRuleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  // from version 4
  std::uint64_t scoped = 0;   // from version 6
};
struct LandlockPort {
  std::uint64_t access;
  std::uint64_t port;
};
constexpr std::uint64_t kBindTcp = 1, kConnectTcp = 2;
constexpr std::uint64_t kScopeAbstractSocket = 1, kScopeSignal = 2;
constexpr int kRulePort = 2;

Result<void> drop_user(const Sandbox& sandbox) {
  if (!sandbox.switch_user) {
    return {};
  }
  if (::setgroups(0, nullptr) != 0 || ::setresgid(sandbox.gid, sandbox.gid, sandbox.gid) != 0 ||
      ::setresuid(sandbox.uid, sandbox.uid, sandbox.uid) != 0) {
    return errno_error("become the network process's user");
  }
  return {};
}

// The bounding set needs CAP_SETPCAP, so it goes before the user; the rest goes after it, for an
// agent that is not switched.
void drop_bounding_set() {
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;
       ++capability) {
  }
}

void drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  ::syscall(SYS_capset, &header, none);
}

void limit(__rlimit_resource what, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(what, &both);
}

std::uint64_t file_rights(std::uint32_t version) {
  std::uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (version >= 2) {
    all |= 1ull << 13;  // REFER
  }
  if (version >= 3) {
    all |= 1ull << 14;  // TRUNCATE
  }
  if (version >= 5) {
    all |= 1ull << 15;  // IOCTL_DEV
  }
  return all;
}

void allow_reading(int ruleset, const char* path) {
  Fd file(::open(path, O_PATH | O_CLOEXEC));
  if (!file.valid()) {
    return;
  }
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  rule.parent_fd = file.get();
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// The version in force, or 0.
std::uint32_t enter_landlock(const Sandbox& sandbox) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version <= 0) {
    return 0;
  }
  const auto v = static_cast<std::uint32_t>(version);
  LandlockRuleset rules{file_rights(v), 0, 0};
  std::size_t bytes = sizeof rules.files;
  if (v >= 4) {
    rules.network = kBindTcp | kConnectTcp;
    bytes = 2 * sizeof rules.files;
  }
  if (v >= 6) {
    rules.scoped = kScopeAbstractSocket | kScopeSignal;
    bytes = sizeof rules;
  }
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, bytes, 0)));
  if (!ruleset.valid()) {
    return 0;
  }
  if (sandbox.resolves_names) {
    for (const char* path : {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                             "/etc/host.conf", "/etc/gai.conf", "/etc/services"}) {
      allow_reading(ruleset.get(), path);
    }
  }
  for (const std::uint16_t port : sandbox.ports) {
    LandlockPort rule{kConnectTcp, port};
    ::syscall(SYS_landlock_add_rule, ruleset.get(), kRulePort, &rule, 0);
  }
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0 ? v : 0;
}

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_KILL_PROCESS), &::seccomp_release) {}

  bool add(const AllowedCall& call) {
    const int number = ::seccomp_syscall_resolve_name(call.name.c_str());
    if (number == __NR_SCMP_ERROR || number < 0) {
      return true;  // This architecture has no such call.
    }
    const std::string_view condition = call.condition;
    if (condition.empty() || condition == "sanitizer") {
      return allow(number);
    }
    if (condition == "absent") {
      return answer(ENOSYS, number);
    }
    if (condition == "read_only") {
      constexpr auto kWrites = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | __O_TMPFILE;
      return allow(number, SCMP_A2(SCMP_CMP_MASKED_EQ, kWrites & ~O_DIRECTORY, 0));
    }
    if (condition == "no_exec") {
      return allow(number, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    if (condition == "internet") {
      bool good = true;
      for (int family = 0; family < AF_MAX; ++family) {
        const auto it = SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family));
        const bool is_internet = family == AF_INET || family == AF_INET6;
        good = good && (is_internet ? allow(number, it) : answer(EAFNOSUPPORT, number, it));
      }
      return good;
    }
    if (condition == "thread") {
      return allow(number, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    }
    if (condition == "question") {
      return allow(number, SCMP_A2(SCMP_CMP_EQ, 0));
    }
    if (condition == "blocking") {
      return allow(number, SCMP_A1(SCMP_CMP_EQ, FIONBIO)) &&
             answer(ENOTTY, number, SCMP_A1(SCMP_CMP_NE, FIONBIO));
    }
    return false;
  }
  bool load() { return context_ != nullptr && ::seccomp_load(context_.get()) == 0; }

 private:
  template <typename... Conditions>
  bool allow(int number, Conditions... conditions) {
    return rule(SCMP_ACT_ALLOW, number, conditions...);
  }
  template <typename... Conditions>
  bool answer(int error, int number, Conditions... conditions) {
    return rule(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number, conditions...);
  }
  template <typename... Conditions>
  bool rule(std::uint32_t action, int number, Conditions... conditions) {
    return context_ != nullptr && ::seccomp_rule_add(context_.get(), action, number,
                                                     sizeof...(conditions), conditions...) == 0;
  }
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

bool enter_filter() {
  Filter filter;
  for (const AllowedCall& call : allowed_calls()) {
    if ((call.condition != "sanitizer" || kSanitized) && !filter.add(call)) {
      return false;
    }
  }
  return filter.load();
}

}  // namespace

std::vector<AllowedCall> allowed_calls() {
  std::vector<AllowedCall> out;
  for (std::string_view rest = data::network_syscalls; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const auto space = line.find(' ');
    out.push_back({std::string(line.substr(0, space)),
                   std::string(space == std::string_view::npos ? "" : line.substr(space + 1))});
  }
  return out;
}

Result<SandboxLevel> enter_sandbox(const Sandbox& sandbox) {
  drop_bounding_set();
  RB_TRY(drop_user(sandbox));
  drop_capabilities();
  // After the user: changing it clears both.
  if (!kSanitized) {  // The leak check of that build looks into its own process.
    ::prctl(PR_SET_DUMPABLE, 0);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != sandbox.parent) {
    return Error{Errc::unavailable, "the supervisor has ended"};
  }
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, kFileBytesMax);
  limit(RLIMIT_NOFILE, kFilesMax);
  SandboxLevel level;
  level.no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  level.landlock = enter_landlock(sandbox);
  level.uid = ::geteuid();
  level.system_calls_filtered = enter_filter();
  return level;
}

}  // namespace reachback::agent
