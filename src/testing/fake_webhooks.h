// WebhookStore in memory, and a sender that sends nothing. Any thread; `done` inline.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "server/ports/hook_sender.h"
#include "server/ports/webhook_store.h"

namespace reachback::testing {

// What the audit would hold is put into `events` by the test.
class FakeWebhookStore : public server::WebhookStore {
 public:
  using Delivery = server::WebhookDelivery;
  void set_hooks(TenantId, std::vector<std::string> hooks, Done<void> done) override {
    std::erase_if(kept, [&hooks](const Delivery& d) {
      return std::find(hooks.begin(), hooks.end(), d.hook) == hooks.end();
    });
    for (const std::string& hook : hooks) {
      looked_at.emplace(hook, events.size());
    }
    done({});
  }
  void collect(TenantId, std::string hook, std::vector<std::string> types, std::size_t most,
               Timestamp now, Done<bool> done) override {
    std::size_t& at = looked_at[hook];
    const std::size_t end = std::min(events.size(), at + most);
    for (; at < end; ++at) {
      if (std::find(types.begin(), types.end(), events[at].type) != types.end()) {
        Delivery d = events[at];
        d.hook = hook;
        d.next = now;
        keep(d);
      }
    }
    done(at < events.size());
  }
  void add(TenantId, Delivery delivery, server::ChangedBy, Done<Delivery> done) override {
    done(keep(std::move(delivery)));
  }
  void due(TenantId, std::string hook, Timestamp now, Done<std::optional<Delivery>> done) override {
    const Delivery* first = nullptr;
    for (const Delivery& d : kept) {
      if (d.hook == hook && d.state == server::DeliveryState::waiting && d.next <= now &&
          (first == nullptr || d.next < first->next)) {
        first = &d;
      }
    }
    done(first != nullptr ? std::optional(*first) : std::nullopt);
  }
  void tried(TenantId, Delivery delivery, Done<void> done) override {
    for (Delivery& d : kept) {
      if (d.id == delivery.id) {
        d = std::move(delivery);
        done({});
        return;
      }
    }
    done(Error{Errc::not_found, "no such delivery"});
  }
  void deliveries(TenantId, std::string hook, std::uint64_t before, std::size_t most,
                  Done<std::vector<Delivery>> done) override {
    std::vector<Delivery> out;
    for (auto d = kept.rbegin(); d != kept.rend() && out.size() < most; ++d) {
      if (d->hook == hook && d->id < before) {
        out.push_back(*d);
      }
    }
    done(std::move(out));
  }
  void counts(TenantId, Done<std::vector<server::WebhookCounts>> done) override {
    std::vector<server::WebhookCounts> out;
    for (const auto& [hook, at] : looked_at) {
      server::WebhookCounts c;
      c.hook = hook;
      for (const Delivery& d : kept) {
        if (d.hook == hook) {
          c.waiting += d.state == server::DeliveryState::waiting ? 1 : 0;
          if (d.tried && (!c.last || *d.tried >= *c.last->tried)) {
            c.last = d;
          }
        }
      }
      out.push_back(std::move(c));
    }
    done(std::move(out));
  }

  std::vector<Delivery> events;  // type, event, object, happened
  std::vector<Delivery> kept;
  std::map<std::string, std::size_t> looked_at;

 private:
  Delivery keep(Delivery d) {
    d.id = ++last_id_;
    kept.push_back(d);
    return d;
  }
  std::uint64_t last_id_ = 0;
};

// Keeps what it is to send; the test answers.
class FakeHookSender : public server::HookSender {
 public:
  void post(server::HookMessage message, Done<int> done) override {
    sent.emplace_back(std::move(message), std::move(done));
  }
  // Of the newest message.
  void answer(const Result<int>& status) {
    Done<int> done = std::move(sent.back().second);
    done(status);
  }
  std::vector<std::pair<server::HookMessage, Done<int>>> sent;
};

}  // namespace reachback::testing
