#include "server/signer/socket_signer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kKeysId = 0;  // requests for a signature count from 1
constexpr int kTick_ms = 100;

Error away() {
  return Error{Errc::unavailable, "the order signer is not there"};
}

}  // namespace

SocketSigner::SocketSigner(SocketSignerOptions options)
    : options_(std::move(options)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { run(); });
}

SocketSigner::~SocketSigner() {
  stop();
}

void SocketSigner::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void SocketSigner::wake() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(wake_.get(), &one, sizeof one);
}

void SocketSigner::sign(pb::Order order, std::uint64_t order_keys_version,
                        Done<pb::SignedOrder> done) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || waiting_.size() >= options_.waiting_max) {
      lock.unlock();
      done(away());
      return;
    }
    const std::uint64_t id = next_id_++;
    std::string frame = encode_frame(SignerFrame{
        FrameKind::sign, id, encode_number(order_keys_version, 8) + order.SerializeAsString()});
    fresh_[id] = frame;
    waiting_[id] = Request{
        std::move(frame), std::move(done),
        SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(options_.wait_max)};
  }
  wake();
}

std::uint64_t SocketSigner::version() const {
  MutexLock lock(mutex_);
  return keys_.version;
}

std::vector<std::string> SocketSigner::public_keys() const {
  MutexLock lock(mutex_);
  return keys_.keys;
}

pb::SignedOrderKeys SocketSigner::announcement() const {
  MutexLock lock(mutex_);
  return keys_.announcement;
}

void SocketSigner::run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) {
        break;
      }
    }
    if (!socket_.valid() && SteadyClock::now() >= next_connect_) {
      connect();
    }
    if (socket_.valid()) {
      ask_keys_if_due();
      take_new();
      write_some();
    }
    pollfd fds[2] = {{wake_.get(), POLLIN, 0},
                     {socket_.get(), static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0}};
    ::poll(fds, socket_.valid() ? 2 : 1, kTick_ms);
    std::uint64_t ignored = 0;
    [[maybe_unused]] auto got = ::read(wake_.get(), &ignored, sizeof ignored);
    if (socket_.valid() && (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      read_some();
    }
    expire();
  }
  std::map<std::uint64_t, Request> left;
  {
    MutexLock lock(mutex_);
    left.swap(waiting_);
  }
  for (auto& [id, request] : left) {
    request.done(away());
  }
}

void SocketSigner::connect() {
  next_connect_ =
      SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(options_.retry);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options_.socket.size() >= sizeof address.sun_path) {
    return;
  }
  std::memcpy(address.sun_path, options_.socket.data(), options_.socket.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (!std::exchange(said_down_, true)) {
      MutexLock lock(mutex_);
      log_error("the order signer is not there: granted actions wait for it",
                {field("socket", options_.socket), field("waiting", waiting_.size()),
                 field("why", std::string(std::strerror(errno)))});
    }
    return;
  }
  socket_ = std::move(fd);
  in_.clear();
  out_.clear();
  next_keys_ = {};
  MutexLock lock(mutex_);
  fresh_.clear();
  for (const auto& [id, request] : waiting_) {
    fresh_[id] = request.frame;
  }
  log_info(said_down_ ? "the order signer is back" : "the order signer is there",
           {field("socket", options_.socket), field("waiting", waiting_.size())});
  said_down_ = false;
}

void SocketSigner::lose(const std::string& why) {
  socket_.reset();
  MutexLock lock(mutex_);
  log_warning("the connection to the order signer is lost",
              {field("why", why), field("waiting", waiting_.size())});
}

void SocketSigner::ask_keys_if_due() {
  if (SteadyClock::now() >= next_keys_) {
    next_keys_ =
        SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(options_.ask_keys);
    out_ += encode_frame(SignerFrame{FrameKind::keys, kKeysId, ""});
  }
}

void SocketSigner::take_new() {
  MutexLock lock(mutex_);
  for (auto& [id, frame] : fresh_) {
    out_ += frame;
  }
  fresh_.clear();
}

void SocketSigner::write_some() {
  while (!out_.empty()) {
    ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        lose(std::strerror(errno));
      }
      return;
    }
    out_.erase(0, static_cast<std::size_t>(n));
  }
}

void SocketSigner::read_some() {
  char buffer[64 << 10];
  ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
    return;
  }
  if (n <= 0) {
    lose(n == 0 ? "it closed" : std::strerror(errno));
    return;
  }
  in_.append(buffer, static_cast<std::size_t>(n));
  while (true) {
    auto frame = take_frame(in_);
    if (!frame) {
      lose(frame.error().message);
      return;
    }
    if (!*frame) {
      return;
    }
    on_frame(std::move(**frame));
  }
}

// What comes back is believed only as far as an agent would believe it.
Result<pb::SignedOrder> SocketSigner::checked(const SignerFrame& frame) const {
  if (frame.kind != FrameKind::signed_order) {
    return Error{Errc::forbidden, "the order signer refused: " + frame.payload.substr(0, 500)};
  }
  pb::SignedOrder out;
  if (!out.ParseFromString(frame.payload)) {
    return Error{Errc::protocol, "the order signer's answer is no signed order"};
  }
  for (const std::string& spki : public_keys()) {
    auto key = crypto::Ed25519PublicKey::from_spki(spki);
    if (key.ok() && protocol::key_id(*key) == out.key_id() &&
        protocol::verify_order(out, *key).ok()) {
      return out;
    }
  }
  return Error{Errc::protocol, "the order signer signed with a key that it does not list"};
}

void SocketSigner::on_frame(SignerFrame frame) {
  if (frame.kind == FrameKind::keys_are) {
    on_keys(frame.payload);
    return;
  }
  Done<pb::SignedOrder> done;
  {
    MutexLock lock(mutex_);
    auto found = waiting_.find(frame.id);
    if (found == waiting_.end()) {
      return;  // expired meanwhile
    }
    done = std::move(found->second.done);
    waiting_.erase(found);
  }
  done(checked(frame));
}

void SocketSigner::on_keys(std::string_view payload) {
  auto size = take_number(payload, 4);
  auto list = size && *size <= payload.size()
                  ? protocol::decode_order_keys(payload.substr(0, *size))
                  : Result<pb::OrderKeys>(Error{Errc::protocol, "keys"});
  Keys next;
  if (!list || !next.announcement.ParseFromString(std::string(payload.substr(*size)))) {
    log_error("the order signer's keys cannot be read", {});
    return;
  }
  next.version = list->version();
  next.keys = {list->keys().begin(), list->keys().end()};
  {
    MutexLock lock(mutex_);
    if (next.version == keys_.version) {
      return;
    }
    if (next.version < keys_.version) {
      log_error("the order signer offers an older list of keys: not taken",
                {field("version", next.version)});
      return;
    }
    keys_ = std::move(next);
  }
  options_.on_keys_changed();
}

void SocketSigner::expire() {
  std::vector<Done<pb::SignedOrder>> over;
  {
    MutexLock lock(mutex_);
    const auto now = SteadyClock::now();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->second.until > now) {
        ++at;
        continue;
      }
      over.push_back(std::move(at->second.done));
      fresh_.erase(at->first);
      at = waiting_.erase(at);
    }
  }
  for (auto& done : over) {
    done(away());
  }
}

}  // namespace reachback::server
