#include "protocol/seam_codec.h"

#include <gtest/gtest.h>

#include <functional>

namespace reachback::protocol {
namespace {

pb::UploadRequest upload() {
  pb::UploadRequest m;
  m.set_action(std::string(16, 'a'));
  m.set_epoch(1);
  m.set_kind(pb::RESULT);
  m.set_sha256(std::string(32, 's'));
  return m;
}

pb::SeamToSupervisor good(const std::function<void(pb::SeamToSupervisor&)>& set) {
  pb::SeamToSupervisor m;
  set(m);
  return m;
}

void begin(pb::SeamToSupervisor& m) {
  m.mutable_begin_session()->set_server_nonce(std::string(32, 'n'));
  m.mutable_begin_session()->set_exporter(std::string(32, 'e'));
}
void deliver_cancel(pb::SeamToSupervisor& m) {
  pb::ToAgent inner;
  inner.mutable_cancel_action()->set_action(std::string(16, 'a'));
  inner.mutable_cancel_action()->set_epoch(1);
  m.mutable_deliver()->set_message(encode(inner));
}
void uploaded(pb::SeamToSupervisor& m) {
  m.mutable_uploaded()->set_request(encode(upload()));
  m.mutable_uploaded()->set_blob(std::string(32, 'a'));
}

TEST(SeamCodec, TakesWhatTheNetworkProcessSays) {
  for (const auto& m :
       {good(begin), good(deliver_cancel), good(uploaded),
        good([](auto& m) { m.set_open_spool(encode(upload())); }),
        good([](auto& m) { m.mutable_ready()->set_landlock(7); }),
        good([](auto& m) { m.mutable_idle(); }), good([](auto& m) { m.mutable_end_session(); }),
        good([](auto& m) { m.mutable_next_heartbeat(); }),
        good([](auto& m) { m.set_dismissed("why"); })}) {
    auto decoded = decode_seam_to_supervisor(m.SerializeAsString());
    EXPECT_TRUE(decoded.ok()) << decoded.error().message;
  }
}

TEST(SeamCodec, RefusesEverythingElse) {
  using Change = std::function<void(pb::SeamToSupervisor&)>;
  const std::pair<const char*, Change> rows[] = {
      {"nothing", [](auto&) {}},
      {"a short nonce", [](auto& m) { m.mutable_begin_session()->set_server_nonce("n"); }},
      {"a long exporter",
       [](auto& m) {
         begin(m);
         m.mutable_begin_session()->set_exporter(std::string(65, 'e'));
       }},
      {"a time that is not there",
       [](auto& m) {
         begin(m);
         m.mutable_begin_session()->set_server_time_us(1);
       }},
      {"a time before 1970",
       [](auto& m) {
         begin(m);
         m.mutable_begin_session()->set_has_server_time(true);
         m.mutable_begin_session()->set_server_time_us(-1);
       }},
      {"a message to the agent that is none", [](auto& m) { m.mutable_deliver(); }},
      {"the session's own message",
       [](auto& m) {
         pb::ToAgent inner;
         inner.mutable_goodbye();
         m.mutable_deliver()->set_message(encode(inner));
       }},
      {"files that nothing can want",
       [](auto& m) {
         deliver_cancel(m);
         m.mutable_deliver()->add_has_file(true);
       }},
      {"no upload", [](auto& m) { m.set_open_spool("x"); }},
      {"another message as an upload",
       [](auto& m) {
         pb::ToServer inner;
         inner.mutable_heartbeat();
         m.set_open_spool(encode(inner));
       }},
      {"an upload of an unknown kind",
       [](auto& m) {
         auto request = upload();
         request.set_kind(pb::UPLOAD_KIND_UNSPECIFIED);
         m.set_open_spool(encode(request));
       }},
      {"a blob with a name like a path",
       [](auto& m) {
         uploaded(m);
         m.mutable_uploaded()->set_blob("../../../../../../../etc/passwd1");
       }},
      {"words that are no text", [](auto& m) { m.set_dismissed("\xff"); }},
      {"a user that is no number of a user", [](auto& m) { m.mutable_ready()->set_uid(~0u); }},
  };
  for (const auto& [what, change] : rows) {
    auto decoded = decode_seam_to_supervisor(good(change).SerializeAsString());
    EXPECT_FALSE(decoded.ok()) << what;
  }
  EXPECT_FALSE(decode_seam_to_supervisor("\xff\xff").ok());
  EXPECT_FALSE(decode_seam_to_supervisor(std::string(kSeamFrameBytesMax + 1, 'x')).ok());
}

}  // namespace
}  // namespace reachback::protocol
