#include "agent/session/uploads.h"

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/log.h"

namespace reachback::agent {
namespace {

// The connection to the blob store is given up after this: an idle agent has one connection only.
constexpr Duration kIdle = std::chrono::seconds(10);

// The blob's name is the last segment of the link's path.
std::string blob_name_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  return std::string(target.substr(target.rfind('/') + 1));
}

bool is_blob_name(std::string_view name) {
  return name.size() == 32 && from_hex(name).has_value();
}

// What a script left is named as MDE's clients know it: output_{action}_{index}.json; a file of
// GetFile by its own name. That is never called anything but bytes: some readers unpack what says
// that it is a gzip stream.
UploadSource source_of(const pb::UploadRequest& request, Fd file) {
  UploadSource out;
  out.file = std::make_shared<Fd>(std::move(file));
  out.bytes = request.bytes();
  if (!request.file_name().empty()) {
    out.content_type = "application/octet-stream";
    out.file_name = request.file_name();
    return out;
  }
  const bool is_result = request.kind() == pb::RESULT;
  out.content_type = is_result ? "application/json" : "application/octet-stream";
  const char* ending = is_result ? "json" : request.kind() == pb::RAW_STDOUT ? "stdout" : "stderr";
  const auto action = ActionId::from_bytes(request.action());
  out.file_name =
      fmt::format("output_{}_{}.{}", action ? action->text() : "unknown", request.index(), ending);
  return out;
}

}  // namespace

Uploads::Uploads(net::Dialer& network, net::Origin server, Random& random, Supervisor& supervisor,
                 std::function<void(const pb::UploadRequest&)> ask, std::function<void()> on_idle)
    : network_(network),
      server_(std::move(server)),
      random_(random),
      supervisor_(supervisor),
      ask_(std::move(ask)),
      on_idle_(std::move(on_idle)),
      asking_(random),
      again_(random) {}

void Uploads::requested(const pb::UploadRequest& request) {
  if (items_.emplace(key_of(request), Item{request, ""}).second) {
    ask_(request);
  }
}

void Uploads::session_lost() {
  pauses_.clear();
  agains_.clear();
  std::erase_if(items_, [](const auto& item) { return item.second.url.empty(); });
}

void Uploads::granted(const pb::UploadGrant& grant) {
  const Key key = key_of(grant);
  auto item = items_.find(key);
  if (item == items_.end() || !item->second.url.empty()) {
    return;
  }
  if (!grant.error().empty()) {
    log_warning("upload refused", {field("why", grant.error())});
    items_.erase(item);
    return;
  }
  item->second.url = grant.url();
  queue_.push_back(key);
  start_next();
}

void Uploads::wanted_again(const pb::UploadAgain& message, std::function<void()> ask) {
  const std::pair key{message.action(), message.index()};
  if (agains_.contains(key)) {
    return;
  }
  const Duration wait = again_.next();
  log_warning("the server has not got a result",
              {field("index", message.index()), field("again_in_ms", wait.count() / 1000)});
  agains_[key] = network_.loop().after(wait, [this, key, ask = std::move(ask)] {
    const auto timer = agains_.extract(key);
    ask();
  });
}

void Uploads::expect_upload() {
  if (client_) {
    return;
  }
  net::ClientRequest request;
  request.method = "HEAD";
  client().send(std::move(request), [](const Result<net::ClientResponse>&) {
    // The answer says nothing: the handshake is over, which is what this is for.
  });
  idle_ = network_.loop().after(kIdle, [this] { go_idle(); });
}

void Uploads::go_idle() {
  client_.reset();
  on_idle_();
}

net::HttpClient& Uploads::client() {
  if (!client_) {
    client_ = network_.http(server_);
  }
  return *client_;
}

void Uploads::start_next() {
  while (!upload_ && !queue_.empty()) {
    const Item& item = items_.at(queue_.front());
    auto url = net::parse_url(item.url);
    auto file = supervisor_.open_spool(item.request);
    const bool good = url.ok() && is_blob_name(blob_name_of(url->target));
    if (!good || !file.ok()) {
      log_warning("upload dropped",
                  {field("why", good ? file.error().message : "not a write link")});
      items_.erase(queue_.front());
      queue_.pop_front();
      continue;
    }
    RB_FAILPOINT("agent.upload.before");
    idle_.reset();
    blob_name_ = blob_name_of(url->target);
    upload_ = std::make_unique<BlockUpload>(
        network_.loop(), client(), random_, source_of(item.request, std::move(*file)), url->target,
        [this](UploadResult result, const std::string& why) { on_done(result, why); });
  }
  if (!upload_ && client_) {
    idle_ = network_.loop().after(kIdle, [this] { go_idle(); });
  }
}

void Uploads::on_done(UploadResult result, const std::string& why) {
  const Key key = queue_.front();
  queue_.pop_front();
  upload_.reset();
  Item& item = items_.at(key);
  if (result == UploadResult::expired) {
    log_warning("upload link expired", {field("why", why)});
    item.url.clear();
    // Not at once: a server that keeps handing out bad links is not to be asked in a loop.
    pauses_[key] = network_.loop().after(asking_.next(), [this, key] {
      pauses_.erase(key);
      if (auto again = items_.find(key); again != items_.end() && again->second.url.empty()) {
        ask_(pb::UploadRequest(again->second.request));
      }
    });
  } else {
    const pb::UploadRequest request = std::move(item.request);
    items_.erase(key);
    if (result == UploadResult::stored) {
      RB_FAILPOINT("agent.upload.after");
      asking_.reset();
      supervisor_.uploaded(request, blob_name_);
    } else {
      log_warning("upload refused", {field("why", why)});
    }
  }
  start_next();
}

}  // namespace reachback::agent
