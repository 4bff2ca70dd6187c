// Which file systems hold files that the kernel makes while they are read.
#pragma once

namespace reachback::agent::builtin {

// proc, sysfs, cgroup, debugfs, tracefs and their kin: reading tells the kernel's state, may never
// end, and some of it has effects. Not devtmpfs, which holds ordinary files too.
bool is_made_by_kernel(int fd);

}  // namespace reachback::agent::builtin
