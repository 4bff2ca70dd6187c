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
constexpr seconds kSilenceMax{45};  // a stream of events has a comment every 15 s

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

// What conversations with one server have in common.
struct Shared {
  Shared(const Config& c, net::Origin o, std::shared_ptr<net::TlsClientContext> t,
         std::unique_ptr<Tokens> k)
      : config(c), origin(std::move(o)), tls(std::move(t)), tokens(std::move(k)) {}
  const Config config;
  const net::Origin origin;
  const std::shared_ptr<net::TlsClientContext> tls;

  Mutex token_mutex;  // held while one is fetched; taken before `mutex`
  const std::unique_ptr<Tokens> tokens;

  Mutex mutex;
  Condition changed;
  // The answers that the loops' threads leave are guarded by it too.
  bool interrupted RB_GUARDED_BY(mutex) = false;
  bool terminated RB_GUARDED_BY(mutex) = false;
};

bool is_ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

class NetApi final : public Api {
 public:
  NetApi(std::shared_ptr<Shared> shared, bool watch_interrupts, bool is_quiet)
      : shared_(std::move(shared)), is_quiet_(is_quiet) {
    if (watch_interrupts) {
      std::vector<int> signals = {SIGINT, SIGTERM};
      if (!is_ignored(SIGHUP)) {  // as under nohup
        signals.push_back(SIGHUP);
      }
      loop_.on_signals(signals, [this](int signal) {
        MutexLock lock(shared_->mutex);
        shared_->interrupted = true;
        shared_->terminated = shared_->terminated || signal != SIGINT;
        shared_->changed.notify_all();
      });
    }
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~NetApi() override {
    drop_client();
    loop_.stop();
    thread_.join();
  }
  Result<std::unique_ptr<Api>> another() override {
    return std::unique_ptr<Api>(new NetApi(shared_, /*watch_interrupts=*/false, /*is_quiet=*/true));
  }

  Result<std::string> get(const std::string& target, Duration timeout) override {
    net::ClientRequest request;
    request.target = target;
    request.timeout = timeout;
    return call(std::move(request));
  }
  Result<std::string> post(const std::string& target, const std::string& body,
                           const std::string& content_type, net::Headers extra,
                           std::function<void(std::uint64_t)> on_sent) override {
    net::ClientRequest request;
    request.method = "POST";
    request.target = target;
    request.headers = std::move(extra);
    request.headers.set("Content-Type", content_type);
    request.body = body;
    request.on_sent = std::move(on_sent);
    return call(std::move(request));
  }
  Result<void> remove(const std::string& target) override {
    net::ClientRequest request;
    request.method = "DELETE";
    request.target = target;
    auto done = call(std::move(request));
    return done ? Result<void>() : Result<void>(done.error());
  }

  Result<void> follow(const std::string& target, const std::string& last_event_id,
                      std::optional<SteadyClock::time_point> until, OnBytes on_bytes) override {
    for (bool renewed = false;; renewed = true) {
      RB_TRY_ASSIGN(const Secret token, take_token());
      net::ClientRequest request;
      request.target = target;
      request.timeout = kSilenceMax;
      request.headers.set("Accept", "text/event-stream");
      request.headers.set("Authorization", "Bearer " + std::string(token.reveal()));
      if (!last_event_id.empty()) {
        request.headers.set("Last-Event-ID", last_event_id);
      }
      auto head = read_good_answer(request, 0, on_bytes);
      auto answer = exchange(std::move(request), shared_->config.url, until);
      RB_TRY(answer);
      if (answer->status == 401 && !renewed) {
        refuse(token);
        continue;
      }
      return answer->status / 100 == 2 ? Result<void>() : refusal(answer->status, head->refusal);
    }
  }

  Result<void> download(const std::string& url, OnBytes on_bytes, Download* progress) override {
    RB_TRY_ASSIGN(net::Url parsed, net::parse_url(url));
    if (parsed.origin.scheme != shared_->origin.scheme) {
      return Error{Errc::protocol, "the server gave a link with another scheme: tell its owner"};
    }
    net::ClientRequest request;
    request.target = parsed.target;
    request.timeout = seconds(60);
    const std::uint64_t from = progress != nullptr ? progress->bytes : 0;
    if (from > 0) {
      request.headers.set("Range", fmt::format("bytes={}-", from));
      if (!progress->etag.empty()) {
        request.headers.set("If-Range", progress->etag);
      }
    }
    auto head = read_good_answer(request, from, std::move(on_bytes), progress);
    bool elsewhere = !same(parsed.origin, shared_->origin);
    if (elsewhere) {
      drop_client();
      on_loop([this, &parsed] {
        client_ = net::HttpClient::create(loop_, parsed.origin, shared_->tls);
      });
    }
    auto answer = exchange(std::move(request), parsed.origin.scheme + "://" + parsed.origin.host +
                                                   ":" + parsed.origin.port);
    if (elsewhere) {
      drop_client();
    }
    RB_TRY(head->failure);
    RB_TRY(answer);
    return answer->status / 100 == 2 ? Result<void>() : refusal(answer->status, head->refusal);
  }

  Result<PlainAnswer> plain(const std::string& target,
                            const std::optional<std::string>& form) override {
    net::ClientRequest request;
    request.target = target;
    request.headers.set("Accept", "application/json");
    request.body_bytes_max = kErrorBodyBytesMax * 4;
    if (form) {
      request.method = "POST";
      request.headers.set("Content-Type", "application/x-www-form-urlencoded");
      request.body = *form;
    }
    RB_TRY_ASSIGN(net::ClientResponse answer, patient(request));
    return PlainAnswer{answer.status, std::move(answer.body)};
  }

  Result<Secret> token() override { return take_token(); }

  bool pause(Duration time) override {
    MutexLock lock(shared_->mutex);
    const auto end = SteadyClock::now() + time;
    while (!shared_->interrupted && shared_->changed.wait_until(lock, end)) {
    }
    return !shared_->interrupted;
  }
  bool interrupted() const override {
    MutexLock lock(shared_->mutex);
    return shared_->interrupted;
  }
  void clear_interrupt() override {
    MutexLock lock(shared_->mutex);
    shared_->interrupted = false;
  }
  bool terminated() const override {
    MutexLock lock(shared_->mutex);
    return shared_->terminated;
  }

 private:
  // Runs `work` on the loop thread and waits for it.
  void on_loop(std::function<void()> work) {
    bool done = false;
    loop_.post([this, &work, &done] {
      work();
      MutexLock lock(shared_->mutex);
      done = true;
      shared_->changed.notify_all();
    });
    MutexLock lock(shared_->mutex);
    while (!done) {
      shared_->changed.wait(lock);
    }
  }

  // Whatever is under way on it is dropped, and its callbacks with it.
  void drop_client() {
    on_loop([this] { client_.reset(); });
  }

  // What came before the answer's end.
  struct Head {
    int status = 0;
    std::uint64_t skip = 0;  // of the body: the caller has it
    std::string refusal;
    Result<void> failure;
  };
  // An error's body is short and is kept here; only a good answer's reaches on_bytes, from the byte
  // `from` on.
  static std::shared_ptr<Head> read_good_answer(net::ClientRequest& request, std::uint64_t from,
                                                OnBytes on_bytes, Download* progress = nullptr) {
    auto head = std::make_shared<Head>();
    request.on_head = [head, from, progress](int status, const net::Headers& headers) {
      head->status = status;
      if (status / 100 != 2 || progress == nullptr) {
        return;
      }
      head->skip = status == 206 ? 0 : from;
      const std::string etag(headers.get("ETag").value_or(""));
      if (from > 0 && !progress->etag.empty() && etag != progress->etag) {
        head->failure = Error{Errc::mismatch, "what the link leads to has changed: start again"};
      }
      progress->etag = etag;
      std::uint64_t length = 0;
      if (auto value = headers.get("Content-Length");
          value &&
          std::from_chars(value->data(), value->data() + value->size(), length).ec == std::errc()) {
        progress->total = length + (status == 206 ? from : 0);
      }
    };
    request.on_body = [head, progress, on_bytes = std::move(on_bytes)](std::string_view piece) {
      if (head->status / 100 != 2) {
        head->refusal.append(piece.substr(0, kErrorBodyBytesMax - head->refusal.size()));
        return true;
      }
      const auto skipped =
          static_cast<std::size_t>(std::min<std::uint64_t>(head->skip, piece.size()));
      head->skip -= skipped;
      piece.remove_prefix(skipped);
      if (!head->failure.ok() || (!piece.empty() && !on_bytes(piece))) {
        return false;
      }
      if (progress != nullptr) {
        progress->bytes += piece.size();
      }
      return true;
    };
    return head;
  }
  static Result<void> refusal(int status, const std::string& body) {
    return refusal_of(status, body);
  }

  // One request and its answer, or the interruption. where: for messages.
  Result<net::ClientResponse> exchange(
      net::ClientRequest request, const std::string& where,
      std::optional<SteadyClock::time_point> until = std::nullopt) {
    if (!trace_) {
      return untraced(std::move(request), where, until);
    }
    const std::string method = request.method;
    const bool is_link = !request.headers.get("Authorization");
    const std::string target =
        is_link ? request.target.substr(0, request.target.find('?')) : request.target;
    const auto start = SteadyClock::now();
    auto answer = untraced(std::move(request), where, until);
    trace_(method, target, answer.ok() ? answer->status : 0,
           std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - start));
    return answer;
  }
  Result<net::ClientResponse> untraced(net::ClientRequest request, const std::string& where,
                                       std::optional<SteadyClock::time_point> until) {
    auto answer = std::make_shared<std::optional<Result<net::ClientResponse>>>();
    loop_.post([this, answer, request = std::move(request)]() mutable {
      if (!client_) {
        client_ = net::HttpClient::create(loop_, shared_->origin, shared_->tls);
      }
      client_->send(std::move(request), [this, answer](Result<net::ClientResponse> result) {
        MutexLock lock(shared_->mutex);
        answer->emplace(std::move(result));
        shared_->changed.notify_all();
      });
    });
    bool answered = false, is_late = false;
    {
      MutexLock lock(shared_->mutex);
      while (!shared_->interrupted && !answer->has_value() && !is_late) {
        if (until) {
          is_late = !shared_->changed.wait_until(lock, *until) && !answer->has_value();
        } else {
          shared_->changed.wait(lock);
        }
      }
      answered = answer->has_value();
    }
    if (!answered) {
      drop_client();
      return is_late ? Error{Errc::timed_out, "no end in time"} : interruption();
    }
    if (!answer->value().ok()) {
      return explain(answer->value().error(), where);
    }
    return std::move(answer->value()).value();
  }

  Result<Secret> take_token() {
    MutexLock lock(shared_->token_mutex);
    auto token = shared_->tokens->get(
        [this](const std::string& form) {
          return plain("/" + percent_encode(shared_->config.tenant) + "/oauth2/v2.0/token", form);
        },
        refused_);
    refused_ = Secret();
    return token;
  }
  void refuse(const Secret& token) { refused_ = token; }

  // Waits out "not now".
  Result<net::ClientResponse> patient(const net::ClientRequest& request) {
    for (int attempt = 1;; ++attempt) {
      RB_TRY_ASSIGN(net::ClientResponse answer, exchange(request, shared_->config.url));
      std::optional<seconds> wait = retry_after(answer.headers);
      if (answer.status == 429 && !wait) {
        wait = seconds(1);
      }
      bool later = answer.status == 429 || answer.status == 503;
      if (!later || !wait || *wait > kRetryAfterMax || attempt == kTriesMax) {
        return answer;
      }
      if (*wait > seconds(3) && !is_quiet_) {
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
      RB_TRY_ASSIGN(const Secret token, take_token());
      request.headers.set("Authorization", "Bearer " + std::string(token.reveal()));
      RB_TRY_ASSIGN(net::ClientResponse answer, patient(request));
      if (answer.status == 401 && !renewed) {
        refuse(token);
        continue;
      }
      if (answer.status / 100 != 2) {
        return refusal_of(answer.status, answer.body);
      }
      return std::move(answer.body);
    }
  }

  const std::shared_ptr<Shared> shared_;
  const bool is_quiet_;  // others' lines are on the screen
  Secret refused_;       // a token that the server did not take

  net::Loop loop_;
  std::unique_ptr<net::HttpClient> client_;  // loop thread only
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Api>> Api::create(const Config& config, std::unique_ptr<Tokens> tokens,
                                         bool watch_interrupts) {
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
  return std::unique_ptr<Api>(
      new NetApi(std::make_shared<Shared>(config, url.origin, std::move(tls), std::move(tokens)),
                 watch_interrupts, /*is_quiet=*/false));
}

}  // namespace reachback::cli
