#include "server/store_sqlite/list_functions.h"

#include <algorithm>

#include "server/odata/evaluate.h"
#include "server/ports/listing.h"
#include "server/ports/users.h"
#include "server/store_sqlite/action_codec.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {
namespace {

using odata::Op;

std::string_view bytes_of(sqlite3_value* value) {
  const void* data = sqlite3_value_blob(value);
  int size = sqlite3_value_bytes(value);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

bool has_null(int count, sqlite3_value** arguments) {
  return std::any_of(arguments, arguments + count,
                     [](sqlite3_value* v) { return sqlite3_value_type(v) == SQLITE_NULL; });
}

Db& db_of(sqlite3_context* context) {
  return *static_cast<Db*>(sqlite3_user_data(context));
}

// What a call costs besides, as the text stands in the row and not in an index.
constexpr std::uint64_t kCallSteps = 20;
// Reading so many bytes costs as much as one of SQLite's instructions, about.
constexpr std::size_t kBytesPerStep = 64;

template <Op op>
void text_function(sqlite3_context* context, int count, sqlite3_value** arguments) {
  if (has_null(count, arguments)) {
    return;  // null
  }
  std::string_view text = bytes_of(arguments[0]);
  db_of(context).charge(kCallSteps + text.size() / kBytesPerStep);
  sqlite3_result_int(context, odata::text_fits(op, text, bytes_of(arguments[1])) ? 1 : 0);
}

// Null also for a document that cannot be read: the row is left out where it is read.
void action_function(sqlite3_context* context, int count, sqlite3_value** arguments) {
  constexpr std::uint64_t kDecodeSteps = 100;
  if (has_null(count, arguments)) {
    return;
  }
  std::string_view document = bytes_of(arguments[0]);
  db_of(context).charge(kDecodeSteps + document.size() / kBytesPerStep);
  const odata::Property* property = action_entity().find(bytes_of(arguments[1]));
  action::Action action;
  if (property == nullptr || !decode_action(document, action)) {
    return;
  }
  const odata::Value value = getter(action)(*property);
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    sqlite3_result_int64(context, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}

void active_function(sqlite3_context* context, int count, sqlite3_value** arguments) {
  const MachineContext* of = db_of(context).machine_context();
  if (has_null(count, arguments) || of == nullptr) {
    return;
  }
  auto id = MachineId::from_bytes(bytes_of(arguments[0]));
  bool yes = id && of->active(*id, from_micros(sqlite3_value_int64(arguments[1])));
  sqlite3_result_int(context, yes ? 1 : 0);
}

void group_function(sqlite3_context* context, int count, sqlite3_value** arguments) {
  const MachineContext* of = db_of(context).machine_context();
  if (has_null(count, arguments) || of == nullptr) {
    return;
  }
  std::string_view document = bytes_of(arguments[0]);
  db_of(context).charge(kCallSteps + document.size() / kBytesPerStep);
  const bool id = bytes_of(arguments[1]) == "id";
  const auto tags = decode_list(document);
  const DeviceGroup* group = tags ? group_of(of->groups, *tags) : nullptr;
  if (id) {
    sqlite3_result_int64(context, group == nullptr ? 0 : group->id);
  } else if (group != nullptr) {
    sqlite3_result_text64(context, group->name.data(), group->name.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
  }
}

struct Function {
  const char* name;
  void (*call)(sqlite3_context*, int, sqlite3_value**);
  int flags;
};
// Never in a schema: a database stays readable by other programs.
constexpr int kPure = SQLITE_UTF8 | SQLITE_DIRECTONLY | SQLITE_DETERMINISTIC;
constexpr int kOfQuery = SQLITE_UTF8 | SQLITE_DIRECTONLY;
constexpr Function kFunctions[] = {{"rb_starts_with", text_function<Op::starts_with>, kPure},
                                   {"rb_ends_with", text_function<Op::ends_with>, kPure},
                                   {"rb_contains", text_function<Op::contains>, kPure},
                                   {"rb_action", action_function, kPure},
                                   {"rb_active", active_function, kOfQuery},
                                   {"rb_group", group_function, kOfQuery}};

}  // namespace

Result<void> add_list_functions(Db& db) {
  for (const Function& f : kFunctions) {
    int rc = sqlite3_create_function_v2(db.handle(), f.name, 2, f.flags, &db, f.call, nullptr,
                                        nullptr, nullptr);
    if (rc != SQLITE_OK) {
      return db.error(rc, "database");
    }
  }
  return {};
}

}  // namespace reachback::server
