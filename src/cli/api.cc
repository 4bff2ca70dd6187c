#include "cli/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mutex.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/tls.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr seconds kRetryAfterMax{120};
constexpr int kTriesMax = 5;
constexpr std::uint64_t kBodyBytesMax = 64 << 20;
constexpr std::uint64_t kErrorBodyBytesMax = 64 << 10;
constexpr std::int64_t kDay_s = 24LL * 3600;
constexpr seconds kTokenMargin{60};  // renewed this long before its end

Error interruption() {
  return Error{Errc::timed_out, "interrupted"};
}

bool same(const net::Origin& a, const net::Origin& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

// What to do about errors of the connection; the library names what happened.
Error explain(const Error& error, const std::string& url) {
  const char* todo = "see that the server runs and the address is right";
  if (error.message.find("certificate") != std::string::npos) {
    todo = "point REACHBACK_CA at the server's CA and use a name its certificate holds";
  }
  return Error{error.code, fmt::format("{}: {}: {}", url, error.message, todo)};
}

std::optional<seconds> retry_after(const net::Headers& headers) {
  auto value = headers.get("Retry-After");
  std::int64_t number = 0;
  if (!value ||
      std::from_chars(value->data(), value->data() + value->size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return seconds(std::max<std::int64_t>(number, 1));
}

class NetApi final : public Api {
 public:
  NetApi(const Config& config, net::Origin origin, std::shared_ptr<net::TlsClientContext> tls,
         bool watch_interrupts)
      : config_(config), origin_(std::move(origin)), tls_(std::move(tls)) {
    if (watch_interrupts) {
      loop_.on_signals({SIGINT, SIGTERM}, [this](int) {
        MutexLock lock(mutex_);
        interrupted_ = true;
        changed_.notify_all();
      });
    }
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~NetApi() override {
    drop_client();
    loop_.stop();
    thread_.join();
  }

  Result<std::string> get(const std::string& target, Duration timeout) override {
    net::ClientRequest request;
    request.target = target;
    request.timeout = timeout;
    return call(std::move(request));
  }
  Result<std::string> post(const std::string& target, const std::string& body,
                           const std::string& content_type, net::Headers extra) override {
    net::ClientRequest request;
    request.method = "POST";
    request.target = target;
    request.headers = std::move(extra);
    request.headers.set("Content-Type", content_type);
    request.body = body;
    return call(std::move(request));
  }
  Result<void> remove(const std::string& target) override {
    net::ClientRequest request;
    request.method = "DELETE";
    request.target = target;
    auto done = call(std::move(request));
    return done ? Result<void>() : Result<void>(done.error());
  }

  Result<void> download(const std::string& url,
                        std::function<bool(std::string_view)> on_bytes) override {
    RB_TRY_ASSIGN(net::Url parsed, net::parse_url(url));
    if (parsed.origin.scheme != origin_.scheme) {
      return Error{Errc::protocol, "the server gave a link with another scheme: tell its owner"};
    }
    // An error's body is short and is read here; only a good answer reaches the caller.
    struct Progress {
      int status = 0;
      std::string refusal;
    };
    auto progress = std::make_shared<Progress>();
    net::ClientRequest request;
    request.target = parsed.target;
    request.timeout = seconds(60);
    request.on_head = [progress](int status, const net::Headers&) { progress->status = status; };
    request.on_body = [progress, on_bytes = std::move(on_bytes)](std::string_view piece) {
      if (progress->status / 100 == 2) {
        return on_bytes(piece);
      }
      progress->refusal.append(piece.substr(0, kErrorBodyBytesMax - progress->refusal.size()));
      return true;
    };
    bool elsewhere = !same(parsed.origin, origin_);
    if (elsewhere) {
      drop_client();
      on_loop([this, &parsed] { client_ = net::HttpClient::create(loop_, parsed.origin, tls_); });
    }
    auto answer = exchange(std::move(request), parsed.origin.scheme + "://" + parsed.origin.host +
                                                   ":" + parsed.origin.port);
    if (elsewhere) {
      drop_client();
    }
    RB_TRY(answer);
    if (answer->status / 100 != 2) {
      return Error{code_of_status(answer->status),
                   describe_refusal(answer->status, progress->refusal)};
    }
    return {};
  }

  bool pause(Duration time) override {
    MutexLock lock(mutex_);
    const auto end = SteadyClock::now() + time;
    while (!interrupted_ && changed_.wait_until(lock, end)) {
    }
    return !interrupted_;
  }
  bool interrupted() const override {
    MutexLock lock(mutex_);
    return interrupted_;
  }
  void clear_interrupt() override {
    MutexLock lock(mutex_);
    interrupted_ = false;
  }

 private:
  // Runs `work` on the loop thread and waits for it.
  void on_loop(std::function<void()> work) {
    bool done = false;
    loop_.post([this, &work, &done] {
      work();
      MutexLock lock(mutex_);
      done = true;
      changed_.notify_all();
    });
    MutexLock lock(mutex_);
    while (!done) {
      changed_.wait(lock);
    }
  }

  // Whatever is under way on it is dropped, and its callbacks with it.
  void drop_client() {
    on_loop([this] { client_.reset(); });
  }

  // One request and its answer, or the interruption. where: for messages.
  Result<net::ClientResponse> exchange(net::ClientRequest request, const std::string& where) {
    auto answer = std::make_shared<std::optional<Result<net::ClientResponse>>>();
    loop_.post([this, answer, request = std::move(request)]() mutable {
      if (!client_) {
        client_ = net::HttpClient::create(loop_, origin_, tls_);
      }
      client_->send(std::move(request), [this, answer](Result<net::ClientResponse> result) {
        MutexLock lock(mutex_);
        answer->emplace(std::move(result));
        changed_.notify_all();
      });
    });
    bool answered = false;
    {
      MutexLock lock(mutex_);
      while (!interrupted_ && !answer->has_value()) {
        changed_.wait(lock);
      }
      answered = answer->has_value();
    }
    if (!answered) {
      drop_client();
      return interruption();
    }
    if (!answer->value().ok()) {
      return explain(answer->value().error(), where);
    }
    return std::move(answer->value()).value();
  }

  Result<void> ensure_token() {
    if (!token_.empty() && SteadyClock::now() < token_until_) {
      return {};
    }
    net::ClientRequest request;
    request.method = "POST";
    request.target = "/" + percent_encode(config_.tenant) + "/oauth2/v2.0/token";
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = "grant_type=client_credentials&client_id=" + percent_encode(config_.client_id) +
                   "&client_secret=" + percent_encode(config_.client_secret.reveal()) +
                   "&scope=" + percent_encode(config_.url + "/.default");
    RB_TRY_ASSIGN(net::ClientResponse answer, patient(std::move(request)));
    if (answer.status != 200) {
      return Error{code_of_status(answer.status),
                   "no token: " + describe_refusal(answer.status, answer.body)};
    }
    auto body = json::parse(answer.body);
    const json::Value* token =
        body && body->is_object() ? body->get_object().if_contains("access_token") : nullptr;
    if (token == nullptr || !token->is_string()) {
      return Error{Errc::protocol,
                   config_.url + ": the answer holds no token: see that it is a Reachback server"};
    }
    const json::Value* lifetime = body->get_object().if_contains("expires_in");
    std::int64_t lifetime_s = lifetime != nullptr && lifetime->is_int64()
                                  ? std::clamp<std::int64_t>(lifetime->get_int64(), 0, kDay_s)
                                  : 0;
    token_ = Secret(std::string(token->get_string()));
    token_until_ = SteadyClock::now() + seconds(lifetime_s) - kTokenMargin;
    return {};
  }

  // Waits out "not now".
  Result<net::ClientResponse> patient(const net::ClientRequest& request) {
    for (int attempt = 1;; ++attempt) {
      RB_TRY_ASSIGN(net::ClientResponse answer, exchange(request, config_.url));
      std::optional<seconds> wait = retry_after(answer.headers);
      if (answer.status == 429 && !wait) {
        wait = seconds(1);
      }
      bool later = answer.status == 429 || answer.status == 503;
      if (!later || !wait || *wait > kRetryAfterMax || attempt == kTriesMax) {
        return answer;
      }
      if (*wait > seconds(3)) {
        complain(fmt::format("the server asks to wait {} s", wait->count()));
      }
      if (!pause(*wait)) {
        return interruption();
      }
    }
  }

  Result<std::string> call(net::ClientRequest request) {
    request.headers.set("Accept", "application/json");
    request.body_bytes_max = kBodyBytesMax;
    for (bool renewed = false;; renewed = true) {
      RB_TRY(ensure_token());
      request.headers.set("Authorization", "Bearer " + std::string(token_.reveal()));
      RB_TRY_ASSIGN(net::ClientResponse answer, patient(request));
      if (answer.status == 401 && !renewed) {
        token_ = Secret();
        continue;
      }
      if (answer.status / 100 != 2) {
        return Error{code_of_status(answer.status), describe_refusal(answer.status, answer.body)};
      }
      return std::move(answer.body);
    }
  }

  const Config config_;
  const net::Origin origin_;
  const std::shared_ptr<net::TlsClientContext> tls_;
  Secret token_;
  SteadyClock::time_point token_until_;

  mutable Mutex mutex_;
  Condition changed_;
  // The answers that the loop's thread leaves are guarded by it too.
  bool interrupted_ RB_GUARDED_BY(mutex_) = false;

  net::Loop loop_;
  std::unique_ptr<net::HttpClient> client_;  // loop thread only
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Api>> Api::create(const Config& config, bool watch_interrupts) {
  RB_TRY_ASSIGN(net::Url url, net::parse_url(config.url));
  std::shared_ptr<net::TlsClientContext> tls;
  if (url.origin.scheme == "https") {
    auto pem = read_file(config.ca, 4 << 20);
    if (!pem) {
      return Error{Errc::invalid_input, "CA: " + pem.error().message + ": set REACHBACK_CA"};
    }
    auto made = net::TlsClientContext::create(*pem, net::TlsVersions::tls12_and_13);
    if (!made) {
      return Error{Errc::invalid_input,
                   "CA " + config.ca + ": " + made.error().message + ": set REACHBACK_CA"};
    }
    tls = std::move(*made);
  }
  return std::unique_ptr<Api>(new NetApi(config, url.origin, std::move(tls), watch_interrupts));
}

}  // namespace reachback::cli
