#include "agent/session/block_upload.h"

#include <fmt/format.h>

#include "base/log.h"
#include "protocol/attachment.h"

namespace reachback::agent {
namespace {

// The store copies the blocks together before it answers a list of them: gigabytes take minutes.
constexpr Duration kListTimeout = std::chrono::minutes(15);

}  // namespace

std::string block_id(std::uint64_t index) {
  return to_base64(fmt::format("{:08}", index));
}

std::string block_list_xml(std::uint64_t blocks) {
  std::string out = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>";
  for (std::uint64_t i = 0; i < blocks; ++i) {
    out += "<Latest>" + block_id(i) + "</Latest>";
  }
  return out + "</BlockList>";
}

std::uint64_t blocks_standing(std::string_view answer) {
  std::uint64_t count = 0;
  // The store lists them in the order of their ids.
  for (std::size_t at = 0;; ++count) {
    const std::string block =
        fmt::format("<Name>{}</Name><Size>{}</Size>", block_id(count), kBlockBytes);
    at = answer.find(block, at);
    if (at == std::string_view::npos) {
      return count;
    }
    at += block.size();
  }
}

struct BlockUpload::State : std::enable_shared_from_this<BlockUpload::State> {
  State(net::Executor& l, net::HttpClient& c, Random& random)
      : loop(l), client(c), backoff(random) {}

  net::Executor& loop;
  net::HttpClient& client;
  Backoff backoff;
  std::shared_ptr<Fd> file;
  std::uint64_t bytes = 0;
  std::string content_type, disposition;
  std::string target;
  std::function<void(UploadResult, std::string)> done;
  std::unique_ptr<net::Timer> pause;
  std::uint64_t next_block = 0;
  bool asked = false;        // which blocks the store has
  bool began_again = false;  // the store had dropped the blocks

  std::uint64_t blocks() const {
    return bytes <= kBlockBytes ? 0 : (bytes + kBlockBytes - 1) / kBlockBytes;
  }

  // Kept with the blob and given to whoever downloads it.
  void add_reader_headers(net::ClientRequest& request) const {
    request.headers.add("x-ms-blob-content-type", content_type);
    request.headers.add("x-ms-blob-content-disposition", disposition);
  }

  // An answer, be it that this cannot be asked; the others are dealt with as for a block.
  static bool is_said(int status) {
    return status == 200 || status == 400 || status == 404 || status == 405;
  }

  // Which blocks are there already?
  void ask() {
    net::ClientRequest request;
    request.target = target + "&comp=blocklist&blocklisttype=uncommitted";
    request.headers.add("x-ms-version", "2019-07-07");
    client.send(
        std::move(request), [weak = weak_from_this()](const Result<net::ClientResponse>& answer) {
          auto self = weak.lock();
          if (!self || !self->done) {
            return;
          }
          if (answer.ok() && is_said(answer->status)) {
            self->asked = true;
            // Never past the last whole one: it may be shorter.
            self->next_block = std::min(answer->status == 200 ? blocks_standing(answer->body) : 0,
                                        self->bytes / kBlockBytes);
            self->send();
            return;
          }
          self->on_answer(answer);
        });
  }

  void send() {
    if (blocks() != 0 && !asked) {
      ask();
      return;
    }
    net::ClientRequest request;
    request.method = "PUT";
    request.headers.add("x-ms-version", "2019-07-07");
    if (blocks() == 0) {
      request.target = target;
      request.headers.add("x-ms-blob-type", "BlockBlob");
      add_reader_headers(request);
      request.headers.add("Content-Type", "application/octet-stream");
      request.file = net::FileBody{file, 0, bytes};
    } else if (next_block < blocks()) {
      const std::uint64_t offset = next_block * kBlockBytes;
      request.target = target + "&comp=block&blockid=" + percent_encode(block_id(next_block));
      request.headers.add("Content-Type", "application/octet-stream");
      request.file = net::FileBody{file, offset, std::min(kBlockBytes, bytes - offset)};
    } else {
      request.target = target + "&comp=blocklist";
      request.headers.add("Content-Type", "application/xml");
      add_reader_headers(request);
      request.body = block_list_xml(blocks());
      request.timeout = kListTimeout;
    }
    client.send(std::move(request),
                [weak = weak_from_this()](const Result<net::ClientResponse>& answer) {
                  if (auto self = weak.lock(); self && self->done) {
                    self->on_answer(answer);
                  }
                });
  }

  void finish(UploadResult result, std::string why) {
    // The last thing: `done` may destroy the owner.
    auto call = std::move(done);
    done = nullptr;
    call(result, std::move(why));
  }

  void try_later(const std::string& why, Duration at_least) {
    const Duration wait = backoff.next(at_least);
    log_warning("upload waits", {field("why", why), field("ms", wait.count() / 1000)});
    pause = loop.after(wait, [weak = weak_from_this()] {
      if (auto self = weak.lock(); self && self->done) {
        self->send();
      }
    });
  }

  void on_answer(const Result<net::ClientResponse>& answer) {
    if (!answer.ok()) {
      try_later(answer.error().message, Duration(0));
      return;
    }
    const int status = answer->status;
    const bool is_block = next_block < blocks();
    if (status == 201 || (!is_block && stands_already(*answer))) {
      // The server compares length and hash before it believes the report.
      backoff.reset();
      if (is_block) {
        ++next_block;
        send();
        return;
      }
      finish(UploadResult::stored, "");
      return;
    }
    const std::string why = fmt::format("the blob store answered {}", status);
    if (status == 401 || status == 403 || status == 404) {
      finish(UploadResult::expired, why);
    } else if (status == 409 || status == 429 || status == 408 || status >= 500) {
      // 409: mostly "BlobBeingWritten": the store still holds the connection that was cut.
      try_later(why, retry_after(answer->headers));
    } else if (status == 400 && !is_block && blocks() != 0 && !began_again) {
      began_again = true;  // Blocks that nobody lists are thrown away after a while.
      next_block = 0;
      send();
    } else {
      finish(UploadResult::refused, why);
    }
  }

  // Of all the conflicts there are, one says that the bytes are there.
  static bool stands_already(const net::ClientResponse& answer) {
    return answer.status == 412 ||
           (answer.status == 409 && answer.headers.get("x-ms-error-code") == "BlobAlreadyExists");
  }

  static Duration retry_after(const net::Headers& headers) {
    const auto text = headers.get("Retry-After");
    std::int64_t seconds = 0;
    for (char c : text.value_or("")) {
      if (c < '0' || c > '9' || seconds > 3600) {
        return Duration(0);
      }
      seconds = seconds * 10 + (c - '0');
    }
    return std::chrono::seconds(std::min<std::int64_t>(seconds, 300));
  }
};

BlockUpload::BlockUpload(net::Executor& loop, net::HttpClient& client, Random& random,
                         UploadSource source, std::string target,
                         std::function<void(UploadResult, std::string)> done)
    : state_(std::make_shared<State>(loop, client, random)) {
  state_->file = std::move(source.file);
  state_->bytes = source.bytes;
  state_->content_type = std::move(source.content_type);
  state_->disposition = protocol::attachment(source.file_name);
  state_->target = std::move(target);
  state_->done = std::move(done);
  state_->send();
}

BlockUpload::~BlockUpload() {
  state_->done = nullptr;
  state_->pause.reset();
}

}  // namespace reachback::agent
