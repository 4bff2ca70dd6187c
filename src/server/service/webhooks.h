// Webhooks: tells the addresses that the settings file names what has happened, each event until it
// was taken or too many attempts failed. An event is in the audit in the same transaction as the
// change that it tells of, so none is lost; one may come twice (a server that dies between the
// answer and its record sends again), with the same id. Thread-safe.
//
// The message and its signature are those of the Standard Webhooks specification 1.0:
// webhook-id, webhook-timestamp, webhook-signature: "v1," + base64(HMAC-SHA-256(secret,
// "<id>.<timestamp>.<body>")).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/secret.h"
#include "server/ports/hook_sender.h"
#include "server/ports/scheduler.h"
#include "server/ports/webhook_store.h"

namespace reachback::server {

struct WebhookConfig {
  std::string name;
  std::string url;                  // to be shown
  std::vector<std::string> events;  // types
  Secret secret;                    // bytes
};

struct WebhookStatus {
  std::string name, url;
  std::vector<std::string> events;
  WebhookCounts counts;
};

// How long after the `failed`-th failed attempt the next one is made, before chance moves it by a
// fifth at most; nullopt: no more. Eleven attempts in about a day. Source: ours, after the Standard
// Webhooks' advice.
std::optional<Duration> webhook_pause(std::uint32_t failed);
// "v1,<base64>".
std::string webhook_signature(std::string_view secret, std::string_view id,
                              std::int64_t timestamp_s, std::string_view body);

class Webhooks : public std::enable_shared_from_this<Webhooks> {
 public:
  // How often the audit is looked at, though nobody said that something has happened.
  static constexpr Duration kTick = std::chrono::seconds(1);
  static constexpr std::size_t kRecordsATime = 500;

  struct Deps {
    WebhookStore& store;
    HookSender& sender;
    Scheduler& scheduler;
    const Clock& clock;
    Random& random;
    // The event's "data" as JSON: the entity, as the API shows it now. Errors: not_found (nobody
    // can be told any more: the delivery is given up), others: later.
    std::function<void(const std::string& type, const std::string& object, Done<std::string>)>
        describe;
  };

  static std::shared_ptr<Webhooks> create(Deps deps, const TenantId& tenant,
                                          std::vector<WebhookConfig> hooks);
  // Before start(): which hooks there are.
  void set_hooks(Done<void> done);
  void start();
  // Something has happened: look now.
  void hint();
  // Nothing is sent or looked at any more. What is under way is sent again after the next start.
  void stop();

  void list(Done<std::vector<WebhookStatus>> done);
  // Errors of both: not_found (no such hook).
  void deliveries(const std::string& hook, std::uint64_t before, std::size_t most,
                  Done<std::vector<WebhookDelivery>> done);
  // An event of type webhook.test, attempted once. Its delivery says how it went.
  void test(const std::string& hook, ChangedBy by, Done<WebhookDelivery> done);

 private:
  struct Turn {
    bool busy = false;
    bool again = false;  // hinted meanwhile
  };

  Webhooks(Deps deps, const TenantId& tenant, std::vector<WebhookConfig> hooks);
  void tick();
  void wake(std::size_t hook);
  // One after the other, for one hook; each goes on in a turn of its own.
  void look(std::size_t hook);
  void next(std::size_t hook);
  void send(std::size_t hook, const WebhookDelivery& delivery, Result<std::string> data);
  void note(std::size_t hook, WebhookDelivery delivery, const Result<int>& answer);
  void rest(std::size_t hook);
  // Unless it was stopped by then.
  void after(Duration delay, std::function<void()> work);
  void later(std::function<void()> work) { after(Duration::zero(), std::move(work)); }
  const WebhookConfig* find(const std::string& hook) const;

  const Deps deps_;
  const TenantId tenant_;
  Mutex mutex_;
  bool stopped_ RB_GUARDED_BY(mutex_) = false;
  std::vector<Turn> turns_ RB_GUARDED_BY(mutex_);  // of each of configs_
  const std::vector<WebhookConfig> configs_;
};

}  // namespace reachback::server
