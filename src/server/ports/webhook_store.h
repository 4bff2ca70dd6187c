// What webhooks keep: how far each has looked at the audit, and its deliveries. The audit is where
// events come from, so that a change and its event are stored together or not at all.
// Threads and durability as in action_store.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "server/ports/audit_entry.h"

namespace reachback::server {

inline constexpr std::string_view kActionCompleted = "action.completed";
inline constexpr std::string_view kMachineOnline = "machine.online";
inline constexpr std::string_view kWebhookTest = "webhook.test";

// The audit's kind of "a machine has come online", written when it connects for the first time, or
// was last seen so long ago. Longer than last_seen may lag behind (a quarter of an hour), so that a
// server that was killed makes no machine come online. Source: ours.
inline constexpr std::string_view kOnlineRecord = "machine_online";
inline constexpr Duration kAwayBeforeOnline = std::chrono::minutes(20);

// Numbers are stored.
enum class DeliveryState : std::uint8_t { waiting = 0, delivered = 1, given_up = 2 };

struct WebhookDelivery {
  std::uint64_t id = 0;  // grows
  std::string hook;
  std::string event;   // its id: the same for every attempt, and for every hook
  std::string type;    // kActionCompleted ...
  std::string object;  // the action's or the machine's id; of a test: who asked for it
  Timestamp happened{};
  std::uint32_t attempts = 0;
  DeliveryState state = DeliveryState::waiting;
  Timestamp next{};                  // waiting: not before
  std::optional<Timestamp> tried{};  // the last attempt
  std::optional<int> status{};       // that it was answered with
  std::string error{};               // why it was no success
  friend bool operator==(const WebhookDelivery&, const WebhookDelivery&) = default;
};

struct WebhookCounts {
  std::string hook;
  std::uint64_t waiting = 0;
  std::optional<WebhookDelivery> last{};  // the one that was tried last
};

class WebhookStore {
 public:
  virtual ~WebhookStore() = default;
  // These are all the hooks of the tenant. A new one begins at the audit's end; what is kept of
  // others is forgotten.
  virtual void set_hooks(TenantId tenant, std::vector<std::string> hooks, Done<void> done) = 0;
  // Looks at the audit's next records, `most` at most, and keeps a delivery of each event of
  // `types`. True: there are more records. Errors: not_found (no such hook).
  virtual void collect(TenantId tenant, std::string hook, std::vector<std::string> types,
                       std::size_t most, Timestamp now, Done<bool> done) = 0;
  virtual void add(TenantId tenant, WebhookDelivery delivery, ChangedBy by,
                   Done<WebhookDelivery> done) = 0;
  // The one that waits and is due first; nullopt: none.
  virtual void due(TenantId tenant, std::string hook, Timestamp now,
                   Done<std::optional<WebhookDelivery>> done) = 0;
  // After an attempt: attempts, state, next, tried, status, error. Of those that are over, the
  // newest kDeliveriesKept of a hook stay. Errors: not_found.
  virtual void tried(TenantId tenant, WebhookDelivery delivery, Done<void> done) = 0;
  // The newest first, those before an id. Of one hook.
  virtual void deliveries(TenantId tenant, std::string hook, std::uint64_t before, std::size_t most,
                          Done<std::vector<WebhookDelivery>> done) = 0;
  virtual void counts(TenantId tenant, Done<std::vector<WebhookCounts>> done) = 0;
};

inline constexpr std::size_t kDeliveriesKept = 1000;  // Source: ours

}  // namespace reachback::server
