// One upload of one file to one write link, as a block blob: up to 4 MiB in one request, more in
// blocks of 4 MiB and a list of them. Goes on from the last block after a cut, and after whatever
// blocks the store already has: of an earlier link, or of an earlier life of the agent. Constant
// memory. Loop thread only. Source: Azure Blob Storage REST, Put Blob, Put Block, Put Block List,
// Get Block List.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/session/backoff.h"
#include "net/http_client.h"

namespace reachback::agent {

inline constexpr std::uint64_t kBlockBytes = 4 << 20;

// "MDAwMDAwMDE=" for 1: every id of a blob has one length, as Azure wants.
std::string block_id(std::uint64_t index);
std::string block_list_xml(std::uint64_t blocks);
// How many whole blocks, from the first on and without a gap, stand in the store's answer to Get
// Block List.
std::uint64_t blocks_standing(std::string_view answer);

enum class UploadResult {
  stored,   // durable in the blob store
  expired,  // the link is no longer good: ask for another
  refused,  // trying again does not help
};

// What is uploaded, and what its readers are told with it.
struct UploadSource {
  std::shared_ptr<Fd> file;
  std::uint64_t bytes = 0;
  std::string content_type;
  std::string file_name;
};

class BlockUpload {
 public:
  // client must live as long as this; `done` once, later, unless this is destroyed before.
  BlockUpload(net::Executor& loop, net::HttpClient& client, Random& random, UploadSource source,
              std::string target, std::function<void(UploadResult, std::string why)> done);
  ~BlockUpload();
  BlockUpload(const BlockUpload&) = delete;
  BlockUpload& operator=(const BlockUpload&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace reachback::agent
