// Sends webhooks' messages over HTTPS: to where the settings file says, never elsewhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "server/ports/hook_sender.h"
#include "server/wire/config.h"

namespace reachback::server {

// As HookSender. One connection for each hook, kept while it lasts. What a receiver answers after
// its status is not read further than 64 KiB; the whole takes 20 s at most. A host whose addresses
// are all of private networks is not called unless allow_private: whatever its name resolves to at
// that moment counts.
class HttpHookSender : public HookSender {
 public:
  // loop: outlives it. Errors: those of reading ca_file.
  static Result<std::unique_ptr<HttpHookSender>> create(net::Loop& loop,
                                                        const std::vector<WebhookTarget>& targets);
  // On the loop's thread: what is under way is dropped, its `done` is not called.
  ~HttpHookSender() override = default;
  void post(HookMessage message, Done<int> done) override;

 private:
  struct Target {
    std::string name;
    net::Url url;
    std::shared_ptr<net::TlsClientContext> tls;
    bool allow_private = false;
    // Of the loop's thread.
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<net::Timer> timer;
    int status = 0;  // of the answer that comes
    Done<int> done;
  };
  explicit HttpHookSender(net::Loop& loop) : loop_(loop) {}
  void send(Target& target, HookMessage message, Done<int> done);
  void finish(Target& target, Result<int> how);

  net::Loop& loop_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace reachback::server
