#include "cli/receipts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "json/json.h"
#include "protocol/signing.h"

namespace reachback::cli {
namespace {

Error corrupt(std::string_view what) {
  return Error{Errc::corrupt, "the receipts: " + std::string(what)};
}

Result<std::string> bytes_of(const json::Object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  auto bytes = value != nullptr && value->is_string()
                   ? from_base64(std::string(value->get_string()))
                   : std::nullopt;
  if (!bytes) {
    return corrupt(std::string(key) + " is missing or no base64");
  }
  return *bytes;
}

std::string hex(std::string_view bytes) {
  return to_hex(bytes);
}

std::string machine_of(const pb::Receipt& r) {
  auto id = MachineId::from_bytes(r.machine());
  return id ? id->text() : hex(r.machine());
}

std::string ending_of(const pb::Receipt& r) {
  if (!r.has_exit_code()) {
    return "without an exit code";
  }
  return fmt::format("with exit code {}", r.exit_code());
}

}  // namespace

Result<std::string> read_public_key(std::string_view text) {
  std::string base64;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.starts_with("-----")) {
      for (char c : line) {
        if (c != '\r' && c != ' ') {
          base64 += c;
        }
      }
    }
  }
  auto der = from_base64(base64);
  if (!der || !crypto::Ed25519PublicKey::from_spki(*der).ok()) {
    return Error{Errc::corrupt,
                 "the machine's key: neither PEM nor base64 of an Ed25519 public key"};
  }
  return *der;
}

Result<std::vector<ReadReceipt>> read_receipts(std::string_view document,
                                               const std::optional<std::string>& key_der) {
  auto value = json::parse(document);
  const auto* object = value.ok() ? value->if_object() : nullptr;
  const auto* list = object != nullptr ? object->if_contains("value") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return corrupt("this is not what GET /api/machineactions/{id}/receipts answers");
  }
  std::string der;
  if (key_der) {
    der = *key_der;
  } else {
    RB_TRY_ASSIGN(der, bytes_of(*object, "publicKey"));
  }
  auto key = crypto::Ed25519PublicKey::from_spki(der);
  if (!key.ok()) {
    return corrupt("publicKey is no Ed25519 key");
  }
  std::vector<ReadReceipt> out;
  for (const auto& element : list->get_array()) {
    if (!element.is_object()) {
      return corrupt("an element is no object");
    }
    pb::SignedReceipt signed_receipt;
    RB_TRY_ASSIGN(std::string bytes, bytes_of(element.get_object(), "receipt"));
    RB_TRY_ASSIGN(std::string signature, bytes_of(element.get_object(), "signature"));
    signed_receipt.set_receipt(bytes);
    signed_receipt.set_signature(signature);
    RB_TRY_ASSIGN(pb::Receipt receipt, protocol::verify_receipt(signed_receipt, *key));
    out.push_back(ReadReceipt{std::move(receipt), std::move(bytes)});
  }
  return out;
}

Result<std::string> describe_chain(std::vector<ReadReceipt> receipts) {
  std::sort(receipts.begin(), receipts.end(), [](const ReadReceipt& a, const ReadReceipt& b) {
    return a.receipt.number() < b.receipt.number();
  });
  std::string gaps;
  for (std::size_t i = 1; i < receipts.size(); ++i) {
    const pb::Receipt& before = receipts[i - 1].receipt;
    const pb::Receipt& here = receipts[i].receipt;
    if (here.machine() != before.machine()) {
      return Error{Errc::mismatch, "the receipts are of different machines"};
    }
    if (here.number() == before.number()) {
      if (receipts[i].bytes == receipts[i - 1].bytes) {
        continue;
      }
      return Error{
          Errc::mismatch,
          fmt::format("the machine's chain has a fork: two receipts are number {} (a clone, "
                      "a restored snapshot or a new journal)",
                      here.number())};
    }
    if (here.number() == before.number() + 1) {
      if (here.previous() != as_bytes(crypto::sha256(receipts[i - 1].bytes))) {
        return Error{Errc::mismatch,
                     fmt::format("receipt {} does not name receipt {} as the one before it",
                                 here.number(), before.number())};
      }
      continue;
    }
    gaps +=
        fmt::format("{}{} to {}", gaps.empty() ? "" : ", ", before.number() + 1, here.number() - 1);
  }
  const std::uint64_t first = receipts.front().receipt.number();
  const std::uint64_t last = receipts.back().receipt.number();
  std::string out = first == last ? fmt::format("receipt {} of its chain", first)
                                  : fmt::format("receipts {} to {} of its chain", first, last);
  return out + (gaps.empty() ? "" : ", without " + gaps + ", which are not here");
}

Result<Proof> prove(const std::vector<ReadReceipt>& receipts, const FileDigests& file) {
  const ReadReceipt* found = nullptr;
  for (const ReadReceipt& r : receipts) {
    if (r.receipt.result_sha256() == as_bytes(file.file) ||
        r.receipt.file_sha256() == as_bytes(file.file)) {
      found = &r;
    }
  }
  if (found == nullptr) {
    return Error{Errc::mismatch,
                 fmt::format("no receipt is for this file (SHA-256 {}): it was changed, or is of "
                             "another command",
                             hex(as_bytes(file.file)))};
  }
  const pb::Receipt& r = found->receipt;
  // The result as it was downloaded, or what GetFile read, unpacked since.
  const bool is_result = r.result_sha256() == as_bytes(file.file);
  const bool is_script_result = file.is_script_result && r.file_sha256().empty();
  if ((is_result ? r.result_bytes() : r.file_bytes()) != file.bytes ||
      (is_script_result && (r.has_exit_code() != file.exit_code.has_value() ||
                            (file.exit_code && *file.exit_code != r.exit_code())))) {
    return Error{Errc::mismatch, "the file contradicts its receipt"};
  }
  Proof out;
  auto action = ActionId::from_bytes(r.action());
  const std::string did =
      r.file_sha256().empty()
          ? fmt::format("ran {} (SHA-256 {})", r.script_name(), hex(r.script_sha256()))
          : fmt::format("read {} ({} bytes, SHA-256 {})", r.file_path(), r.file_bytes(),
                        hex(r.file_sha256()));
  out.proven = fmt::format(
      "machine {} signed that command {} of action {} (order {:.16}) {} from {} to {}, {}{}",
      machine_of(r), r.index(), action ? action->text() : "?", hex(r.order_sha256()), did,
      format_time(from_micros(r.started_us())), format_time(from_micros(r.ended_us())),
      r.file_sha256().empty() ? "ended " + ending_of(r) + ", " : "",
      is_result ? "and left this file" : "and this is that file");
  if (is_script_result) {
    const bool exact =
        as_bytes(file.output) == r.stdout_sha256() && as_bytes(file.errors) == r.stderr_sha256();
    out.proven += exact ? ", in which both streams stand as they were written"
                        : ", in which bytes that are no text are shown as U+FFFD (stdout was " +
                              hex(r.stdout_sha256()) + ", stderr " + hex(r.stderr_sha256()) + ")";
  }
  out.not_proven =
      "that nobody else had the machine's key or was root on it, or that its clock was "
      "right";
  return out;
}

}  // namespace reachback::cli
