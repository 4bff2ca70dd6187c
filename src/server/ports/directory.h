// Machines, library files, applications and enrolment tokens: small tables beside the actions.
// Threads and durability as in action_store.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "server/ports/audit_entry.h"
#include "server/ports/listing.h"

namespace reachback::server {

// ---- machines ----
// Why a machine is given no orders until an operator clears it.
struct Quarantine {
  Timestamp since{};
  std::string reason;
  friend bool operator==(const Quarantine&, const Quarantine&) = default;
};

// MDE's kinds of interface and states of it, those that a machine here can tell. Numbers are
// stored. Source: mde-spec.md §10.
enum class InterfaceType : std::uint8_t {
  unknown = 0,
  other = 1,
  ethernet = 2,
  ppp = 3,
  software_loopback = 4,
  ieee80211 = 5,
  tunnel = 6
};
enum class OperationalStatus : std::uint8_t { unknown = 0, up = 1, down = 2, dormant = 3 };

struct NetworkAddress {
  std::string ip;   // as base/ip.h writes it
  std::string mac;  // 6 bytes; empty: the interface has none
  InterfaceType type = InterfaceType::unknown;
  OperationalStatus status = OperationalStatus::unknown;
  friend bool operator==(const NetworkAddress&, const NetworkAddress&) = default;
};

// What an agent tells of its machine.
struct MachineFacts {
  std::string name;  // computerDnsName
  std::string os_platform;
  std::string os_distribution;
  std::string os_version;
  std::string os_architecture;  // "64-bit"
  std::string os_processor;     // "x64"
  std::int64_t os_build = 0;    // 0: not known
  std::string agent_version;
  std::string last_ip;
  std::string last_external_ip;
  std::vector<NetworkAddress> addresses;
  friend bool operator==(const MachineFacts&, const MachineFacts&) = default;
};

// How much a machine matters to its owner. Numbers are stored.
enum class DeviceValue : std::uint8_t { normal = 0, low = 1, high = 2 };

struct Machine : MachineFacts {
  TenantId tenant;
  MachineId id;
  std::string public_key;  // SubjectPublicKeyInfo DER
  std::vector<std::string> tags;
  DeviceValue device_value = DeviceValue::normal;
  Timestamp first_seen{};
  // Kept up to about a quarter of an hour while the machine is connected.
  Timestamp last_seen{};
  std::string contact;  // nonce of the last Welcome, 16 bytes; empty before the first
  // The newest contact that the machine is known to keep; empty: none yet. nullopt: not known, any
  // is taken.
  std::optional<std::string> confirmed_contact = std::string();
  std::optional<Quarantine> quarantine;
  // The run of the agent that came last, and the number of that connection in it.
  std::string life;
  std::uint64_t attempt = 0;
  std::uint64_t order_keys_version = 1;         // of the newest list of order keys it keeps
  std::optional<JournalGeneration> generation;  // of the last hello
  bool revoked = false;
  friend bool operator==(const Machine&, const Machine&) = default;
};

// What an agent tells when it connects.
struct MachineContact : MachineFacts {
  JournalGeneration generation;
  std::string contact;       // the new nonce
  std::string last_contact;  // the one that it came with: confirmed by that
  // How the machine was when the hello was looked at: its newest contact, and whether in
  // quarantine.
  std::string replaces;
  bool in_quarantine = false;
  std::string life;
  std::uint64_t attempt = 0;
  std::uint64_t order_keys_version = 1;
};

// What people set on machines. What is absent stays as it is.
struct MachineChange {
  std::vector<std::string> add_tags, remove_tags;  // there already, not there: no change
  std::optional<std::vector<std::string>> tags;    // all of them, each once
  std::optional<DeviceValue> device_value;
  std::size_t tags_max = 0;             // of one machine, after the change
  std::vector<std::string> fixed_tags;  // that this change must neither add nor take away
};

// Of a change that would move a machine from one device group to another. Errors: disallowed.
inline Error tag_is_fixed(const std::string& tag) {
  return Error{Errc::disallowed,
               "The tag '" + tag + "' makes a device group: you may neither add nor remove it"};
}

// So long a machine's former addresses are kept. Source: MDE asks findbyip for 30 days at most.
inline constexpr Duration kAddressHistory = std::chrono::hours(24 * 31);
// And so many periods of former addresses, the newest ones: a machine that makes up addresses fills
// no disk. Source: ours.
inline constexpr std::size_t kAddressPeriodsMax = 1000;

class MachineStore {
 public:
  virtual ~MachineStore() = default;
  // Spends one use of the token and adds the machine in one transaction. The same key again (a lost
  // reply): the same machine, one use spent only once per key. Errors: unauthenticated (token
  // unknown, expired, used up), conflict (key enrolled in another tenant).
  virtual void enroll(Sha256 token, Machine machine, Timestamp now, Done<Machine> done) = 0;
  virtual void get(TenantId tenant, MachineId id, Done<Machine> done) = 0;  // Errors: not_found.
  // By key alone: an agent's session begins before its tenant is known. Errors: not_found.
  virtual void find(MachineId id, Done<Machine> done) = 0;
  // A query about machine_entity(). Errors as of ActionStore::list.
  virtual void list(MachineScope scope, odata::Query query, MachineContext context,
                    ListBounds bounds, Done<Page<Machine>> done) = 0;
  // By exact name; several machines may share one. Newest last_seen first.
  virtual void by_name(TenantId tenant, std::string name, Done<std::vector<Machine>> done) = 0;
  // Those that had the address (as base/ip.h writes it) at a moment of [from, to], by first_seen,
  // id. One that has it now counts as having it to this day, however long ago it was last seen.
  // What is older than kAddressHistory, or beyond
  // kAddressPeriodsMax, may be forgotten.
  virtual void with_address(MachineScope scope, std::string ip, Timestamp from, Timestamp to,
                            std::uint64_t top, Done<std::vector<Machine>> done) = 0;
  // Those of the scope, in no order; all of them, so not for every call.
  virtual void ids(MachineScope scope, Done<std::vector<MachineId>> done) = 0;
  // All of the machines or none; one audit record for each that it changes. Gives them as they are
  // then, in the order of `ids`. Errors: not_found (names the first that is not there, or not in
  // the scope), disallowed (it would add or take away a fixed tag: names it), invalid_input (a
  // machine would have more than tags_max tags).
  virtual void change(MachineScope scope, std::vector<MachineId> ids, MachineChange change,
                      AuditEntry audit, Done<std::vector<Machine>> done) = 0;
  // Errors: conflict (the machine is not any more as `contact` says that it was), not_found.
  virtual void connected(TenantId tenant, MachineId id, MachineContact contact, Timestamp now,
                         Done<void> done) = 0;
  // The machine keeps `contact`. Errors: conflict (a newer contact was sent since), not_found.
  virtual void contact_kept(TenantId tenant, MachineId id, std::string contact,
                            Done<void> done) = 0;
  virtual void order_keys_kept(TenantId tenant, MachineId id, std::uint64_t version,
                               Done<void> done) = 0;
  // nullopt ends the quarantine, and the next hello is taken whatever contact it comes with; the
  // contacts that were sent before count no more.
  virtual void set_quarantine(TenantId tenant, MachineId id, std::optional<Quarantine> quarantine,
                              Done<void> done) = 0;
  // How many machines, not revoked, keep an older list of order keys than `version`.
  virtual void count_with_older_order_keys(std::uint64_t version, Done<std::uint64_t> done) = 0;
  virtual void seen(TenantId tenant, MachineId id, Timestamp at, Done<void> done) = 0;  // last_seen
};

// ---- library ----
struct LibraryFile {
  TenantId tenant;
  std::string name;
  Sha256 sha256{};
  std::uint64_t bytes = 0;
  std::string blob;  // its name in the blob store
  std::optional<std::string> description;
  std::optional<std::string> parameters_description;
  bool has_parameters = false;
  std::string created_by;
  Timestamp created{};
  Timestamp updated{};
  friend bool operator==(const LibraryFile&, const LibraryFile&) = default;
};

class LibraryStore {
 public:
  virtual ~LibraryStore() = default;
  // Adds, or with `replace` makes a new version under the same name (created stays). Older versions
  // stay readable by version(). Errors: already_exists (the name, or a name differing in case
  // only).
  virtual void put(LibraryFile file, bool replace, Done<LibraryFile> done) = 0;
  virtual void get(TenantId tenant, std::string name,
                   Done<LibraryFile> done) = 0;  // exact name. Errors: not_found.
  // A pinned version, also after replace or remove. Errors: not_found.
  virtual void version(TenantId tenant, Sha256 sha256, Done<LibraryFile> done) = 0;
  // A query about library_entity(). Errors as of ActionStore::list.
  virtual void list(TenantId tenant, odata::Query query, ListBounds bounds,
                    Done<Page<LibraryFile>> done) = 0;
  // Hides the name; its versions stay for the actions that pinned them. Errors: not_found.
  virtual void remove(TenantId tenant, std::string name, Done<void> done) = 0;
};

// ---- applications (OAuth clients) and enrolment tokens ----
// A certificate whose key signs an application in. What sign-in needs of it, read when it was
// added.
struct AppCertificate {
  Sha256 thumbprint{};     // SHA-256 of its DER
  std::string sha1;        // SHA-1 of its DER, 20 bytes
  std::string public_key;  // SubjectPublicKeyInfo, DER
  std::string subject;     // for people
  Timestamp not_before{};
  Timestamp not_after{};
  Timestamp added{};
  friend bool operator==(const AppCertificate&, const AppCertificate&) = default;
};

struct App {
  TenantId tenant;
  AppId id;
  std::string name;
  std::vector<std::string> roles;
  std::optional<Sha256> secret;  // SHA-256 of a 256-bit random secret; nullopt: it has none
  Timestamp created{};
  std::vector<AppCertificate> certificates{};  // in the order in which they were added
  std::uint32_t rate_factor = 1;  // its call rates are so many times the server's; 0: none
  // For users who sign in through it: where codes may be sent to, and what it may ask for. Without
  // scopes no user can sign in through it; without secret and certificates it is a public client.
  std::vector<std::string> redirect_uris{};
  std::vector<std::string> scopes{};  // delegated permissions
  friend bool operator==(const App&, const App&) = default;
};

struct EnrollmentToken {
  TenantId tenant;
  Sha256 token{};  // SHA-256 of a 256-bit random token
  Timestamp expires{};
  std::uint32_t uses_left = 1;
  std::vector<std::string> tags;  // given to machines it enrols
  Timestamp created{};
  friend bool operator==(const EnrollmentToken&, const EnrollmentToken&) = default;
};

struct Tenant {
  TenantId id;
  std::string name;
};

class AppStore {
 public:
  virtual ~AppStore() = default;
  virtual void add_tenant(Tenant tenant, Done<void> done) = 0;
  virtual void tenants(Done<std::vector<Tenant>> done) = 0;
  // An application begins without certificates. Errors: already_exists (id, or name in the tenant).
  virtual void add_app(App app, ChangedBy by, Done<void> done) = 0;
  void add_app(App app, Done<void> done) { add_app(std::move(app), {}, std::move(done)); }
  virtual void app(TenantId tenant, AppId id, Done<App> done) = 0;  // Errors: not_found
  virtual void apps(TenantId tenant, Done<std::vector<App>> done) = 0;
  virtual void set_secret(TenantId tenant, AppId id, Sha256 secret, ChangedBy by,
                          Done<void> done) = 0;
  void set_secret(TenantId tenant, AppId id, Sha256 secret, Done<void> done) {
    set_secret(tenant, id, secret, {}, std::move(done));
  }
  virtual void remove_app(TenantId tenant, AppId id, ChangedBy by, Done<void> done) = 0;
  void remove_app(TenantId tenant, AppId id, Done<void> done) {
    remove_app(tenant, id, {}, std::move(done));
  }
  // Errors: not_found (the application), already_exists (it has this one), invalid_input (it has
  // certificates_max already).
  virtual void add_certificate(TenantId tenant, AppId id, AppCertificate certificate,
                               std::size_t certificates_max, Done<void> done) = 0;
  // Errors: not_found (the application, or it has no such certificate).
  virtual void remove_certificate(TenantId tenant, AppId id, Sha256 thumbprint,
                                  Done<void> done) = 0;
  // As App::rate_factor. Errors: not_found.
  virtual void set_rate_factor(TenantId tenant, AppId id, std::uint32_t factor,
                               Done<void> done) = 0;
  virtual void add_token(EnrollmentToken token, ChangedBy by, Done<void> done) = 0;
  void add_token(EnrollmentToken token, Done<void> done) {
    add_token(std::move(token), {}, std::move(done));
  }
  // Those that still enrol machines at `now`, the newest first, at most `most`.
  virtual void live_tokens(TenantId tenant, Timestamp now, std::size_t most,
                           Done<std::vector<EnrollmentToken>> done) = 0;
  // It enrols nothing any more; machines that it has enrolled stay. Errors: not_found.
  virtual void remove_token(TenantId tenant, Sha256 token, ChangedBy by, Done<void> done) = 0;
};

}  // namespace reachback::server
