#include "agent/seam/channel.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "protocol/seam_codec.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kFilesWaitingMax = 2 * protocol::kSeamFilesMax;
constexpr std::size_t kReadBytes = 32 << 10;
constexpr std::size_t kReadsATurn = 8;

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    out += static_cast<char>(value >> shift);
  }
}

std::uint32_t get_u32(std::string_view in) {
  std::uint32_t out = 0;
  for (int i = 3; i >= 0; --i) {
    out = out << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
  }
  return out;
}

Error broken(const char* why) {
  return Error{Errc::protocol, std::string("seam: ") + why};
}

Error gone() {
  return Error{Errc::unavailable, "seam: the other process has ended"};
}

void wait_for(int fd, short events) {
  pollfd one{fd, events, 0};
  ::poll(&one, 1, -1);  // Woken early by a signal: whoever waits looks again.
}

}  // namespace

Channel::Channel(Fd socket, Events* events) : socket_(std::move(socket)), events_(events) {}

Result<void> Channel::send(std::string_view payload, std::vector<Fd> files) {
  Out out;
  out.bytes.reserve(kHeaderBytes + payload.size());
  put_u32(out.bytes, static_cast<std::uint32_t>(payload.size()));
  put_u32(out.bytes, static_cast<std::uint32_t>(files.size()));
  out.bytes += payload;
  out.files = std::move(files);
  out_bytes_ += out.bytes.size();
  out_.push_back(std::move(out));
  if (out_.size() == 1) {
    RB_TRY(flush());
  }
  if (out_bytes_ > kBacklogBytesMax || out_.size() > kBacklogFramesMax) {
    return Error{Errc::unavailable, "seam: the other process does not read"};
  }
  return {};
}

Result<void> Channel::flush() {
  while (!out_.empty()) {
    Out& out = out_.front();
    iovec piece{out.bytes.data() + out.sent, out.bytes.size() - out.sent};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * protocol::kSeamFilesMax)> control{};
    if (!out.files.empty()) {  // They go with the frame's first byte.
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(sizeof(int) * out.files.size());
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int) * out.files.size());
      std::vector<int> numbers;
      numbers.reserve(out.files.size());
      for (const Fd& file : out.files) {
        numbers.push_back(file.get());
      }
      std::memcpy(CMSG_DATA(header), numbers.data(), sizeof(int) * numbers.size());
    }
    const ssize_t n = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      out.files.clear();
      out.sent += static_cast<std::size_t>(n);
      if (out.sent == out.bytes.size()) {
        out_bytes_ -= out.bytes.size();
        out_.pop_front();
      }
      continue;
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return errno == EPIPE || errno == ECONNRESET ? gone() : errno_error("seam");
    }
    if (events_ == nullptr) {
      wait_for(socket_.get(), POLLOUT);
      continue;
    }
    if (!writable_.valid()) {
      writable_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
      epoll_event wanted{};
      wanted.events = EPOLLOUT;
      if (!writable_.valid() ||
          ::epoll_ctl(writable_.get(), EPOLL_CTL_ADD, socket_.get(), &wanted) != 0) {
        return errno_error("seam: watch");
      }
    }
    if (!watch_) {
      watch_ = events_->watch_readable(writable_.get(), [this] {
        auto flushed = flush();
        if (!flushed.ok() || out_.empty()) {  // A socket that fails is also seen by read().
          watch_.reset();
        }
      });
    }
    return {};
  }
  return {};
}

// What the socket holds, up to a bound.
Result<void> Channel::fill() {
  drop_taken();
  std::array<char, kReadBytes> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  bool got_any = false;
  for (std::size_t turn = 0; turn < kReadsATurn; ++turn) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> control{};  // SCM_MAX_FD
    iovec piece{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return {};
    }
    if (n < 0) {
      return errno == ECONNRESET ? gone() : errno_error("seam");
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
        continue;
      }
      const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof number);
        files_.emplace_back(number);
      }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0 || files_.size() > kFilesWaitingMax) {
      return broken("more files than frames may carry");
    }
    if (n == 0) {  // Its last words first.
      return got_any ? Result<void>() : gone();
    }
    got_any = true;
    in_.append(bytes.data(), static_cast<std::size_t>(n));
    if (static_cast<std::size_t>(n) < bytes.size() && files_.empty()) {
      return {};
    }
  }
  return {};
}

Result<std::optional<Frame>> Channel::take() {
  const std::string_view in = std::string_view(in_).substr(taken_);
  if (in.size() < kHeaderBytes) {
    return std::optional<Frame>();
  }
  const std::size_t bytes = get_u32(in);
  const std::size_t files = get_u32(in.substr(4));
  if (bytes > protocol::kSeamFrameBytesMax || files > protocol::kSeamFilesMax) {
    return broken("a frame over the bounds");
  }
  if (in.size() < kHeaderBytes + bytes) {
    return std::optional<Frame>();
  }
  if (files_.size() < files) {
    return broken("a frame without its files");
  }
  Frame out;
  out.payload = in.substr(kHeaderBytes, bytes);
  taken_ += kHeaderBytes + bytes;
  if (taken_ == in_.size()) {
    drop_taken();
    if (in_.capacity() > kReadBytes) {
      std::string().swap(in_);  // An idle agent keeps no buffer.
    }
  }
  for (std::size_t i = 0; i < files; ++i) {
    out.files.push_back(std::move(files_.front()));
    files_.pop_front();
  }
  return std::optional<Frame>(std::move(out));
}

// Once for all frames of a read, so that many small ones cost no more than their bytes.
void Channel::drop_taken() {
  in_.erase(0, std::exchange(taken_, 0));
}

Result<std::optional<Frame>> Channel::read() {
  RB_TRY_ASSIGN(auto ready, take());
  if (ready) {
    return std::optional<Frame>(std::move(ready));
  }
  RB_TRY(fill());
  return take();
}

Result<Frame> Channel::wait() {
  while (true) {
    RB_TRY_ASSIGN(auto frame, read());
    if (frame) {
      return std::move(*frame);
    }
    wait_for(socket_.get(), POLLIN);
  }
}

}  // namespace reachback::agent
