// What $metadata says beyond the descriptions of the lists. Included by csdl.cc only.
#pragma once

#include <string_view>
#include <vector>

namespace reachback::server::rest::csdl_tables {

// Types are written "Edm.String", "Machine" (of our namespace), "[Machine]" (several).

// An entity type of listing.h: its name in MDE's metadata and its set.
struct EntityName {
  std::string_view described, type, set;
};
constexpr EntityName kEntities[] = {
    {"MachineAction", "MachineAction", "MachineActions"},
    {"Machine", "Machine", "Machines"},
    {"LibraryFile", "LibraryFiles", "LibraryFiles"},
};

// The type of a property that is a choice, is opaque, or is a number of other than 32 bits.
struct PropertyType {
  std::string_view described, property, type;
  std::string_view underlying{};  // of an enumeration
};
constexpr PropertyType kPropertyTypes[] = {
    {"MachineAction", "type", "actionType", "Edm.Byte"},
    {"MachineAction", "status", "actionStatus", "Edm.Int32"},
    {"MachineAction", "requestSource", "KnownRequestSource", "Edm.Byte"},
    {"MachineAction", "relatedFileInfo", "RelatedFileInfo"},
    {"MachineAction", "commands", "[CustomPlaybookCommandResult]"},
    {"MachineAction", "troubleshootInfo", "TroubleshootInfo"},
    {"Machine", "exclusionReason", "ExclusionReason", "Edm.Byte"},
    {"Machine", "osBuild", "Edm.Int64"},
    {"Machine", "healthStatus", "MachineHealthStatus", "Edm.Int32"},
    {"Machine", "deviceValue", "DeviceValue", "Edm.Byte"},
    {"Machine", "ipAddresses", "[MachineIpAddress]"},
    {"Machine", "riskScore", "RiskScore", "Edm.Byte"},
    {"Machine", "exposureLevel", "ExposureLevel", "Edm.Byte"},
    {"Machine", "vmMetadata", "VmMetadata"},
    {"Machine", "onboardingStatus", "OnboardingStatus", "Edm.Byte"},
    {"Machine", "managedBy", "DeviceManagedBy", "Edm.Int32"},
    {"Machine", "managedByStatus", "DeviceManagedByStatus", "Edm.Int32"},
    {"Machine", "quarantine", "Quarantine"},
};

struct Member {
  std::string_view name, type;
  bool nullable = false;
};
// A list that takes no options but those of a page. The first member is its key. Of alerts there
// are none, so only the key is named. Source: clients.md 15, 16; the tag is ours.
struct PlainSet {
  std::string_view type, set;
  std::vector<Member> members;
};
inline const std::vector<PlainSet>& plain_sets() {
  static const std::vector<PlainSet> all = {
      {"Alert", "Alerts", {{"id", "Edm.String"}}},
      {"MachineGroup",
       "MachineGroups",
       {{"id", "Edm.Int32"}, {"name", "Edm.String"}, {"tag", "Edm.String"}}},
  };
  return all;
}

struct ComplexType {
  std::string_view name;
  std::vector<Member> members;
};
inline const std::vector<ComplexType>& complex_types() {
  static const std::vector<ComplexType> all = {
      {"CustomPlaybookParameter", {{"key", "CustomPlaybookParams"}, {"value", "Edm.String"}}},
      {"CustomPlaybookCommand",
       {{"type", "CustomPlaybookActionTypes"}, {"params", "[CustomPlaybookParameter]"}}},
      {"CustomPlaybookCommandResult",
       {{"index", "Edm.Int32"},
        {"startTime", "Edm.DateTimeOffset", true},
        {"endTime", "Edm.DateTimeOffset", true},
        {"commandStatus", "CustomPlaybookCommandStatus"},
        {"errors", "[Edm.String]"},
        {"command", "CustomPlaybookCommand"},
        {"file", "FetchedFile", true}}},
      // Ours.
      {"FetchedFile", {{"path", "Edm.String"}, {"size", "Edm.Int64"}, {"sha256", "Edm.String"}}},
      {"RelatedFileInfo",
       {{"fileIdentifier", "Edm.String", true},
        {"fileIdentifierType", "fileIdentifierType", true}}},
      {"TroubleshootInfo",
       {{"expirationUtc", "Edm.DateTimeOffset"},
        {"startTsModeUtc", "Edm.DateTimeOffset"},
        {"paramsJsonFormatVersion", "Edm.Int32"},
        {"state", "Edm.Int32"}}},
      {"MachineIpAddress",
       {{"ipAddress", "Edm.String"},
        {"macAddress", "Edm.String", true},
        {"type", "InterfaceType"},
        {"operationalStatus", "IpInterfaceOperationalStatus"}}},
      {"VmMetadata",
       {{"vmId", "Edm.String", true},
        {"cloudProvider", "vmCloudProvider"},
        {"resourceId", "Edm.String", true},
        {"subscriptionId", "Edm.String", true}}},
      // Ours.
      {"Quarantine", {{"since", "Edm.DateTimeOffset"}, {"reason", "Edm.String"}}},
      {"Receipt", {{"index", "Edm.Int32"}, {"receipt", "Edm.String"}, {"signature", "Edm.String"}}},
      {"Receipts",
       {{"machineId", "Edm.String"}, {"publicKey", "Edm.String"}, {"value", "[Receipt]"}}},
  };
  return all;
}

// Enumerations that no property of a list has. Numbers are MDE's, never ours.
struct Enumeration {
  std::string_view name, underlying, members;  // "Name=1 Other=2"
};
constexpr Enumeration kEnumerations[] = {
    {"CustomPlaybookActionTypes", "Edm.Byte",
     "PutFile=0 GetFile=1 RunPowerShell=2 RunScript=3 BuiltIn=4 Terminal=5 Collect=6"},
    {"CustomPlaybookParams", "Edm.Byte",
     "FileName=0 Args=1 Path=2 ScriptName=3 IsExternalSource=4 FileUri=5 ScriptHash=6 "
     "ScriptSource=7"},
    {"CustomPlaybookCommandStatus", "Edm.Byte",
     "Executing=0 Completed=1 Failed=2 PendingResource=4 Submitted=6 Created=8"},
    {"fileIdentifierType", "Edm.Byte", "Sha1=0 Sha256=1 Md5=2"},
    {"InterfaceType", "Edm.Int64",
     "Unknown=0 Other=1 Ethernet=6 TokenRing=9 PPP=23 SoftwareLoopback=24 ATM=37 IEEE80211=71 "
     "Tunnel=131 IEEE1394=144"},
    {"IpInterfaceOperationalStatus", "Edm.Int32",
     "Up=1 Down=2 Testing=3 Unknown=4 Dormant=5 Present=6 LowerLayerDown=7"},
    {"vmCloudProvider", "Edm.Int32", "Unknown=0 Azure=1"},
    {"TagAction", "Edm.Int32", "Add=0 Remove=1"},
};

struct Parameter {
  std::string_view name, type;
  bool nullable = false;
  bool optional = false;
};
struct Operation {
  enum class Kind { action, function } kind;
  std::string_view name, bound_to;
  std::vector<Parameter> parameters;
  std::string_view returns;  // never null
};
inline const std::vector<Operation>& operations() {
  using enum Operation::Kind;
  static const std::vector<Operation> all = {
      {action,
       "RunLiveResponse",
       "Machine",
       {{"Comment", "Edm.String", true, true},
        {"ExternalId", "Edm.String", true, true},
        {"RequestSource", "KnownRequestSource", true, true},
        {"Title", "Edm.String", true, true},
        {"Commands", "[CustomPlaybookCommand]"}},
       "MachineAction"},
      {action, "Cancel", "MachineAction", {{"Comment", "Edm.String"}}, "MachineAction"},
      {function,
       "GetLiveResponseResultDownloadLink",
       "MachineAction",
       {{"index", "Edm.Int32"}},
       "Edm.String"},
      {function, "receipts", "MachineAction", {}, "Receipts"},  // ours
      {function, "MachineActions", "Machine", {}, "[MachineAction]"},
      {action, "Tags", "Machine", {{"Value", "Edm.String"}, {"Action", "TagAction"}}, "Machine"},
      {action,
       "AddOrRemoveTagForMultipleMachines",
       "[Machine]",
       {{"Value", "Edm.String"}, {"Action", "TagAction"}, {"MachineIds", "[Edm.String]"}},
       "[Machine]"},
      {action, "SetDeviceValue", "Machine", {{"DeviceValue", "DeviceValue"}}, "Machine"},
      {function,
       "FindByIp",
       "[Machine]",
       {{"ip", "Edm.String"}, {"timestamp", "Edm.DateTimeOffset"}},
       "[Machine]"},
      // Its tag comes in the query string, which CSDL has no word for.
      {function, "FindByTag", "[Machine]", {}, "[Machine]"},
  };
  return all;
}

}  // namespace reachback::server::rest::csdl_tables
