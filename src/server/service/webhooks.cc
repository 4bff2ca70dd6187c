#include "server/service/webhooks.h"

#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "crypto/digest.h"

namespace reachback::server {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<Duration, 10> kPauses = {seconds(5),  seconds(30), minutes(2), minutes(10),
                                              minutes(30), hours(1),    hours(2),   hours(4),
                                              hours(8),    hours(8)};

// Of what a receiver or a resolver says, so much is kept.
constexpr std::size_t kErrorBytesMax = 500;

Error no_such_webhook(const std::string& hook) {
  return Error{Errc::not_found, "the settings file names no webhook '" + hook + "'"};
}

std::string why_refused(int status) {
  const std::string text = "answered " + std::to_string(status);
  return status >= 300 && status < 400 ? text + ": redirects are not followed" : text;
}

std::string message_of(const WebhookDelivery& d, std::string_view data) {
  // Types and times need no escapes.
  return R"({"type":")" + d.type + R"(","timestamp":")" + format_time(d.happened) + R"(","data":)" +
         std::string(data) + "}";
}

}  // namespace

std::optional<Duration> webhook_pause(std::uint32_t failed) {
  return failed >= 1 && failed <= kPauses.size() ? std::optional(kPauses[failed - 1])
                                                 : std::nullopt;
}

std::string webhook_signature(std::string_view secret, std::string_view id,
                              std::int64_t timestamp_s, std::string_view body) {
  std::string text(id);
  text.append(".").append(std::to_string(timestamp_s)).append(".").append(body);
  return "v1," + to_base64(as_bytes(crypto::hmac_sha256(secret, text)));
}

std::shared_ptr<Webhooks> Webhooks::create(Deps deps, const TenantId& tenant,
                                           std::vector<WebhookConfig> hooks) {
  return std::shared_ptr<Webhooks>(new Webhooks(std::move(deps), tenant, std::move(hooks)));
}

Webhooks::Webhooks(Deps deps, const TenantId& tenant, std::vector<WebhookConfig> hooks)
    : deps_(std::move(deps)), tenant_(tenant), configs_(std::move(hooks)) {
  MutexLock lock(mutex_);
  turns_.resize(configs_.size());
}

void Webhooks::set_hooks(Done<void> done) {
  std::vector<std::string> names;
  names.reserve(configs_.size());
  for (const WebhookConfig& config : configs_) {
    names.push_back(config.name);
  }
  deps_.store.set_hooks(tenant_, std::move(names), std::move(done));
}

void Webhooks::start() {
  if (!configs_.empty()) {
    tick();
  }
}

void Webhooks::tick() {
  hint();
  after(kTick, [self = shared_from_this()] { self->tick(); });
}

void Webhooks::hint() {
  for (std::size_t i = 0; i < configs_.size(); ++i) {
    wake(i);
  }
}

void Webhooks::stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
}

void Webhooks::after(Duration delay, std::function<void()> work) {
  deps_.scheduler.after(delay, [self = shared_from_this(), work = std::move(work)] {
    {
      MutexLock lock(self->mutex_);
      if (self->stopped_) {
        return;
      }
    }
    work();
  });
}

void Webhooks::wake(std::size_t hook) {
  {
    MutexLock lock(mutex_);
    if (stopped_ || turns_[hook].busy) {
      turns_[hook].again = true;
      return;
    }
    turns_[hook].busy = true;
  }
  later([self = shared_from_this(), hook] { self->look(hook); });
}

void Webhooks::look(std::size_t hook) {
  const WebhookConfig& config = configs_[hook];
  deps_.store.collect(tenant_, config.name, config.events, kRecordsATime, deps_.clock.now(),
                      [self = shared_from_this(), hook](const Result<bool>& more) {
                        if (!more) {
                          log_warning("webhook: the audit was not looked at",
                                      {field("hook", self->configs_[hook].name),
                                       field("error", more.error().message)});
                        }
                        self->later([self, hook, more = more && *more] {
                          more ? self->look(hook) : self->next(hook);
                        });
                      });
}

void Webhooks::next(std::size_t hook) {
  deps_.store.due(
      tenant_, configs_[hook].name, deps_.clock.now(),
      [self = shared_from_this(), hook](const Result<std::optional<WebhookDelivery>>& due) {
        if (!due || !*due) {
          self->rest(hook);
          return;
        }
        const WebhookDelivery delivery = **due;
        if (delivery.type == kWebhookTest) {
          self->send(hook, delivery, std::string("{}"));
          return;
        }
        self->deps_.describe(delivery.type, delivery.object,
                             [self, hook, delivery](Result<std::string> data) {
                               self->send(hook, delivery, std::move(data));
                             });
      });
}

void Webhooks::send(std::size_t hook, const WebhookDelivery& delivery, Result<std::string> data) {
  later([self = shared_from_this(), hook, delivery, data = std::move(data)] {
    if (!data) {
      self->note(hook, delivery, data.error());
      return;
    }
    const WebhookConfig& config = self->configs_[hook];
    HookMessage message;
    message.hook = config.name;
    message.body = message_of(delivery, *data);
    const std::int64_t at =
        std::chrono::floor<seconds>(self->deps_.clock.now().time_since_epoch()).count();
    message.headers = {{"Content-Type", "application/json"},
                       {"webhook-id", delivery.event},
                       {"webhook-timestamp", std::to_string(at)},
                       {"webhook-signature", webhook_signature(config.secret.reveal(),
                                                               delivery.event, at, message.body)}};
    self->deps_.sender.post(std::move(message), [self, hook, delivery](const Result<int>& answer) {
      self->note(hook, delivery, answer);
    });
  });
}

void Webhooks::note(std::size_t hook, WebhookDelivery delivery, const Result<int>& answer) {
  const Timestamp now = deps_.clock.now();
  ++delivery.attempts;
  delivery.tried = now;
  delivery.status = answer ? std::optional(*answer) : std::nullopt;
  if (answer && *answer >= 200 && *answer < 300) {
    delivery.state = DeliveryState::delivered;
    delivery.error.clear();
  } else {
    delivery.error = to_valid_utf8(answer ? why_refused(*answer)
                                          : answer.error().message.substr(0, kErrorBytesMax));
    const bool hopeless =
        delivery.type == kWebhookTest || (!answer && answer.error().code == Errc::not_found);
    const auto pause = hopeless ? std::nullopt : webhook_pause(delivery.attempts);
    if (pause) {
      const auto fifth = pause->count() / 5;
      std::array<std::uint8_t, 3> dice{};
      deps_.random.fill(dice.data(), dice.size());
      const auto roll = dice[0] | dice[1] << 8 | dice[2] << 16;
      const Duration::rep chance = 2 * fifth * roll / (1 << 24);
      delivery.next = now + *pause + Duration(chance - fifth);
    } else {
      delivery.state = DeliveryState::given_up;
      log_warning(
          "webhook: a delivery is given up",
          {field("hook", delivery.hook), field("event", delivery.event),
           field("attempts", std::to_string(delivery.attempts)), field("error", delivery.error)});
    }
  }
  deps_.store.tried(tenant_, delivery, [self = shared_from_this(), hook](const Result<void>& kept) {
    if (!kept) {
      // What is due is still due: after the next tick, not at once.
      log_warning("webhook: an attempt was not recorded",
                  {field("hook", self->configs_[hook].name), field("error", kept.error().message)});
      self->rest(hook);
      return;
    }
    self->later([self, hook] { self->next(hook); });
  });
}

void Webhooks::rest(std::size_t hook) {
  {
    MutexLock lock(mutex_);
    turns_[hook].busy = false;
    if (!std::exchange(turns_[hook].again, false)) {
      return;
    }
  }
  wake(hook);
}

const WebhookConfig* Webhooks::find(const std::string& hook) const {
  for (const WebhookConfig& config : configs_) {
    if (config.name == hook) {
      return &config;
    }
  }
  return nullptr;
}

void Webhooks::list(Done<std::vector<WebhookStatus>> done) {
  deps_.store.counts(tenant_, [self = shared_from_this(), done = std::move(done)](
                                  const Result<std::vector<WebhookCounts>>& counts) {
    if (!counts) {
      done(counts.error());
      return;
    }
    std::vector<WebhookStatus> out;
    for (const WebhookConfig& config : self->configs_) {
      WebhookStatus status{config.name, config.url, config.events, {}};
      for (const WebhookCounts& of : *counts) {
        if (of.hook == config.name) {
          status.counts = of;
        }
      }
      out.push_back(std::move(status));
    }
    done(std::move(out));
  });
}

void Webhooks::deliveries(const std::string& hook, std::uint64_t before, std::size_t most,
                          Done<std::vector<WebhookDelivery>> done) {
  if (find(hook) == nullptr) {
    done(no_such_webhook(hook));
    return;
  }
  deps_.store.deliveries(tenant_, hook, before, most, std::move(done));
}

void Webhooks::test(const std::string& hook, ChangedBy by, Done<WebhookDelivery> done) {
  if (find(hook) == nullptr) {
    done(no_such_webhook(hook));
    return;
  }
  WebhookDelivery delivery;
  delivery.hook = hook;
  delivery.event = "evt_" + to_hex(deps_.random.bytes(16));
  delivery.type = kWebhookTest;
  delivery.object = by.principal;
  delivery.happened = delivery.next = deps_.clock.now();
  deps_.store.add(
      tenant_, std::move(delivery), std::move(by),
      [self = shared_from_this(), done = std::move(done)](Result<WebhookDelivery> added) {
        done(std::move(added));
        self->hint();
      });
}

}  // namespace reachback::server
