#include "base/bytes.h"
#include "server/action/action.h"
#include "server/ports/described.h"
#include "server/ports/listing.h"

namespace reachback::server {
namespace {

using action::Action;
using odata::Type;
using odata::Value;

const std::vector<odata::Choice>& types() {
  static const std::vector<odata::Choice> all = {{"Unknown", 0},
                                                 {"RequestSample", 2},
                                                 {"Block", 4},
                                                 {"RunAntiVirusScan", 5},
                                                 {"Offboard", 6},
                                                 {"RegenerateId", 7},
                                                 {"CollectInvestigationPackage", 8},
                                                 {"Isolate", 10},
                                                 {"Unisolate", 11},
                                                 {"StopAndQuarantineFile", 12},
                                                 {"RestrictCodeExecution", 13},
                                                 {"UnrestrictCodeExecution", 14},
                                                 {"LiveResponse", 23},
                                                 {"Troubleshoot", 30},
                                                 {"LogsCollection", 33},
                                                 {"TokenRefresh", 38},
                                                 {"EndpointConfigManagementCheckin", 41},
                                                 {"EnableActiveDirectoryUser", 46},
                                                 {"DisableActiveDirectoryUser", 47},
                                                 {"ResetPasswordActiveDirectoryUser", 48},
                                                 {"ImmuneActiveDirectoryCustomPlaybook", 50}};
  return all;
}

constexpr std::int64_t kLiveResponse = 23;

const std::vector<odata::Choice>& request_sources() {
  static const std::vector<odata::Choice> all = {{"Unspecified", 0},
                                                 {"PublicApi", 1},
                                                 {"Portal", 2},
                                                 {"MCAS", 3},
                                                 {"TVM", 4},
                                                 {"CustomDetection", 5},
                                                 {"BulkAction", 6},
                                                 {"ISG", 7},
                                                 {"NDR", 8},
                                                 {"EndpointConfigManagement", 9},
                                                 {"IncidentTasks", 10},
                                                 {"MDI", 11},
                                                 {"ActiveScan", 12}};
  return all;
}

Value source_number(const std::string& name) {
  for (const odata::Choice& choice : request_sources()) {
    if (choice.name == name) {
      return choice.number;
    }
  }
  return number(0);  // Unspecified
}

// The numbers of Status are those of MDE's actionStatus.
const Described<Action>& described() {
  // Newest first. Source: mde-spec.md §5, clients.md 38.
  static const Described<Action> made(
      "MachineAction",
      {{{"id", Type::guid}, [](const Action& a) { return Value(a.id.text()); }},
       // Actions of other types are not made here.
       {{"type", Type::choice, false, types(), number(kLiveResponse)}},
       {{"title", Type::text, true}, [](const Action& a) { return text_or_null(a.title); }},
       {{"requestor"}, [](const Action& a) { return Value(a.requestor); }},
       {{"requestorComment"}, [](const Action& a) { return Value(a.comment); }},
       {{"status",
         Type::choice,
         false,
         {{"Pending", 0},
          {"Cancelled", 1},
          {"TimeOut", 2},
          {"Failed", 3},
          {"InProgress", 4},
          {"Succeeded", 5}}},
        [](const Action& a) { return number(static_cast<std::int64_t>(a.status)); }},
       {{"machineId", Type::folded_text}, [](const Action& a) { return Value(a.machine.text()); }},
       {{"computerDnsName", Type::folded_text},
        [](const Action& a) { return Value(to_lower(a.machine_name)); }},
       {{"creationDateTimeUtc", Type::date},
        [](const Action& a) { return number(to_micros(a.created)); }},
       {{"lastUpdateDateTimeUtc", Type::date},
        [](const Action& a) { return number(to_micros(a.updated)); }},
       {{"cancellationRequestor", Type::text, true},
        [](const Action& a) {
          return a.cancellation ? Value(a.cancellation->requestor) : Value();
        }},
       {{"cancellationComment", Type::text, true},
        [](const Action& a) { return a.cancellation ? Value(a.cancellation->comment) : Value(); }},
       {{"cancellationDateTimeUtc", Type::date, true},
        [](const Action& a) {
          return a.cancellation ? number(to_micros(a.cancellation->at)) : Value();
        }},
       {{"errorHResult", Type::number, false, {}, number(0)}},
       {{"scope", Type::text, true, {}, Value()}},
       {{"externalId", Type::text, true},
        [](const Action& a) { return text_or_null(a.external_id); }},
       {{"requestSource", Type::choice, false, request_sources()},
        [](const Action& a) { return source_number(a.request_source); }},
       {{"relatedFileInfo", Type::opaque, true}},
       {{"commands", Type::opaque}},
       {{"troubleshootInfo", Type::opaque, true}}},
      "id", {{"creationDateTimeUtc", true}});
  return made;
}

}  // namespace

const odata::Entity& action_entity() {
  return described().entity();
}

odata::Getter getter(const Action& action) {
  return [&action](const odata::Property& property) { return described().value(action, property); };
}

std::uint64_t text_bytes(const Action& action) {
  constexpr std::uint64_t kFixedBytes = 512;  // ids, times, the names of the properties
  std::uint64_t total = kFixedBytes + action.machine_name.size() + action.requestor.size() +
                        action.comment.size() + action.title.value_or("").size() +
                        action.external_id.value_or("").size() + action.request_source.size();
  for (const action::Command& command : action.commands) {
    total += kFixedBytes / 2;
    for (const action::Param& param : command.params) {
      total += param.key.size() + param.value.size();
    }
    for (const std::string& error : command.errors) {
      total += error.size();
    }
  }
  return total;
}

}  // namespace reachback::server
