#include "net/liveness.h"

#include <dirent.h>
#include <netinet/tcp.h>

#include "net/test_support.h"

namespace reachback::net {
namespace {

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(fd, level, name, &value, &size);
  return value;
}

// Every connected TCP socket of this process.
std::vector<int> connected_sockets() {
  std::vector<int> out;
  DIR* folder = ::opendir("/proc/self/fd");
  while (dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (fd > 2 && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.ss_family == AF_INET) {
      out.push_back(fd);
    }
  }
  ::closedir(folder);
  return out;
}

using LivenessTest = NetTest;

TEST_F(LivenessTest, BothEndsOfAConnectionNoticeAPeerThatHasGone) {
  LoopPool loops(1);
  auto server = HttpServer::listen(loops, "127.0.0.1:0", server_tls(), {}, [](auto exchange) {
                  exchange->respond(text_response(200, "here"));
                }).value();
  std::unique_ptr<HttpClient> client;
  auto answered = std::make_shared<std::promise<int>>();
  const std::string address = server->address();
  loops.at(0).post([&] {
    client = HttpClient::create(loops.at(0),
                                Origin{"https", "127.0.0.1", address.substr(address.find(':') + 1)},
                                client_tls());
    client->send(
        {}, [answered](Result<ClientResponse> r) { answered->set_value(r.ok() ? r->status : 0); });
  });
  ASSERT_EQ(await(answered->get_future()), 200);
  const auto sockets = connected_sockets();
  ASSERT_EQ(sockets.size(), 2u) << "the client's and the server's";
  for (int fd : sockets) {
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 60'000);
    EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
  }
  on_loop(loops.at(0), [&] { client.reset(); });
}

}  // namespace
}  // namespace reachback::net
