// For tests: a blob service on two real HTTP servers (plain), and a client that sends exactly what
// it is told.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/blob_fs/blob_test_folder.h"
#include "server/blob_http/blob_http.h"
#include "testing/fake_clock.h"
#include "testing/seeded_random.h"

namespace reachback::server {

class RecordingAudit : public AuditLog {
 public:
  void append(AccessRecord record, Done<void> done) override {
    {
      MutexLock lock(mutex_);
      if (!fail_) {
        records_.push_back(std::move(record));
      }
    }
    done(fail_ ? Result<void>(Error{Errc::io, "injected"}) : Result<void>());
  }
  std::vector<AccessRecord> records() const {
    MutexLock lock(mutex_);
    return records_;
  }
  void fail(bool on) { fail_ = on; }

 private:
  mutable Mutex mutex_;
  std::vector<AccessRecord> records_ RB_GUARDED_BY(mutex_);
  std::atomic<bool> fail_{false};
};

struct Reply {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string header(const std::string& name) const {
    auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
  std::string error() const { return header("x-ms-error-code"); }
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// A TCP connection to 127.0.0.1, blocking, at most ten seconds for each read.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address) {
    fd_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        return;  // The server has answered and closed.
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // One response. has_body: false for HEAD.
  Reply receive(bool has_body = true) {
    Reply reply;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) {
        return reply;
      }
    }
    std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    reply.status = std::stoi(head.substr(9, 3));
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
      std::size_t eol = head.find("\r\n", at), colon = head.find(':', at);
      reply.headers.emplace(to_lower(head.substr(at, colon - at)),
                            head.substr(colon + 2, eol - colon - 2));
      at = eol + 2;
    }
    if (reply.status == 100) {
      return receive(has_body);
    }
    bool empty = !has_body || reply.status == 204 || reply.status == 304;
    std::size_t length = empty ? 0 : std::stoull("0" + reply.header("content-length"));
    while (buffer_.size() < length && more()) {
    }
    reply.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return reply;
  }
  // Bytes that came beyond the response, until the server closes.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(buffer_, "");
  }
  void close() { fd_.reset(); }

 private:
  bool more() {
    char piece[65536];
    ssize_t n = ::recv(fd_.get(), piece, sizeof piece, 0);
    if (n <= 0) {
      return false;
    }
    buffer_.append(piece, static_cast<std::size_t>(n));
    return true;
  }
  Fd fd_;
  std::string buffer_;
};

class BlobHttpTest : public ::testing::Test {
 protected:
  BlobHttpTest() { restart(); }

  // Anew over the same folder, with these limits and this disk.
  void restart(BlobLimits limits = {}, std::shared_ptr<Disk> disk = nullptr) {
    public_.reset();
    agents_.reset();
    http_.reset();
    bench_.reset();
    auto options = test_options(folder_.path());
    options.limits = limits;
    bench_ = std::make_unique<BlobBench>(std::move(options), std::move(disk));
    http_ = std::make_unique<BlobHttp>(bench_->store(), audit_, clock_, random_);
    public_ = listen(BlobHttp::Side::public_url);
    agents_ = listen(BlobHttp::Side::agents);
    bench_->store().set_bases("http://" + public_->address(), "http://" + agents_->address());
  }

  std::string read_link(const BlobKey& key, LinkHost host = LinkHost::public_url) {
    return *bench_->store().read_link(key.tenant(), key.name(), expires(), host);
  }
  std::string write_link(const BlobKey& key) {
    return *bench_->store().write_link(key.tenant(), key.name(), expires());
  }
  Timestamp expires() { return clock_.now() + std::chrono::minutes(30); }
  // A link for any permissions, signed with the account's key.
  std::string signed_target(const BlobKey& key, protocol::SasFields fields) {
    return signed_path(key.tenant().text() + "/CustomPlaybookCommandOutput/" + key.name(),
                       std::move(fields));
  }
  std::string signed_path(const std::string& blob, protocol::SasFields fields) {
    fields.version = protocol::kSasVersion;
    fields.resource = "b";
    if (fields.expires.empty()) {
      fields.expires = format_time_seconds(expires());
    }
    auto signature = protocol::sas_signature(
        protocol::sas_string_to_sign(fields, "reachback7f3a", "investigation-actions-data", blob),
        std::string(64, 'k'));
    return "/reachback7f3a/investigation-actions-data/" + blob + "?" +
           protocol::sas_query(fields, signature);
  }

  static std::string target_of(const std::string& url) { return url.substr(url.find('/', 8)); }
  static std::string request_text(const std::string& method, const std::string& target,
                                  const HeaderList& headers) {
    std::string out = method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
    for (const auto& [name, value] : headers) {
      out += name + ": " + value + "\r\n";
    }
    return out + "\r\n";
  }
  // url: a link, or a target for the public side.
  Reply request(const std::string& method, const std::string& url, HeaderList headers = {},
                const std::string& body = "") {
    bool agents = url.starts_with("http://" + agents_->address());
    RawConnection connection(agents ? agents_->address() : public_->address());
    if (method == "PUT" && !has(headers, "Content-Length") && !has(headers, "Transfer-Encoding")) {
      headers.emplace_back("Content-Length", std::to_string(body.size()));
    }
    headers.emplace_back("Connection", "close");
    connection.send(request_text(method, url.starts_with("http") ? target_of(url) : url, headers) +
                    body);
    return connection.receive(method != "HEAD");
  }
  Reply get(const std::string& url, HeaderList headers = {}) {
    return request("GET", url, std::move(headers));
  }
  std::string agents_url(const std::string& target) {
    return "http://" + agents_->address() + target;
  }
  std::string with(const std::string& url, const std::string& more) { return url + "&" + more; }

  TemporaryFolder folder_;
  net::LoopPool loops_{1};
  RecordingAudit audit_;
  testing::FakeClock clock_;
  testing::SeededRandom random_{1};
  std::unique_ptr<BlobBench> bench_;
  std::unique_ptr<BlobHttp> http_;
  std::unique_ptr<net::HttpServer> public_, agents_;
  const BlobKey key_ = test_key();

 private:
  static bool has(const HeaderList& headers, std::string_view name) {
    for (const auto& [key, value] : headers) {
      if (key == name) {
        return true;
      }
    }
    return false;
  }
  std::unique_ptr<net::HttpServer> listen(BlobHttp::Side side) {
    auto server = net::HttpServer::listen(loops_, "127.0.0.1:0", nullptr, {},
                                          [this, side](std::shared_ptr<net::Exchange> exchange) {
                                            if (http_->handles(exchange->request().path())) {
                                              http_->handle(std::move(exchange), side);
                                            } else {
                                              net::Response response;
                                              response.status = 404;
                                              response.body = "not the blob service";
                                              exchange->respond(std::move(response));
                                            }
                                          });
    EXPECT_TRUE(server.ok()) << (server.ok() ? "" : server.error().message);
    return std::move(*server);
  }
};

}  // namespace reachback::server
