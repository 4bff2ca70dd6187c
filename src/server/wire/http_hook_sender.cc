#include "server/wire/http_hook_sender.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/ip.h"

namespace reachback::server {
namespace {

constexpr std::string_view kSystemCas = "/etc/ssl/certs/ca-certificates.crt";
constexpr Duration kWholeTime = std::chrono::seconds(20);
constexpr Duration kSilentTime = std::chrono::seconds(15);
constexpr std::size_t kAnswerBytesMax = 64 << 10;

}  // namespace

Result<std::unique_ptr<HttpHookSender>> HttpHookSender::create(
    net::Loop& loop, const std::vector<WebhookTarget>& targets) {
  std::unique_ptr<HttpHookSender> out(new HttpHookSender(loop));
  for (const WebhookTarget& target : targets) {
    auto t = std::make_unique<Target>();
    t->name = target.name;
    t->allow_private = target.allow_private;
    RB_TRY_ASSIGN(t->url, net::parse_url(target.url));
    auto ca = read_file(target.ca_file.empty() ? std::string(kSystemCas) : target.ca_file);
    if (!ca) {
      return ca.error().in("webhooks.ca_file");
    }
    RB_TRY_ASSIGN(t->tls, net::TlsClientContext::create(*ca, net::TlsVersions::tls12_and_13));
    out->targets_.push_back(std::move(t));
  }
  return out;
}

void HttpHookSender::post(HookMessage message, Done<int> done) {
  for (const auto& target : targets_) {
    if (target->name == message.hook) {
      loop_.post([this, alive = std::weak_ptr<int>(alive_), t = target.get(),
                  message = std::move(message), done = std::move(done)]() mutable {
        if (!alive.expired()) {
          send(*t, std::move(message), std::move(done));
        }
      });
      return;
    }
  }
  done(Error{Errc::not_found, "there is no webhook '" + message.hook + "'"});
}

void HttpHookSender::send(Target& target, HookMessage message, Done<int> done) {
  if (target.done) {
    done(Error{Errc::unavailable, "a message to '" + target.name + "' is under way"});
    return;
  }
  target.done = std::move(done);
  target.status = 0;
  if (!target.client) {
    target.client = net::HttpClient::create(
        loop_, target.url.origin, target.tls,
        target.allow_private ? net::AddressRule() : net::AddressRule(is_public_ip));
  }
  target.timer = loop_.after(kWholeTime, [this, &target] {
    target.client.reset();
    finish(target, Error{Errc::timed_out, "no whole answer in 20 s"});
  });
  net::ClientRequest request;
  request.method = "POST";
  request.target = target.url.target;
  request.headers.add("User-Agent", "Reachback");
  for (auto& [name, value] : message.headers) {
    request.headers.add(name, value);
  }
  request.body = std::move(message.body);
  request.timeout = kSilentTime;
  request.on_head = [&target](int status, const net::Headers&) { target.status = status; };
  request.on_body = [left = kAnswerBytesMax](std::string_view piece) mutable {
    left -= std::min(left, piece.size());
    return left > 0;
  };
  target.client->send(std::move(request), [this, &target](const Result<net::ClientResponse>& r) {
    // The status is the answer, whatever became of what follows it.
    const bool answered = r.ok() || target.status >= 200;
    finish(target, answered ? Result<int>(r ? r->status : target.status) : r.error());
  });
}

void HttpHookSender::finish(Target& target, Result<int> how) {
  target.timer.reset();
  if (Done<int> done = std::exchange(target.done, {})) {
    done(std::move(how));
  }
}

}  // namespace reachback::server
