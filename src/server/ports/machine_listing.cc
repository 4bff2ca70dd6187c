#include <algorithm>

#include "base/bytes.h"
#include "server/ports/described.h"
#include "server/ports/directory.h"
#include "server/ports/listing.h"
#include "server/ports/users.h"

namespace reachback::server {
namespace {

using odata::Type;
using odata::Value;

// What of MDE's machine Reachback knows nothing of is constant, and has the value that it is shown
// with. healthStatus and the device group have no getter: they are not in the row (see getter()).
const Described<Machine>& described() {
  static const Described<Machine> made(
      "Machine",
      {{{"id", Type::folded_text}, [](const Machine& m) { return Value(m.id.text()); }},
       {{"mergedIntoMachineId", Type::text, true, {}, Value()}},
       {{"isPotentialDuplication", Type::boolean, false, {}, number(0)}},
       {{"isExcluded", Type::boolean, false, {}, number(0)}},
       {{"exclusionReason",
         Type::choice,
         true,
         {{"Other", 0},
          {"InactiveDevice", 1},
          {"DuplicateDevice", 2},
          {"DeviceDoesNotExist", 3},
          {"DeviceOutOfScope", 4}},
         Value()}},
       {{"computerDnsName", Type::folded_text},
        [](const Machine& m) { return Value(to_lower(m.name)); }},
       {{"firstSeen", Type::date},
        [](const Machine& m) { return number(to_micros(m.first_seen)); }},
       {{"lastSeen", Type::date}, [](const Machine& m) { return number(to_micros(m.last_seen)); }},
       {{"osPlatform"}, [](const Machine& m) { return Value(m.os_platform); }},
       {{"osProcessor", Type::text, true},
        [](const Machine& m) { return text_or_null(m.os_processor); }},
       {{"version", Type::text, true}, [](const Machine& m) { return text_or_null(m.os_version); }},
       {{"lastIpAddress", Type::text, true},
        [](const Machine& m) { return text_or_null(m.last_ip); }},
       {{"lastExternalIpAddress", Type::text, true},
        [](const Machine& m) { return text_or_null(m.last_external_ip); }},
       {{"agentVersion", Type::text, true},
        [](const Machine& m) { return text_or_null(m.agent_version); }},
       {{"osBuild", Type::number}, [](const Machine& m) { return number(m.os_build); }},
       {{"healthStatus",
         Type::choice,
         false,
         {{"Active", static_cast<std::int64_t>(Health::active)},
          {"Inactive", static_cast<std::int64_t>(Health::inactive)},
          {"ImpairedCommunication", static_cast<std::int64_t>(Health::impaired)},
          {"NoSensorData", 3},
          {"NoSensorDataImpairedCommunication", 4},
          {"Unknown", 5}}}},
       {{"deviceValue", Type::choice, false, {{"Normal", 0}, {"Low", 1}, {"High", 2}}},
        [](const Machine& m) { return number(static_cast<std::int64_t>(m.device_value)); }},
       {{"rbacGroupId", Type::number}},
       {{"rbacGroupName", Type::text, true}},
       {{"ipAddresses", Type::opaque}},
       {{"riskScore",
         Type::choice,
         false,
         {{"None", 0}, {"Informational", 5}, {"Low", 10}, {"Medium", 20}, {"High", 30}},
         number(0)}},
       {{"exposureLevel",
         Type::choice,
         false,
         {{"None", 0}, {"Low", 10}, {"Medium", 20}, {"High", 30}},
         number(0)}},
       {{"isAadJoined", Type::boolean, false, {}, number(0)}},
       {{"aadDeviceId", Type::guid, true, {}, Value()}},
       {{"machineTags", Type::texts}, [](const Machine& m) { return Value(m.tags); }},
       {{"vmMetadata", Type::opaque, true}},
       {{"onboardingStatus",
         Type::choice,
         false,
         {{"InsufficientInfo", 0}, {"Onboarded", 1}, {"CanBeOnboarded", 2}, {"Unsupported", 3}},
         number(1)}},
       {{"osArchitecture", Type::text, true},
        [](const Machine& m) { return text_or_null(m.os_architecture); }},
       {{"managedBy",
         Type::choice,
         false,
         {{"Unknown", 0},
          {"Intune", 1},
          {"SystemCenterConfigurationManager", 2},
          {"MicrosoftDefenderForEndpoint", 3}},
         number(0)}},
       {{"managedByStatus",
         Type::choice,
         false,
         {{"Unknown", 0}, {"Success", 1}, {"Error", 2}},
         number(0)}},
       // Ours.
       {{"osDistribution", Type::text, true},
        [](const Machine& m) { return text_or_null(m.os_distribution); }},
       {{"quarantine", Type::opaque, true}}},
      "id", {{"firstSeen", false}});
  return made;
}

Value health_of(const Machine& machine, const IsActive& active) {
  // Only a machine that speaks normally is active: one in quarantine gets no orders.
  Health health = machine.quarantine                      ? Health::impaired
                  : active(machine.id, machine.last_seen) ? Health::active
                                                          : Health::inactive;
  return number(static_cast<std::int64_t>(health));
}

}  // namespace

const odata::Entity& machine_entity() {
  return described().entity();
}

bool MachineScope::has(const std::vector<std::string>& tags_of_machine) const {
  return !tags || std::any_of(tags->begin(), tags->end(), [&](const std::string& tag) {
    return std::find(tags_of_machine.begin(), tags_of_machine.end(), tag) != tags_of_machine.end();
  });
}

const DeviceGroup* group_of(const DeviceGroupList& groups, const std::vector<std::string>& tags) {
  if (groups == nullptr) {
    return nullptr;
  }
  auto found = std::find_if(groups->begin(), groups->end(), [&tags](const DeviceGroup& group) {
    return std::find(tags.begin(), tags.end(), group.tag) != tags.end();
  });
  return found == groups->end() ? nullptr : &*found;
}

odata::Getter getter(const Machine& machine, const MachineContext& context) {
  static const odata::Property* const kHealth = machine_entity().find("healthStatus");
  static const odata::Property* const kGroupId = machine_entity().find("rbacGroupId");
  static const odata::Property* const kGroupName = machine_entity().find("rbacGroupName");
  return [&machine, &context](const odata::Property& property) {
    if (&property == kHealth) {
      return health_of(machine, context.active);
    }
    if (&property != kGroupId && &property != kGroupName) {
      return described().value(machine, property);
    }
    const DeviceGroup* group = group_of(context.groups, machine.tags);
    return &property == kGroupId ? number(group == nullptr ? 0 : group->id)
           : group == nullptr    ? Value()
                                 : Value(group->name);
  };
}

std::uint64_t text_bytes(const Machine& machine) {
  constexpr std::uint64_t kFixedBytes = 1000;   // ids, times, the names of the properties
  constexpr std::uint64_t kAddressBytes = 100;  // the names around an address
  std::uint64_t total = kFixedBytes + machine.name.size() + machine.os_platform.size() +
                        machine.os_version.size() + machine.agent_version.size();
  for (const NetworkAddress& address : machine.addresses) {
    total += kAddressBytes + address.ip.size();
  }
  for (const std::string& tag : machine.tags) {
    total += tag.size();
  }
  return total;
}

}  // namespace reachback::server
