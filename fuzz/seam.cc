// What the agent's two processes say to each other; the supervisor takes the network process for
// hostile. A message that is accepted is within its bounds and holds nothing that codec.h refuses;
// of frames on a socket come out those that went in, with their files, up to the first that is over
// a bound. Input: what is tried; then a message; or pieces: a byte for the length, one for the
// files that go with it, the bytes; or how often a frame
// is sent that nobody reads yet, how often its bytes are repeated, the bytes.
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>

#include "agent/seam/channel.h"
#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "protocol/seam_codec.h"

namespace reachback::fuzz {
namespace {

using namespace protocol;
using agent::Channel;
using agent::Events;

void check_refusal(const Error& error) {
  FUZZ_CHECK(error.code == Errc::protocol);
  FUZZ_CHECK(error.message.size() < 300 && is_valid_utf8(error.message));
}

void check_request(const std::string& bytes) {
  auto message = decode_to_server(bytes);
  FUZZ_CHECK(message && message->has_upload_request());
  auto request = decode_upload_request(bytes);
  FUZZ_CHECK(request);
  auto again = decode_upload_request(encode(*request));
  FUZZ_CHECK(again && again->SerializeAsString() == request->SerializeAsString());
}

void check_text(const std::string& text, std::size_t bytes_max) {
  FUZZ_CHECK(text.size() <= bytes_max && is_valid_utf8(text));
  FUZZ_CHECK(text.find('\0') == std::string::npos);
}

void check(const pb::SeamToSupervisor& m) {
  FUZZ_CHECK(m.message_case() != pb::SeamToSupervisor::MESSAGE_NOT_SET);
  FUZZ_CHECK(m.ready().uid() <= 0x7fffffff && m.ready().landlock() <= 1000);
  check_text(m.dismissed(), 1024);
  if (m.has_begin_session()) {
    const auto& challenge = m.begin_session();
    FUZZ_CHECK(challenge.server_nonce().size() == 32 && challenge.exporter().size() <= 64);
    FUZZ_CHECK(challenge.server_time_us() >= 0);
    FUZZ_CHECK(challenge.has_server_time() || challenge.server_time_us() == 0);
  }
  if (m.has_deliver()) {
    auto message = decode_to_agent(m.deliver().message());
    FUZZ_CHECK(message && !message->has_upload_grant() && !message->has_goodbye());
    FUZZ_CHECK(m.deliver().has_file_size() <= (message->has_execute_order() ? 100 : 0));
  }
  if (m.has_open_spool()) {
    check_request(m.open_spool());
  }
  if (m.has_uploaded()) {
    check_request(m.uploaded().request());
    FUZZ_CHECK(m.uploaded().blob().size() == 32 && from_hex(m.uploaded().blob()));
  }
}

void check(const pb::SeamToNetwork& m) {
  FUZZ_CHECK(m.message_case() != pb::SeamToNetwork::MESSAGE_NOT_SET);
  check_text(m.setup().server(), 512);
  check_text(m.setup().ca_pem(), 1 << 20);
  check_text(m.spool().error(), 1024);
  FUZZ_CHECK(!m.has_send() || decode_to_server(m.send()));
}

template <typename Decode>
void check_message(std::string_view bytes, Decode decode) {
  auto message = decode(bytes);
  if (!message) {
    check_refusal(message.error());
    return;
  }
  check(*message);
  auto again = decode(message->SerializeAsString());
  FUZZ_CHECK(again && again->SerializeAsString() == message->SerializeAsString());
}

std::pair<Fd, Fd> pair_of_sockets() {
  std::array<int, 2> ends{};
  FUZZ_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

// As any process could: not by Channel.
void write_piece(int socket, std::string_view bytes, std::size_t files) {
  static const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 255)> control{};
  if (files > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * files);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * files);
    for (std::size_t i = 0; i < files; ++i) {
      const int number = null.get();
      std::memcpy(CMSG_DATA(header) + i * sizeof number, &number, sizeof number);
    }
  }
  FUZZ_CHECK(::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// What a reader must make of the pieces, written once more.
struct Model {
  std::string bytes;
  std::size_t files = 0;
  bool broken = false;

  struct Expected {
    std::string payload;
    std::size_t files;
  };
  std::optional<Expected> next() {
    const auto number = [this](std::size_t at) {
      std::uint32_t out = 0;
      std::memcpy(&out, bytes.data() + at, sizeof out);  // little-endian, as our machines are
      return out;
    };
    broken = broken || files > 200;
    if (broken || bytes.size() < 8) {
      return std::nullopt;
    }
    const std::uint32_t size = number(0), with = number(4);
    broken = size > (1 << 20) + (64 << 10) || with > 100;
    if (broken || bytes.size() - 8 < size) {
      return std::nullopt;
    }
    broken = files < with;
    if (broken) {
      return std::nullopt;
    }
    Expected out{bytes.substr(8, size), with};
    bytes.erase(0, 8 + size);
    files -= with;
    return out;
  }
};

void check_pieces(Input in) {
  auto [writer, reader] = pair_of_sockets();
  auto [there, back] = pair_of_sockets();
  Channel channel(std::move(reader), nullptr), onward(std::move(there), nullptr),
      beyond(std::move(back), nullptr);
  Model model;
  while (!in.rest().empty() && !model.broken) {
    std::string piece;
    const std::size_t size = 1u + in.byte(), files = in.byte();
    while (piece.size() < size && !in.rest().empty()) {
      piece += static_cast<char>(in.byte());
    }
    if (piece.empty()) {
      break;
    }
    // The kernel takes 253 at once; 200 waiting ones are too many.
    const std::size_t sent = files > 253 ? 253 : files;
    write_piece(writer.get(), piece, sent);
    model.bytes += piece;
    model.files += sent;
    while (auto expected = model.next()) {
      auto frame = channel.read();
      FUZZ_CHECK(frame && *frame);
      FUZZ_CHECK((*frame)->payload == expected->payload);
      FUZZ_CHECK((*frame)->files.size() == expected->files);
      // A frame that is sent on arrives as it was, its files with it.
      FUZZ_CHECK(onward.send((*frame)->payload, std::move((*frame)->files)));
      auto arrived = beyond.wait();
      FUZZ_CHECK(arrived && arrived->payload == expected->payload);
      FUZZ_CHECK(arrived->files.size() == expected->files && !beyond.has_bytes());
      for (const Fd& file : arrived->files) {
        FUZZ_CHECK(::fcntl(file.get(), F_GETFD) == FD_CLOEXEC);
      }
    }
    auto rest = channel.read();
    FUZZ_CHECK(rest.ok() == !model.broken);
    FUZZ_CHECK(rest ? !rest->has_value() : rest.error().code == Errc::protocol);
  }
  if (!model.broken) {
    writer.reset();
    auto end = channel.read();
    FUZZ_CHECK(!end && end.error().code == Errc::unavailable);
  }
}

// The loop, as far as Channel wants one.
class OneWatch : public Events {
 public:
  struct Watch : Handle {
    explicit Watch(OneWatch& loop) : loop(loop) {}
    ~Watch() override { loop.ready_ = nullptr; }
    OneWatch& loop;
  };
  std::unique_ptr<Handle> after(Duration, std::function<void()>) override { return nullptr; }
  std::unique_ptr<Handle> watch_readable(int, std::function<void()> ready) override {
    ready_ = std::move(ready);
    return std::make_unique<Watch>(*this);
  }
  void post(std::function<void()>) override {}
  void turn() {
    if (auto ready = ready_) {
      ready();
    }
  }

 private:
  std::function<void()> ready_;
};

// Frames that the other side does not take at once leave when it does, in their order; when it
// takes none at all, or is gone, sending ends.
void check_backlog(Input in) {
  auto [near, far] = pair_of_sockets();
  const int bytes = 1;  // the kernel makes it its least
  ::setsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  OneWatch loop;
  Channel sender(std::move(near), &loop);
  std::optional<Channel> reader(std::in_place, std::move(far), nullptr);
  const std::uint8_t count = in.byte();
  const std::size_t times = count == 255 ? Channel::kBacklogFramesMax + 1000 : 1u + count;
  std::string payload;
  for (unsigned i = 0, repeat = 1u + in.byte() % 32; i < repeat; ++i) {
    payload += in.rest();
  }
  std::size_t sent = 0;
  for (; sent < times; ++sent) {
    if (auto result = sender.send(payload); !result) {
      FUZZ_CHECK(result.error().code == Errc::unavailable);
      FUZZ_CHECK(sent * (payload.size() + 8) > Channel::kBacklogBytesMax / 2 ||
                 sent >= Channel::kBacklogFramesMax);
      return;
    }
  }
  while (sent > 0) {
    auto frame = reader->read();
    FUZZ_CHECK(frame);
    if (*frame) {
      FUZZ_CHECK((*frame)->payload == payload);
      --sent;
    } else {
      loop.turn();
    }
  }
  if (count % 2 == 0) {
    FUZZ_CHECK(sender.send("never read"));
  }
  reader.reset();
  auto end = sender.read();
  FUZZ_CHECK(!end && end.error().code == Errc::unavailable);
  auto late = sender.send("late");
  FUZZ_CHECK(!late && late.error().code == Errc::unavailable);
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(5)) {
    case 0:
      check_message(in.rest(), decode_seam_to_supervisor);
      return;
    case 1:
      check_message(in.rest(), decode_seam_to_network);
      return;
    case 2:
      if (auto request = decode_upload_request(in.rest())) {
        check_request(std::string(in.rest()));
      } else {
        check_refusal(request.error());
      }
      return;
    case 3:
      check_pieces(in);
      return;
    default:
      check_backlog(in);
  }
}

}  // namespace reachback::fuzz
