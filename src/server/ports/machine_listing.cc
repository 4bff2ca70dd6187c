#include "base/bytes.h"
#include "server/ports/described.h"
#include "server/ports/directory.h"
#include "server/ports/listing.h"

namespace reachback::server {
namespace {

using odata::Type;
using odata::Value;

// What of MDE's machine Reachback knows nothing of is constant, and has the value that it is shown
// with. healthStatus has no getter: it is not in the row (see getter()).
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
       {{"rbacGroupId", Type::number, false, {}, number(0)}},
       {{"rbacGroupName", Type::text, true, {}, Value()}},
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

odata::Getter getter(const Machine& machine, const IsActive& active) {
  static const odata::Property* const kHealth = machine_entity().find("healthStatus");
  return [&machine, &active](const odata::Property& property) {
    return &property == kHealth ? health_of(machine, active) : described().value(machine, property);
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
