// The blob service alone, over TLS on loopback, for the tests of this folder.
//
//   blob_server FOLDER
//
// Prints "ready PUBLIC_URL AGENT_URL", keeps blobs and ca.pem in FOLDER, and takes lines on
// standard input until its end: "read NAME SECONDS" and "write NAME SECONDS" are answered with a
// link that ends so many seconds from now.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "base/file.h"
#include "crypto/random.h"
#include "crypto/x509.h"
#include "server/blob_http/blob_http.h"

namespace reachback::server {
namespace {

// Also in blob.test.js.
constexpr const char* kAccount = "reachback7f3a";
constexpr const char* kTenant = "0c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11";
std::string account_key() {
  std::string key;
  for (char c = 0; c < 64; ++c) {
    key += c;
  }
  return key;
}

class NoAudit : public AuditLog {
 public:
  void append(AccessRecord, Done<void> done) override { done({}); }
};

void take_commands(BlobFs& store, const Clock& clock) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb, name;
    int seconds = 0;
    words >> verb >> name >> seconds;
    const Timestamp expires = clock.now() + std::chrono::seconds(seconds);
    auto link = verb == "write" ? store.write_link(*TenantId::parse(kTenant), name, expires)
                                : store.read_link(*TenantId::parse(kTenant), name, expires,
                                                  LinkHost::public_url);
    fmt::print("{}\n", link ? *link : "error " + link.error().message);
    std::fflush(stdout);
  }
}

Result<void> serve(const std::string& folder) {
  SystemClock clock;
  crypto::SystemRandom random;
  NoAudit audit;
  RB_TRY_ASSIGN(auto ca, crypto::make_ca("Reachback interop tests", clock.now()));
  RB_TRY_ASSIGN(auto certificate,
                crypto::issue_server_certificate(ca, {"127.0.0.1"}, 30, clock.now()));
  RB_TRY(write_file_durably(folder + "/ca.pem", ca.certificate));
  RB_TRY_ASSIGN(auto tls,
                net::TlsServerContext::create(certificate.certificate, certificate.private_key,
                                              net::TlsVersions::tls12_and_13));
  net::LoopPool loops(2);
  BlobFsOptions options;
  options.folder = folder;
  options.account = kAccount;
  options.account_keys.emplace_back(account_key());
  RB_TRY_ASSIGN(auto store, BlobFs::create(std::move(options)));
  BlobHttp http(*store, audit, clock, random);
  auto listen = [&](BlobHttp::Side side) {
    return net::HttpServer::listen(
        loops, "127.0.0.1:0", tls, {},
        [&http, side](std::shared_ptr<net::Exchange> e) { http.handle(std::move(e), side); });
  };
  RB_TRY_ASSIGN(auto readers, listen(BlobHttp::Side::public_url));
  RB_TRY_ASSIGN(auto agents, listen(BlobHttp::Side::agents));
  const std::string public_url = "https://" + readers->address();
  const std::string agent_url = "https://" + agents->address();
  store->set_bases(public_url, agent_url);
  fmt::print("ready {} {}\n", public_url, agent_url);
  std::fflush(stdout);
  take_commands(*store, clock);
  readers->drain(std::chrono::seconds(1));
  agents->drain(std::chrono::seconds(1));
  readers.reset();
  agents.reset();
  store.reset();
  return {};
}

}  // namespace
}  // namespace reachback::server

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: blob_server FOLDER\n", stderr);
    return 2;
  }
  if (auto served = reachback::server::serve(argv[1]); !served) {
    fmt::print(stderr, "blob_server: {}\n", served.error().message);
    return 1;
  }
  return 0;
}
