// One live-response machine action and everything that is decided about it. Plain values: copy,
// compare, print. Source of names and states: MDE machineAction resource; trust.md §3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

namespace reachback::action {

// Numbers are stored: never reused. Spelling on the wire is rest/'s business.
enum class Status : std::uint8_t {
  pending = 0,
  cancelled = 1,
  timed_out = 2,
  failed = 3,
  in_progress = 4,
  succeeded = 5
};
enum class CommandStatus : std::uint8_t { completed = 1, failed = 2, created = 8 };
// built_in: what the agent does itself, of an interactive session (api/interactive.json). terminal:
// a shell into which somebody types, of one too. collect: the forensic package of the machine.
enum class CommandType : std::uint8_t {
  put_file = 0,
  get_file = 1,
  run_script = 3,
  built_in = 4,
  terminal = 5,
  collect = 6
};

// A file of the library goes with the order.
constexpr bool takes_library_file(CommandType t) {
  return t == CommandType::run_script || t == CommandType::put_file;
}
// Its result is a file of the machine's, or one made of it.
constexpr bool leaves_file(CommandType t) {
  return t == CommandType::get_file || t == CommandType::collect;
}
// It writes streams of output, and its result is made of them.
constexpr bool has_streams(CommandType t) {
  return t == CommandType::run_script || t == CommandType::built_in || t == CommandType::terminal;
}

constexpr bool is_final(Status s) {
  return s != Status::pending && s != Status::in_progress;
}

// Errors of one command that are kept; a machine cannot grow an action without bound.
inline constexpr std::size_t kCommandErrorsMax = 16;

// Bytes that stand in the blob store, whole and unchangeable.
struct StoredBlob {
  std::string name;  // 32 hex digits
  std::uint64_t bytes = 0;
  Sha256 sha256{};
  friend bool operator==(const StoredBlob&, const StoredBlob&) = default;
};

// What get_file read: where its path led, symbolic links followed, and the file's own bytes,
// whatever form the result has. What put_file placed, and where. What collect made: its name.
struct FetchedFile {
  std::string path;
  std::uint64_t bytes = 0;
  Sha256 sha256{};
  friend bool operator==(const FetchedFile&, const FetchedFile&) = default;
};

struct Param {
  std::string key;
  std::string value;
  friend bool operator==(const Param&, const Param&) = default;
};

struct Command {
  CommandType type = CommandType::run_script;
  std::vector<Param> params;  // as the client sent them, for the echo
  // The library file's version pinned at accept (run_script, put_file); an action runs the bytes it
  // was accepted with.
  std::string file_name;  // built_in, terminal, collect: the name of the command
  Sha256 file_sha256{};
  std::uint64_t file_bytes = 0;
  std::optional<std::string> args;  // built_in, terminal: words name=value
  std::string path;                 // get_file; built_in, terminal: the current folder
  bool keep = false;  // put_file: until the machine restarts, whatever the settings say
  Duration timeout{};

  CommandStatus status = CommandStatus::created;
  std::optional<Timestamp> started;
  std::optional<Timestamp> ended;
  std::optional<std::int32_t> exit_code;
  std::vector<std::string> errors;
  std::optional<StoredBlob>
      result;  // may be there for a failed or late command too: partial output is linkable
  std::optional<StoredBlob> raw_stdout;
  std::optional<StoredBlob> raw_stderr;
  std::optional<FetchedFile> file;  // get_file, put_file, collect
  // The machine's word on what it did: 64 bytes of signature, then the signed bytes
  // (api/agent.proto: Receipt). Empty: none.
  std::string receipt;
  friend bool operator==(const Command&, const Command&) = default;
};

struct Cancellation {
  std::string requestor;
  std::string comment;
  Timestamp at{};
  friend bool operator==(const Cancellation&, const Cancellation&) = default;
};

struct Action {
  TenantId tenant;
  ActionId id;
  MachineId machine;
  std::string machine_name;  // computerDnsName at accept
  Status status = Status::pending;
  std::vector<Command> commands;

  std::string requestor;  // user principal name or application id
  std::string comment;
  std::optional<std::string> title;
  std::optional<std::string> external_id;
  std::string request_source;  // "PublicApi"
  Timestamp created{};
  Timestamp updated{};
  std::optional<Cancellation> cancellation;  // set: asked for; with status cancelled: done

  // Written at accept: queue_deadline = created + Q; window = sum of the commands' limits + 5 min
  // (decisions.md 3).
  Timestamp queue_deadline{};
  Duration window{};
  // The grant (A1): epoch grows with each, generation is the journal generation it is bound to.
  std::uint64_t epoch = 0;
  std::optional<JournalGeneration> generation;
  std::optional<Timestamp> granted;

  std::uint64_t version = 0;  // grows with every stored change; compare-and-set key
  friend bool operator==(const Action&, const Action&) = default;
};

// Added to the window before the server declares TimeOut, so that the agent's own window is over
// first: 2 % + 60 s. Source: trust.md F30.
Duration window_margin(Duration window);
// When the reaper must look at this action: queue_deadline while pending, granted + window + margin
// while in progress; nullopt when final.
std::optional<Timestamp> deadline(const Action& a);

}  // namespace reachback::action
