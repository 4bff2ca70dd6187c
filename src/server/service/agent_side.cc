// What agents report and ask for, about actions of their own machine.
#include "base/log.h"
#include "base/variant.h"
#include "crypto/digest.h"
#include "server/service/live_response_service.h"

namespace reachback::server {
namespace {

// Of a stream of so many bytes that do not get smaller: five for each block, head and trailer.
std::uint64_t gzip_bytes_max(std::uint64_t bytes) {
  return bytes + bytes / 1000 + (1 << 10);
}

}  // namespace

LiveResponseService::LiveResponseService(LiveResponseDeps deps, LiveResponseLimits limits,
                                         std::string blob_name_key)
    : deps_(deps), limits_(limits), blob_name_key_(std::move(blob_name_key)) {
  deps_.notify.listen([this](TenantId tenant, MachineId machine) { dispatch(tenant, machine); },
                      [this](TenantId, ActionId id) { wake(id); });
}

std::unique_ptr<LiveResponse> LiveResponse::create(LiveResponseDeps deps, LiveResponseLimits limits,
                                                   std::string blob_name_key) {
  return std::make_unique<LiveResponseService>(deps, limits, std::move(blob_name_key));
}

std::string LiveResponseService::blob_name(const ActionId& id, const Upload& upload) const {
  std::string what = "result " + id.text() + " " + std::to_string(upload.epoch) + " " +
                     std::to_string(upload.index) + " " +
                     std::to_string(static_cast<int>(upload.kind));
  return to_hex(as_bytes(crypto::hmac_sha256(blob_name_key_, what)).substr(0, 16));
}

void LiveResponseService::upload_link(TenantId tenant, MachineId machine, ActionId id,
                                      Upload upload, Done<std::string> done) {
  deps_.actions.get(
      tenant, id, [this, tenant, machine, id, upload, done](Result<action::Action> a) {
        if (!a || a->machine != machine || a->epoch != upload.epoch || !a->granted) {
          bool unknown = a.ok() || a.error().code == Errc::not_found;
          if (unknown && (!a || a->machine != machine)) {
            log_warning("upload for an action that is not this machine's",
                        {field("alarm", "foreign_action"), field("action", id.text()),
                         field("machine", machine.text())});
          }
          done(unknown ? action_not_found(id) : a.error());
          return;
        }
        if (upload.index >= a->commands.size() ||
            a->commands[upload.index].type == action::CommandType::put_file) {
          done(Error{Errc::invalid_input,
                     "command " + std::to_string(upload.index) + " takes no result"});
          return;
        }
        const bool is_file = action::leaves_file(a->commands[upload.index].type);
        if (is_file && upload.kind != UploadKind::result) {
          done(Error{Errc::invalid_input,
                     "command " + std::to_string(upload.index) + " has no output streams"});
          return;
        }
        if (upload.bytes >
            (is_file ? gzip_bytes_max(limits_.get_file_bytes_max) : limits_.upload_bytes_max)) {
          done(Error{Errc::too_large,
                     "a result of " + std::to_string(upload.bytes) + " bytes is over the limit"});
          return;
        }
        // Long enough for a slow line; an expired link is asked for again.
        done(deps_.blobs.write_link(tenant, blob_name(id, upload),
                                    deps_.link_clock.now() + std::chrono::hours(1)));
      });
}

void LiveResponseService::check_blobs(TenantId tenant, std::vector<action::StoredBlob> blobs,
                                      Done<void> done) {
  if (blobs.empty()) {
    done({});
    return;
  }
  action::StoredBlob blob = blobs.back();
  blobs.pop_back();
  deps_.blobs.stat(tenant, blob.name,
                   [this, tenant, blob, rest = std::move(blobs),
                    done = std::move(done)](const Result<BlobInfo>& info) {
                     if (!info) {
                       done(info.error().code == Errc::not_found
                                ? Error{Errc::mismatch, "the result is not stored"}
                                : info.error());
                       return;
                     }
                     if (info->bytes != blob.bytes || info->sha256 != blob.sha256) {
                       done(Error{Errc::mismatch, "the stored result is not the reported one"});
                       return;
                     }
                     check_blobs(tenant, rest, done);
                   });
}

// A report without its blobs. When the action waits for this report they are to be uploaded again:
// the agent must not be told to forget what may be the only copy.
void LiveResponseService::explain_missing(const std::shared_ptr<Transition>& t, const Error& why) {
  deps_.actions.get(t->tenant, t->id, [t, why](Result<action::Action> a) {
    const auto& ended = std::get<action::CommandEnded>(t->event);
    if (!a || a->machine != *t->only_machine) {
      const bool unknown = a.ok() || a.error().code == Errc::not_found;
      t->done(unknown ? action_not_found(t->id) : a.error());
    } else if (a->epoch != ended.epoch || !a->granted || ended.index >= a->commands.size() ||
               a->commands[ended.index].type == action::CommandType::put_file) {
      t->done(Error{Errc::conflict, why.message});
    } else {
      log_warning("report without its result",
                  {field("action", t->id.text()), field("index", ended.index),
                   field("machine", t->only_machine->text()), field("why", why.message)});
      t->done(why);
    }
  });
}

void LiveResponseService::agent_event(TenantId tenant, MachineId machine, ActionId id,
                                      action::Event event, Done<action::Verdict> done) {
  auto t = std::make_shared<Transition>();
  t->tenant = tenant;
  t->id = id;
  t->by.requestor = machine.text();
  t->only_machine = machine;
  t->done = [id, machine, done](Result<action::Step> step) {
    if (!step) {
      if (step.error().code == Errc::not_found) {
        // A wiped server, or somebody who guesses: trust.md T04.
        log_warning("report about an action that is not this machine's",
                    {field("alarm", "foreign_action"), field("action", id.text()),
                     field("machine", machine.text())});
      }
      done(step.error());
      return;
    }
    if (step->verdict == action::Verdict::premature) {
      done(Error{Errc::unavailable, step->why});
      return;
    }
    if (step->verdict == action::Verdict::refused) {
      log_warning("report refused", {field("alarm", "report_refused"), field("action", id.text()),
                                     field("machine", machine.text()), field("why", step->why)});
      done(Error{Errc::conflict, step->why});
      return;
    }
    done(step->verdict);
  };
  t->event = std::move(event);
  const auto* ended = std::get_if<action::CommandEnded>(&t->event);
  if (ended == nullptr) {
    transition(t);
    return;
  }
  if (RB_VARIANT("early_report")) {
    auto& unchecked = std::get<action::CommandEnded>(t->event);
    if (unchecked.result) {
      unchecked.result->name =
          blob_name(id, Upload{ended->epoch, ended->index, UploadKind::result, 0});
    }
    transition(t);
    return;
  }
  // V10, V09: only blobs that are committed, and only those whose name this very result was given.
  std::vector<action::StoredBlob> blobs;
  const std::pair<const std::optional<action::StoredBlob>*, UploadKind> reported[] = {
      {&ended->result, UploadKind::result},
      {&ended->raw_stdout, UploadKind::raw_stdout},
      {&ended->raw_stderr, UploadKind::raw_stderr}};
  for (const auto& [blob, kind] : reported) {
    if (!*blob) {
      continue;
    }
    if ((*blob)->name != blob_name(id, Upload{ended->epoch, ended->index, kind, 0})) {
      explain_missing(t, Error{Errc::mismatch, "a blob that was not given out for this result"});
      return;
    }
    blobs.push_back(**blob);
  }
  check_blobs(tenant, std::move(blobs), [this, t](const Result<void>& stored) {
    if (!stored && stored.error().code == Errc::mismatch) {
      explain_missing(t, stored.error());
      return;
    }
    if (!stored) {
      t->done(stored.error());
      return;
    }
    transition(t);
  });
}

}  // namespace reachback::server
