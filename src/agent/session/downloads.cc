#include "agent/session/downloads.h"

#include "agent/ports/memory_file.h"
#include "base/log.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {
constexpr int kTries = 4;
constexpr std::size_t kFetchesMax = 4;
}  // namespace

struct Downloads::Fetch : std::enable_shared_from_this<Downloads::Fetch> {
  Fetch(Downloads& o, pb::ToAgent m) : owner(o), message(std::move(m)), backoff(o.random_) {}

  Downloads& owner;
  pb::ToAgent message;
  std::vector<std::uint64_t> bytes_max;  // as the order says; checked against its signature later
  std::vector<Fd> files;
  int at = -1;
  int tries = 0;
  Backoff backoff;
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<net::Timer> pause;
  Fd file;
  std::uint64_t got = 0;
  bool dropped = false;

  void next() {
    const auto& all = message.execute_order().files();
    tries = 0;
    backoff.reset();
    for (++at; at < all.size() && all[at].url().empty(); ++at) {
    }
    if (at >= all.size() || static_cast<std::size_t>(at) >= files.size()) {
      // From the loop: this object goes with its entry.
      owner.network_.loop().post([self = shared_from_this()] {
        if (!self->dropped) {
          auto& fetches = self->owner.fetches_;
          fetches.erase(self->message.execute_order().order().order());
          self->owner.done_(std::move(self->message), std::move(self->files));
        }
      });
      return;
    }
    begin();
  }

  void begin() {
    auto url = net::parse_url(message.execute_order().files(at).url());
    auto made = make_memory_file();
    if (!url.ok() || !made.ok()) {
      give_up(url.ok() ? made.error().message : url.error().message);
      return;
    }
    file = std::move(*made);
    got = 0;
    client = owner.network_.http(owner.server_);
    net::ClientRequest request;
    request.target = url->target;
    auto is_good = std::make_shared<bool>(false);
    request.on_head = [is_good](int status, const net::Headers&) { *is_good = status == 200; };
    request.on_body = [weak = weak_from_this(), is_good](std::string_view piece) {
      auto self = weak.lock();
      return self && !self->dropped && (!*is_good || self->store(piece));
    };
    client->send(std::move(request),
                 [weak = weak_from_this(), is_good](const Result<net::ClientResponse>& answer) {
                   auto self = weak.lock();
                   if (!self || self->dropped) {
                     return;
                   }
                   if (answer.ok() && *is_good) {
                     self->files[static_cast<std::size_t>(self->at)] = std::move(self->file);
                     self->next();
                     return;
                   }
                   self->failed(answer.ok() ? "status " + std::to_string(answer->status)
                                            : answer.error().message);
                 });
  }

  bool store(std::string_view piece) {
    got += piece.size();
    return got <= bytes_max[static_cast<std::size_t>(at)] && write_all(file.get(), piece).ok();
  }

  void failed(const std::string& why) {
    if (++tries >= kTries || got > bytes_max[static_cast<std::size_t>(at)]) {
      give_up(why);
      return;
    }
    pause = owner.network_.loop().after(backoff.next(), [weak = weak_from_this()] {
      if (auto self = weak.lock(); self && !self->dropped) {
        self->begin();
      }
    });
  }

  void give_up(const std::string& why) {
    log_warning("a script could not be fetched", {field("why", why)});
    next();
  }
};

Downloads::Downloads(net::Dialer& network, net::Origin server, Random& random, Done done)
    : network_(network), server_(std::move(server)), random_(random), done_(std::move(done)) {}

Downloads::~Downloads() {
  for (auto& [order, fetch] : fetches_) {
    fetch->dropped = true;
  }
}

bool Downloads::needed(const pb::ExecuteOrder& order) {
  for (const auto& file : order.files()) {
    if (!file.url().empty()) {
      return true;
    }
  }
  return false;
}

void Downloads::fetch(const pb::ToAgent& order) {
  const std::string& key = order.execute_order().order().order();
  auto decoded = protocol::decode_order(key);
  if (!decoded.ok() || fetches_.contains(key) || fetches_.size() >= kFetchesMax) {
    return;
  }
  auto fetch = std::make_shared<Fetch>(*this, order);
  for (const auto& command : decoded->commands()) {
    fetch->bytes_max.push_back(std::min(command.file_bytes(), kScriptBytesMax));
  }
  fetch->files.resize(fetch->bytes_max.size());
  fetches_[key] = fetch;
  fetch->next();
}

}  // namespace reachback::agent
