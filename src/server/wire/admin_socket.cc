#include "server/wire/admin_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace reachback::server {
namespace {

constexpr std::size_t kLineBytesMax = 64 << 10;
constexpr int kTimeout_s = 10;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Errc::invalid_input,
                 path + ": too long for a socket's name (107 bytes), choose a shorter data folder"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

void set_timeout(int fd) {
  timeval t{kTimeout_s, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

Result<std::string> read_line(int fd) {
  std::string line;
  char buffer[4096];
  while (line.size() < kLineBytesMax) {
    ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return Error{Errc::timed_out, "the admin socket did not answer"};
    }
    if (n == 0) {
      return Error{Errc::unavailable, "the admin socket closed"};
    }
    line.append(buffer, static_cast<std::size_t>(n));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
  }
  return Error{Errc::too_large, "an admin message over 64 KiB"};
}

void send_line(int fd, std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return;
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<std::unique_ptr<AdminSocket>> AdminSocket::listen(
    const std::string& path, std::function<std::string(std::string_view)> answer) {
  RB_TRY_ASSIGN(sockaddr_un address, address_of(path));
  ::unlink(path.c_str());  // The data folder's lock is held: whoever made it is gone.
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), 16) != 0) {
    return errno_error("admin socket", path);
  }
  std::unique_ptr<AdminSocket> out(new AdminSocket);
  out->path_ = path;
  out->listener_ = std::move(fd);
  out->stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  out->answer_ = std::move(answer);
  out->thread_ = std::thread([raw = out.get()] { raw->serve(); });
  return out;
}

AdminSocket::~AdminSocket() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) {
    thread_.join();
  }
  ::unlink(path_.c_str());
}

void AdminSocket::serve() {
  while (true) {
    pollfd fds[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) {
      return;
    }
    if (fds[1].revents != 0) {
      return;
    }
    if (fds[0].revents == 0) {
      continue;
    }
    Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer.valid()) {
      serve_one(peer.get());
    }
  }
}

void AdminSocket::serve_one(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
      (who.uid != 0 && who.uid != ::geteuid())) {
    return;
  }
  set_timeout(fd);
  if (auto request = read_line(fd)) {
    send_line(fd, answer_(*request));
  }
}

Result<std::string> ask_admin_socket(const std::string& path, std::string_view request) {
  RB_TRY_ASSIGN(sockaddr_un address, address_of(path));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return errno_error("socket");
  }
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    Error e = errno_error("admin socket", path);
    return e.code == Errc::forbidden ? e : Error{Errc::unavailable, e.message};
  }
  set_timeout(fd.get());
  send_line(fd.get(), std::string(request));
  return read_line(fd.get());
}

}  // namespace reachback::server
