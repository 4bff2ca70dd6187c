// Identifiers. Each is a type of its own, so that a machine id cannot be passed for an action id.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"

namespace reachback {

// N bytes with a text form; Tag makes the type distinct. Value type.
template <typename Tag, std::size_t N>
class Id {
 public:
  static constexpr std::size_t kBytes = N;
  Id() = default;
  explicit Id(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  // Exactly N raw bytes, else nullopt.
  static std::optional<Id> from_bytes(std::string_view raw) {
    if (raw.size() != N) {
      return std::nullopt;
    }
    Id id;
    for (std::size_t i = 0; i < N; ++i) {
      id.bytes_[i] = static_cast<std::uint8_t>(raw[i]);
    }
    return id;
  }
  std::string_view bytes() const { return as_bytes(bytes_); }
  friend auto operator<=>(const Id&, const Id&) = default;
  friend bool operator==(const Id&, const Id&) = default;

 protected:
  std::array<std::uint8_t, N> bytes_{};
};

// A GUID. Text: 8-4-4-4-12 hex digits, lower case out, either case in; no braces. Random ones are
// version 4.
template <typename Tag>
class UuidId : public Id<Tag, 16> {
 public:
  UuidId() = default;
  UuidId(const Id<Tag, 16>& id) : Id<Tag, 16>(id) {}  // NOLINT: same thing
  static std::optional<UuidId> from_bytes(std::string_view raw) {
    auto id = Id<Tag, 16>::from_bytes(raw);
    return id ? std::optional<UuidId>(UuidId(*id)) : std::nullopt;
  }
  static UuidId make(Random& random) {
    UuidId id;
    random.fill(id.bytes_.data(), id.bytes_.size());
    id.bytes_[6] = static_cast<std::uint8_t>((id.bytes_[6] & 0x0f) | 0x40);
    id.bytes_[8] = static_cast<std::uint8_t>((id.bytes_[8] & 0x3f) | 0x80);
    return id;
  }
  static std::optional<UuidId> parse(std::string_view text) {
    if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' ||
        text[23] != '-') {
      return std::nullopt;
    }
    std::string hex;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i != 8 && i != 13 && i != 18 && i != 23) {
        hex += text[i];
      }
    }
    auto raw = from_hex(to_lower(hex));
    return raw ? from_bytes(*raw) : std::nullopt;
  }
  std::string text() const {
    std::string h = to_hex(this->bytes());
    return h.substr(0, 8) + "-" + h.substr(8, 4) + "-" + h.substr(12, 4) + "-" + h.substr(16, 4) +
           "-" + h.substr(20);
  }
};

using TenantId = UuidId<struct TenantTag>;
using ActionId = UuidId<struct ActionTag>;
using AppId = UuidId<struct AppTag>;  // the OAuth client_id of an application
using UserId = UuidId<struct UserTag>;
// What a user let one application do: one sign-in and all that was refreshed from it.
using GrantId = UuidId<struct GrantTag>;
using SessionId = UuidId<struct SessionTag>;  // of an interactive session
// A life of an agent's journal: made when the journal is created, never reused.
using JournalGeneration = UuidId<struct JournalGenerationTag>;
using BootId = UuidId<struct BootTag>;  // /proc/sys/kernel/random/boot_id

// The first 40 hex digits of the SHA-256 of the machine's public key (SubjectPublicKeyInfo, DER).
// Lower case only. Source: MDE's machine ids are 40 lower-case hex digits.
class MachineId : public Id<struct MachineTag, 20> {
 public:
  MachineId() = default;
  MachineId(const Id<struct MachineTag, 20>& id) : Id(id) {}  // NOLINT: same thing
  static std::optional<MachineId> from_bytes(std::string_view raw) {
    auto id = Id::from_bytes(raw);
    return id ? std::optional<MachineId>(MachineId(*id)) : std::nullopt;
  }
  static std::optional<MachineId> parse(std::string_view text) {
    auto raw = from_hex(text);
    return raw ? from_bytes(*raw) : std::nullopt;
  }
  static MachineId from_key_digest(const Sha256& digest) {
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): twenty bytes are always an id
    return *from_bytes(as_bytes(digest).substr(0, 20));
  }
  std::string text() const { return to_hex(bytes()); }
};

}  // namespace reachback

template <typename Tag>
struct std::hash<reachback::UuidId<Tag>> {
  std::size_t operator()(const reachback::UuidId<Tag>& id) const {
    return std::hash<std::string_view>()(id.bytes());
  }
};
template <>
struct std::hash<reachback::MachineId> {
  std::size_t operator()(const reachback::MachineId& id) const {
    return std::hash<std::string_view>()(id.bytes());
  }
};
