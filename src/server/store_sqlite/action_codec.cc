#include "server/store_sqlite/action_codec.h"

#include "server/store_sqlite/bytes_codec.h"

namespace reachback::server {
namespace {

using action::Action;
using action::Command;
using action::FetchedFile;
using action::StoredBlob;

// A new field takes a new number and a new version; numbers are never reused.
// Version 2 added kReceipt, 3 kFile, 4 kKeep. Older versions are read, the newest is written.
constexpr std::uint8_t kVersion = 4;
constexpr std::uint8_t kListVersion = 1;

enum ActionField : std::uint32_t {
  kMachineName = 1,
  kCommand = 2,
  kRequestor = 3,
  kComment = 4,
  kTitle = 5,
  kExternalId = 6,
  kRequestSource = 7,
  kUpdated = 8,
  kCancelRequestor = 9,
  kCancelComment = 10,
  kCancelAt = 11,  // there is a cancellation when this is there
  kQueueDeadline = 12,
  kWindow = 13,
  kEpoch = 14,
  kGeneration = 15,
  kGranted = 16,
};
enum CommandField : std::uint32_t {
  kType = 1,
  kParamKey = 2,
  kParamValue = 3,  // of the last key
  kFileName = 4,
  kFileSha256 = 5,
  kFileBytes = 6,
  kArgs = 7,
  kPath = 8,
  kTimeout = 9,
  kCommandStatus = 10,
  kStarted = 11,
  kEnded = 12,
  kExitCode = 13,
  kError = 14,
  kResult = 15,
  kRawStdout = 16,
  kRawStderr = 17,
  kReceipt = 18,
  kFile = 19,
  kKeep = 20,  // it is kept when this is there
};
enum BlobField : std::uint32_t { kBlobName = 1, kBlobBytes = 2, kBlobSha256 = 3 };
enum FileField : std::uint32_t { kFetchedPath = 1, kFetchedBytes = 2, kFetchedSha256 = 3 };
enum ListField : std::uint32_t { kItem = 1 };

std::string encode_blob(const StoredBlob& b) {
  RecordWriter w;
  w.bytes(kBlobName, b.name);
  w.number(kBlobBytes, b.bytes);
  w.bytes(kBlobSha256, as_bytes(b.sha256));
  return w.take();
}

std::string encode_file(const FetchedFile& f) {
  RecordWriter w;
  w.bytes(kFetchedPath, f.path);
  w.number(kFetchedBytes, f.bytes);
  w.bytes(kFetchedSha256, as_bytes(f.sha256));
  return w.take();
}

std::string encode_command(const Command& c) {
  RecordWriter w;
  w.number(kType, static_cast<std::uint64_t>(c.type));
  for (const auto& p : c.params) {
    w.bytes(kParamKey, p.key);
    w.bytes(kParamValue, p.value);
  }
  w.bytes(kFileName, c.file_name);
  w.bytes(kFileSha256, as_bytes(c.file_sha256));
  w.number(kFileBytes, c.file_bytes);
  if (c.args) {
    w.bytes(kArgs, *c.args);
  }
  w.bytes(kPath, c.path);
  w.signed_number(kTimeout, c.timeout.count());
  w.number(kCommandStatus, static_cast<std::uint64_t>(c.status));
  if (c.started) {
    w.signed_number(kStarted, to_micros(*c.started));
  }
  if (c.ended) {
    w.signed_number(kEnded, to_micros(*c.ended));
  }
  if (c.exit_code) {
    w.signed_number(kExitCode, *c.exit_code);
  }
  for (const auto& e : c.errors) {
    w.bytes(kError, e);
  }
  if (c.result) {
    w.bytes(kResult, encode_blob(*c.result));
  }
  if (c.raw_stdout) {
    w.bytes(kRawStdout, encode_blob(*c.raw_stdout));
  }
  if (c.raw_stderr) {
    w.bytes(kRawStderr, encode_blob(*c.raw_stderr));
  }
  if (!c.receipt.empty()) {
    w.bytes(kReceipt, c.receipt);
  }
  if (c.file) {
    w.bytes(kFile, encode_file(*c.file));
  }
  if (c.keep) {
    w.number(kKeep, 1);
  }
  return w.take();
}

Sha256 read_sha256(RecordReader& r) {
  auto digest = sha256_from_bytes(r.bytes());
  if (!digest) {
    r.refuse();
  }
  return digest.value_or(Sha256{});
}

StoredBlob decode_blob(RecordReader& outer) {
  RecordReader r(outer.bytes());
  StoredBlob b;
  while (r.next()) {
    switch (r.field()) {
      case kBlobName:
        b.name = r.bytes();
        break;
      case kBlobBytes:
        b.bytes = r.number();
        break;
      case kBlobSha256:
        b.sha256 = read_sha256(r);
        break;
      default:
        r.refuse();
    }
  }
  if (r.damaged()) {
    outer.refuse();
  }
  return b;
}

FetchedFile decode_file(RecordReader& outer) {
  RecordReader r(outer.bytes());
  FetchedFile f;
  while (r.next()) {
    switch (r.field()) {
      case kFetchedPath:
        f.path = r.bytes();
        break;
      case kFetchedBytes:
        f.bytes = r.number();
        break;
      case kFetchedSha256:
        f.sha256 = read_sha256(r);
        break;
      default:
        r.refuse();
    }
  }
  if (r.damaged()) {
    outer.refuse();
  }
  return f;
}

void read_type(RecordReader& r, Command& c) {
  auto type = static_cast<action::CommandType>(r.number());
  switch (r.number()) {
    case static_cast<std::uint64_t>(action::CommandType::put_file):
    case static_cast<std::uint64_t>(action::CommandType::get_file):
    case static_cast<std::uint64_t>(action::CommandType::run_script):
    case static_cast<std::uint64_t>(action::CommandType::built_in):
    case static_cast<std::uint64_t>(action::CommandType::terminal):
    case static_cast<std::uint64_t>(action::CommandType::collect):
      c.type = type;
      break;
    default:
      r.refuse();
  }
}

void read_status(RecordReader& r, Command& c) {
  auto status = static_cast<action::CommandStatus>(r.number());
  switch (r.number()) {
    case static_cast<std::uint64_t>(action::CommandStatus::completed):
    case static_cast<std::uint64_t>(action::CommandStatus::failed):
    case static_cast<std::uint64_t>(action::CommandStatus::created):
      c.status = status;
      break;
    default:
      r.refuse();
  }
}

void read_exit_code(RecordReader& r, Command& c) {
  std::int64_t code = r.signed_number();
  if (code < INT32_MIN || code > INT32_MAX) {
    r.refuse();
    return;
  }
  c.exit_code = static_cast<std::int32_t>(code);
}

Command decode_command(RecordReader& outer) {
  RecordReader r(outer.bytes());
  Command c;
  while (r.next()) {
    switch (r.field()) {
      case kType:
        read_type(r, c);
        break;
      case kParamKey:
        c.params.push_back({std::string(r.bytes()), ""});
        break;
      case kParamValue:
        if (c.params.empty()) {
          r.refuse();
          break;
        }
        c.params.back().value = r.bytes();
        break;
      case kFileName:
        c.file_name = r.bytes();
        break;
      case kFileSha256:
        c.file_sha256 = read_sha256(r);
        break;
      case kFileBytes:
        c.file_bytes = r.number();
        break;
      case kArgs:
        c.args = std::string(r.bytes());
        break;
      case kPath:
        c.path = r.bytes();
        break;
      case kTimeout:
        c.timeout = Duration(r.signed_number());
        break;
      case kCommandStatus:
        read_status(r, c);
        break;
      case kStarted:
        c.started = from_micros(r.signed_number());
        break;
      case kEnded:
        c.ended = from_micros(r.signed_number());
        break;
      case kExitCode:
        read_exit_code(r, c);
        break;
      case kError:
        c.errors.emplace_back(r.bytes());
        break;
      case kResult:
        c.result = decode_blob(r);
        break;
      case kRawStdout:
        c.raw_stdout = decode_blob(r);
        break;
      case kRawStderr:
        c.raw_stderr = decode_blob(r);
        break;
      case kReceipt:
        c.receipt = r.bytes();
        break;
      case kFile:
        c.file = decode_file(r);
        break;
      case kKeep:
        c.keep = r.number() != 0;
        break;
      default:
        r.refuse();
    }
  }
  if (r.damaged()) {
    outer.refuse();
  }
  return c;
}

action::Cancellation& cancellation_of(Action& a) {
  if (!a.cancellation) {
    a.cancellation.emplace();
  }
  return *a.cancellation;
}

void read_generation(RecordReader& r, Action& a) {
  auto generation = JournalGeneration::from_bytes(r.bytes());
  if (!generation) {
    r.refuse();
  }
  a.generation = generation;
}

}  // namespace

std::string encode_action(const Action& a) {
  RecordWriter w;
  w.version(kVersion);
  w.bytes(kMachineName, a.machine_name);
  for (const auto& c : a.commands) {
    w.bytes(kCommand, encode_command(c));
  }
  w.bytes(kRequestor, a.requestor);
  w.bytes(kComment, a.comment);
  if (a.title) {
    w.bytes(kTitle, *a.title);
  }
  if (a.external_id) {
    w.bytes(kExternalId, *a.external_id);
  }
  w.bytes(kRequestSource, a.request_source);
  w.signed_number(kUpdated, to_micros(a.updated));
  if (a.cancellation) {
    w.bytes(kCancelRequestor, a.cancellation->requestor);
    w.bytes(kCancelComment, a.cancellation->comment);
    w.signed_number(kCancelAt, to_micros(a.cancellation->at));
  }
  w.signed_number(kQueueDeadline, to_micros(a.queue_deadline));
  w.signed_number(kWindow, a.window.count());
  w.number(kEpoch, a.epoch);
  if (a.generation) {
    w.bytes(kGeneration, a.generation->bytes());
  }
  if (a.granted) {
    w.signed_number(kGranted, to_micros(*a.granted));
  }
  return w.take();
}

Result<void> decode_action(std::string_view document, Action& a) {
  RecordReader r(document);
  if (auto version = r.version(); version < 1 || version > kVersion) {
    return Error{Errc::corrupt, "stored action: document version " + std::to_string(version) +
                                    " is not known, this program knows up to " +
                                    std::to_string(kVersion)};
  }
  while (r.next()) {
    switch (r.field()) {
      case kMachineName:
        a.machine_name = r.bytes();
        break;
      case kCommand:
        a.commands.push_back(decode_command(r));
        break;
      case kRequestor:
        a.requestor = r.bytes();
        break;
      case kComment:
        a.comment = r.bytes();
        break;
      case kTitle:
        a.title = std::string(r.bytes());
        break;
      case kExternalId:
        a.external_id = std::string(r.bytes());
        break;
      case kRequestSource:
        a.request_source = r.bytes();
        break;
      case kUpdated:
        a.updated = from_micros(r.signed_number());
        break;
      case kCancelRequestor:
        cancellation_of(a).requestor = r.bytes();
        break;
      case kCancelComment:
        cancellation_of(a).comment = r.bytes();
        break;
      case kCancelAt:
        cancellation_of(a).at = from_micros(r.signed_number());
        break;
      case kQueueDeadline:
        a.queue_deadline = from_micros(r.signed_number());
        break;
      case kWindow:
        a.window = Duration(r.signed_number());
        break;
      case kEpoch:
        a.epoch = r.number();
        break;
      case kGeneration:
        read_generation(r, a);
        break;
      case kGranted:
        a.granted = from_micros(r.signed_number());
        break;
      default:
        r.refuse();
    }
  }
  if (r.damaged()) {
    return Error{Errc::corrupt, "stored action: damaged document"};
  }
  return {};
}

std::string encode_list(const std::vector<std::string>& items) {
  RecordWriter w;
  w.version(kListVersion);
  for (const auto& item : items) {
    w.bytes(kItem, item);
  }
  return w.take();
}

Result<std::vector<std::string>> decode_list(std::string_view document) {
  RecordReader r(document);
  std::vector<std::string> items;
  if (r.version() != kListVersion) {
    return Error{Errc::corrupt, "stored list: unknown version"};
  }
  while (r.next()) {
    if (r.field() != kItem) {
      r.refuse();
    }
    items.emplace_back(r.bytes());
  }
  if (r.damaged()) {
    return Error{Errc::corrupt, "stored list: damaged"};
  }
  return items;
}

}  // namespace reachback::server
