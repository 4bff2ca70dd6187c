#include "server/signer/signer_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "server/signer/signer_frames.h"

namespace reachback::server {
namespace {

constexpr std::size_t kPeersMax = 8;
constexpr std::size_t kOutputBytesMax = 16 << 20;  // of a peer that does not read
constexpr std::size_t kBatchMax = 1024;            // answers that share one sync

Result<Fd> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{Errc::invalid_input, path + ": not a usable socket name (at most 107 bytes)"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe.valid() && ::connect(probe.get(), generic, sizeof address) == 0) {
    return Error{Errc::unavailable, path + ": another signer serves this socket"};
  }
  ::unlink(path.c_str());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);  // never open to others, not even for a moment
  const bool bound = fd.valid() && ::bind(fd.get(), generic, sizeof address) == 0;
  ::umask(before);
  if (!bound || ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), 16) != 0) {
    return errno_error("signer socket", path);
  }
  return fd;
}

}  // namespace

struct SignerServer::Peer {
  Fd fd;
  std::string in, out;
  bool ended = false;  // it sends no more; what it asked for is still answered
  bool gone = false;

  void flush() {
    while (!gone && !out.empty()) {
      ssize_t n = ::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        gone = (errno != EAGAIN && errno != EWOULDBLOCK) || out.size() > kOutputBytesMax;
        return;
      }
      out.erase(0, static_cast<std::size_t>(n));
    }
  }
};

SignerServer::SignerServer(SignerServerOptions options, OrderKeyring& keyring, SignerLog& log,
                           const Clock& clock, std::function<void()> on_broken)
    : options_(std::move(options)),
      keyring_(keyring),
      log_(log),
      clock_(clock),
      on_broken_(std::move(on_broken)) {}

Result<std::unique_ptr<SignerServer>> SignerServer::start(SignerServerOptions options,
                                                          OrderKeyring& keyring, SignerLog& log,
                                                          const Clock& clock,
                                                          std::function<void()> on_broken) {
  std::unique_ptr<SignerServer> out(
      new SignerServer(std::move(options), keyring, log, clock, std::move(on_broken)));
  RB_TRY_ASSIGN(out->listener_, listen_at(out->options_.socket));
  if (::geteuid() == 0 && !out->options_.uids.empty() &&
      ::chown(out->options_.socket.c_str(), *out->options_.uids.begin(), static_cast<gid_t>(-1)) !=
          0) {
    return errno_error("signer socket", out->options_.socket);
  }
  out->stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  out->thread_ = std::thread([raw = out.get()] { raw->serve(); });
  return out;
}

SignerServer::~SignerServer() {
  std::uint64_t one = 1;
  if (stop_.valid()) {
    [[maybe_unused]] auto written = ::write(stop_.get(), &one, sizeof one);
  }
  if (thread_.joinable()) {
    thread_.join();
    ::unlink(options_.socket.c_str());
  }
}

bool SignerServer::is_allowed(int fd) const {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
    return false;
  }
  const bool allowed = who.uid == 0 || who.uid == ::geteuid() || options_.uids.contains(who.uid);
  if (!allowed) {
    log_warning("a stranger at the signer's socket", {field("uid", who.uid)});
  }
  return allowed;
}

void SignerServer::accept_one(std::vector<std::unique_ptr<Peer>>& peers) {
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid() || peers.size() >= kPeersMax || !is_allowed(fd.get())) {
    return;
  }
  peers.push_back(std::make_unique<Peer>());
  peers.back()->fd = std::move(fd);
}

void SignerServer::read_from(Peer& peer) {
  char buffer[64 << 10];
  while (peer.in.size() <= kSignerFrameBytesMax) {
    ssize_t n = ::recv(peer.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      peer.ended = n == 0;
      peer.gone = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
      return;
    }
    peer.in.append(buffer, static_cast<std::size_t>(n));
  }
}

void SignerServer::answer(Peer& peer) {
  for (std::size_t i = 0; i < kBatchMax && peer.out.size() < kOutputBytesMax; ++i) {
    auto taken = take_frame(peer.in);
    if (!taken) {
      log_warning("the signer's peer is dropped", {field("why", taken.error().message)});
      peer.gone = true;
      return;
    }
    if (!*taken) {
      return;
    }
    SignerFrame reply{FrameKind::refused, (*taken)->id, "an unknown request"};
    std::string_view payload = (*taken)->payload;
    if ((*taken)->kind == FrameKind::sign) {
      auto version = take_number(payload, 8);
      auto signed_order =
          version ? keyring_.sign(payload, *version) : Result<pb::SignedOrder>(version.error());
      if (signed_order) {
        log_.add(*checked_order(payload), *signed_order, clock_.now());
        reply = SignerFrame{FrameKind::signed_order, reply.id, signed_order->SerializeAsString()};
      } else {
        log_warning("not signed", {field("why", signed_order.error().message)});
        reply.payload = signed_order.error().message;
      }
    } else if ((*taken)->kind == FrameKind::keys) {
      if (auto changed = keyring_.reload(); !changed) {
        log_error("the keys cannot be read again", {field("why", changed.error().message)});
      } else if (*changed) {
        log_info("order keys changed", {field("version", keyring_.version())});
      }
      pb::OrderKeys list;
      list.set_version(keyring_.version());
      for (const std::string& key : keyring_.public_keys()) {
        list.add_keys(key);
      }
      const std::string bytes = list.SerializeAsString();
      reply = SignerFrame{
          FrameKind::keys_are, reply.id,
          encode_number(bytes.size(), 4) + bytes + keyring_.announcement().SerializeAsString()};
    }
    peer.out += encode_frame(reply);
  }
}

void SignerServer::serve() {
  std::vector<std::unique_ptr<Peer>> peers;
  bool more = false;  // whole frames wait in a buffer
  while (true) {
    std::vector<pollfd> fds = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& peer : peers) {
      const int wanted = (peer->ended ? 0 : POLLIN) | (peer->out.empty() ? 0 : POLLOUT);
      fds.push_back({peer->fd.get(), static_cast<short>(wanted), 0});
    }
    if (::poll(fds.data(), fds.size(), more ? 0 : -1) < 0 && errno != EINTR) {
      return;
    }
    if (fds[0].revents != 0) {
      return;
    }
    more = false;
    for (std::size_t i = 0; i < peers.size(); ++i) {
      if (!peers[i]->ended && (fds[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        read_from(*peers[i]);
      }
      const std::size_t before = peers[i]->in.size();
      answer(*peers[i]);
      const bool moved = peers[i]->in.size() != before;
      more = more || (moved && peers[i]->in.size() >= 4);
      if (peers[i]->ended && !moved) {
        peers[i]->in.clear();  // the rest of a frame that never comes
      }
    }
    if (auto synced = log_.sync(); !synced) {
      log_error("what is signed cannot be logged: the signer stops",
                {field("why", synced.error().message)});
      on_broken_();
      return;
    }
    for (auto& peer : peers) {
      peer->flush();
    }
    std::erase_if(peers, [](const auto& peer) {
      return peer->gone || (peer->ended && peer->out.empty() && peer->in.size() < 4);
    });
    if (fds[1].revents != 0) {
      accept_one(peers);
    }
  }
}

}  // namespace reachback::server
