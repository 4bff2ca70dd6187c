// A link to one command's result. Source: MDE "Get live response results".
#include "base/log.h"
#include "server/service/live_response_service.h"

namespace reachback::server {
namespace {

// Why there is nothing to link to. All are not_found, so that a client may ask again (mde-spec.md
// §13.1).
Error no_result(const action::Action& a, std::uint32_t index) {
  if (index >= a.commands.size()) {
    return command_not_found(a.id, index);
  }
  const std::string where = command_of(a.id, index);
  const action::Command& c = a.commands[index];
  if (c.type == action::CommandType::put_file) {
    return Error{Errc::not_found, where + " is a PutFile, which has no result"};
  }
  if (!action::is_final(a.status)) {
    return Error{Errc::not_found, where + " has not finished yet, try again later"};
  }
  // The action can be over before its machine has told of a script that it ended: a cancel, a
  // deadline.
  if (c.started && c.receipt.empty() && !c.exit_code) {
    return Error{Errc::not_found,
                 where + " has no result yet: its machine has not reported how it ended"};
  }
  return Error{Errc::not_found, where + " has no result"};
}

}  // namespace

void LiveResponseService::mint_link(const Principal& by, ActionId id, std::uint32_t index,
                                    std::string peer_ip, Done<ResultLink> done) {
  find_action(
      by, id, [this, by, id, index, peer_ip = std::move(peer_ip), done](Result<action::Action> a) {
        if (!a) {
          done(a.error());
          return;
        }
        if (index >= a->commands.size() || !a->commands[index].result) {
          done(no_result(*a, index));
          return;
        }
        const action::StoredBlob& blob = *a->commands[index].result;
        // Never a link to nothing: the blob is looked at, its length and digest compared.
        deps_.blobs.stat(
            by.tenant, blob.name,
            [this, by, id, index, peer_ip, blob, done](Result<BlobInfo> info) {
              if (!info || info->bytes != blob.bytes || info->sha256 != blob.sha256) {
                // Results are not removed yet, so one that is missing is lost: somebody must look.
                if (info || info.error().code != Errc::unavailable) {
                  log_error("result is missing or damaged",
                            {field("alarm", "result_missing"), field("action", id.text()),
                             field("index", index), field("blob", blob.name),
                             field("why", info ? "other bytes" : info.error().message)});
                }
                done(Error{Errc::unavailable, "The result of command " + std::to_string(index) +
                                                  " is not readable now"});
                return;
              }
              // The record shows the same clock as the link, so that its life can be seen.
              Timestamp now = deps_.link_clock.now();
              ResultLink link;
              link.expires = std::chrono::floor<std::chrono::seconds>(now + limits_.link_lifetime);
              auto url =
                  deps_.blobs.read_link(by.tenant, blob.name, link.expires, LinkHost::public_url);
              if (!url) {
                done(url.error());
                return;
              }
              link.url = std::move(*url);
              AccessRecord record;
              record.at = now;
              record.tenant = by.tenant;
              record.kind = "mint";
              record.principal = by.requestor;
              record.token_id = by.token_id;
              // The blob's name is what the record of a download names, too.
              record.object = id.text() + "/" + std::to_string(index) + " " + blob.name;
              record.result = "200";
              record.peer_ip = peer_ip;
              record.request = by.origin.request;
              deps_.audit.append(
                  std::move(record), [link = std::move(link), done](const Result<void>& written) {
                    if (!written) {
                      done(Error{Errc::unavailable,
                                 "The audit log cannot be written: no link is given out"});
                      return;
                    }
                    done(link);
                  });
            });
      });
}

}  // namespace reachback::server
