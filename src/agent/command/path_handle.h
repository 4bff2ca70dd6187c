// Where a path leads, as a handle (O_PATH): looking at it has no effect on what stands there, and
// what is done with the handle is done to the very thing that was looked at. Linux only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace reachback::agent {

enum class Links { followed, refused };

// root_fd: the folder that is / for the path and for every link on it. Links of /proc that are no
// path (exe, fd/0, root) are not followed. flags: O_NOFOLLOW (a link at the end is itself what is
// looked at), O_DIRECTORY. Not valid: errno says why; ELOOP for those links, for circles, and for
// any link on the way when they are refused; ENOSYS before Linux 5.6.
Fd open_handle(int root_fd, const std::string& path, int flags = 0, Links links = Links::followed);

// The path of what a descriptor is open on; bytes as the kernel has them. Empty: none could be
// told, errno says why (ENOENT: this machine lacks /proc; 0: it is not within a path's length).
std::string path_of(int fd);

// Is this one of the roots, or below one, name by name? No roots: yes.
bool is_below(std::string_view path, const std::vector<std::string>& roots);

// A file that a handle is on, opened for reading, non-blocking. Not valid: errno says why.
Fd open_found(int handle);

}  // namespace reachback::agent
