#include "server/wire/request_log.h"

#ifdef REACHBACK_TEST_HOOKS
#include <fcntl.h>

#include <cstdlib>

#include "base/file.h"

namespace reachback::server {

void log_request(const net::Request& request) {
  static const char* path = std::getenv("REACHBACK_REQUEST_LOG");
  if (path == nullptr) {
    return;
  }
  static const auto file = open_file(path, O_WRONLY | O_APPEND | O_CREAT);
  if (file) {
    (void)write_all(file->get(), request.method + " " + request.target + "\n");
  }
}

}  // namespace reachback::server
#endif
