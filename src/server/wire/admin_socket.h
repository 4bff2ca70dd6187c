// DIR/run/admin.sock: how commands reach the process that holds the database. One request line, one
// answer line, then closed. Only root and the user that runs the server are heard (SO_PEERCRED).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/result.h"

namespace reachback::server {

class AdminSocket {
 public:
  // Serves on a thread of its own; `answer` may block. Errors: io, invalid_input (path longer than
  // a socket name may be).
  static Result<std::unique_ptr<AdminSocket>> listen(
      const std::string& path, std::function<std::string(std::string_view)> answer);
  ~AdminSocket();

 private:
  AdminSocket() = default;
  void serve();
  void serve_one(int fd);

  std::string path_;
  Fd listener_;
  Fd stop_;
  std::function<std::string(std::string_view)> answer_;
  std::thread thread_;
};

// Errors: unavailable (nobody listens there), forbidden, timed_out (10 s).
Result<std::string> ask_admin_socket(const std::string& path, std::string_view request);

}  // namespace reachback::server
