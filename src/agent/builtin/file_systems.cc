#include "agent/builtin/file_systems.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace reachback::agent::builtin {
namespace {

constexpr std::uint64_t kConfigFs = 0x62656570;  // fs/configfs: in none of the kernel's headers
constexpr std::uint64_t kFuseControl = 0x65735543;
constexpr std::uint64_t kMade[] = {
    PROC_SUPER_MAGIC,     SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
    DEBUGFS_MAGIC,        TRACEFS_MAGIC,  SECURITYFS_MAGIC,   BPF_FS_MAGIC,
    BINFMTFS_MAGIC,       EFIVARFS_MAGIC, SELINUX_MAGIC,      SMACK_MAGIC,
    RDTGROUP_SUPER_MAGIC, NSFS_MAGIC,     kConfigFs,          kFuseControl};

}  // namespace

bool is_made_by_kernel(int fd) {
  struct statfs found{};
  return ::fstatfs(fd, &found) == 0 &&
         std::find(std::begin(kMade), std::end(kMade),
                   static_cast<std::uint64_t>(found.f_type) & UINT32_MAX) != std::end(kMade);
}

}  // namespace reachback::agent::builtin
