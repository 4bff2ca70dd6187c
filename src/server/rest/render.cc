#include "server/rest/render.h"

#include <algorithm>

#include "server/rest/json_text.h"
#include "server/rest/names.h"

namespace reachback::server::rest {
namespace {

// {"@odata.context":...,"value":[...]}, with "@odata.count" and "@odata.nextLink" where there are.
template <typename T, typename Append>
std::string list(std::string_view context, const std::vector<T>& items, std::size_t bytes_each,
                 Append append, const ListShape& shape) {
  std::vector<std::string_view> kept;
  kept.reserve(shape.select.size());
  for (const odata::Property* property : shape.select) {
    kept.push_back(property->name);
  }
  std::string out;
  out.reserve(context.size() + 32 + items.size() * bytes_each);
  ObjectText object(out);
  object.text("@odata.context", context);
  if (shape.count) {
    object.number("@odata.count", static_cast<std::int64_t>(*shape.count));
  }
  object.value("value") += '[';
  bool first = true;
  for (const T& item : items) {
    if (!first) {
      out += ',';
    }
    first = false;
    ObjectText element(out);
    element.keep_only(kept.empty() ? nullptr : &kept);
    append(element, item);
    element.close();
  }
  out += ']';
  if (!shape.next_link.empty()) {
    object.text("@odata.nextLink", shape.next_link);
  }
  object.close();
  return out;
}

template <typename T, typename Append>
std::string entity(std::string_view context, const T& item, Append append) {
  std::string out;
  ObjectText object(out);
  object.text("@odata.context", context);
  append(object, item);
  object.close();
  return out;
}

template <typename List, typename Append>
void array(ObjectText& object, std::string_view key, const List& items, Append append) {
  std::string& out = object.value(key);
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) {
      out += ',';
    }
    first = false;
    append(out, item);
  }
  out += ']';
}

void append_command(std::string& out, const action::Command& command, std::size_t index) {
  ObjectText o(out);
  o.number("index", static_cast<std::int64_t>(index));
  o.time_or_null("startTime", command.started).time_or_null("endTime", command.ended);
  o.text("commandStatus", command_status_name(command.status));
  array(o, "errors", command.errors,
        [](std::string& to, const std::string& text) { append_json_string(to, text); });
  {
    ObjectText inner(o.value("command"));
    inner.text("type", type_name(command.type));
    array(inner, "params", command.params, [](std::string& to, const action::Param& param) {
      ObjectText p(to);
      p.text("key", param.key).text("value", param.value).close();
    });
    inner.close();
  }
  if (command.file) {  // ours
    ObjectText file(o.value("file"));
    file.text("path", command.file->path);
    file.number("size", static_cast<std::int64_t>(command.file->bytes));
    file.text("sha256", to_hex(as_bytes(command.file->sha256))).close();
  }
  o.close();
}

void append_action(ObjectText& o, const action::Action& a) {
  o.text("id", a.id.text()).text("type", "LiveResponse").text_or_null("title", a.title);
  o.text("requestor", a.requestor).text("requestorComment", a.comment);
  o.text("status", status_name(a.status));
  o.text("machineId", a.machine.text()).text("computerDnsName", a.machine_name);
  o.time("creationDateTimeUtc", a.created).time("lastUpdateDateTimeUtc", a.updated);
  if (a.cancellation) {
    o.text("cancellationRequestor", a.cancellation->requestor);
    o.text("cancellationComment", a.cancellation->comment);
    o.time("cancellationDateTimeUtc", a.cancellation->at);
  } else {
    o.null("cancellationRequestor").null("cancellationComment").null("cancellationDateTimeUtc");
  }
  o.number("errorHResult", 0).null("scope").text_or_null("externalId", a.external_id);
  o.text("requestSource", a.request_source).null("relatedFileInfo");
  std::size_t index = 0;
  array(o, "commands", a.commands, [&index](std::string& out, const action::Command& command) {
    append_command(out, command, index++);
  });
  o.null("troubleshootInfo");
}

// Twelve upper-case hex digits, as MDE shows it.
std::string mac_text(std::string_view mac) {
  std::string text = to_hex(mac);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

void append_machine(ObjectText& o, const MachineView& view, Freshness fresh) {
  const Machine& m = view.machine;
  bool active = view.connected || fresh.now - m.last_seen < fresh.inactive_after;
  o.text("id", m.id.text()).null("mergedIntoMachineId").boolean("isPotentialDuplication", false);
  o.boolean("isExcluded", false).null("exclusionReason").text("computerDnsName", m.name);
  o.time("firstSeen", m.first_seen).time("lastSeen", m.last_seen);
  o.text("osPlatform", m.os_platform).text_if_any("osProcessor", m.os_processor);
  o.text_if_any("version", m.os_version);
  o.text_if_any("lastIpAddress", m.last_ip)
      .text_if_any("lastExternalIpAddress", m.last_external_ip);
  o.text_if_any("agentVersion", m.agent_version).number("osBuild", m.os_build);
  // Only a machine that speaks normally is active: one in quarantine gets no orders.
  o.text("healthStatus", m.quarantine ? "ImpairedCommunication" : active ? "Active" : "Inactive");
  o.text("deviceValue", device_value_name(m.device_value));
  if (view.group) {
    o.number("rbacGroupId", view.group->id).text("rbacGroupName", view.group->name);
  } else {
    o.number("rbacGroupId", 0).null("rbacGroupName");
  }
  array(o, "ipAddresses", m.addresses, [](std::string& out, const NetworkAddress& address) {
    ObjectText ip(out);
    ip.text("ipAddress", address.ip).text_if_any("macAddress", mac_text(address.mac));
    ip.text("type", interface_type_name(address.type));
    ip.text("operationalStatus", operational_status_name(address.status)).close();
  });
  o.text("riskScore", "None").text("exposureLevel", "None").boolean("isAadJoined", false);
  o.null("aadDeviceId");
  array(o, "machineTags", m.tags,
        [](std::string& out, const std::string& tag) { append_json_string(out, tag); });
  o.null("vmMetadata").text("onboardingStatus", "Onboarded");
  o.text_if_any("osArchitecture", m.os_architecture);
  o.text("managedBy", "Unknown").text("managedByStatus", "Unknown");
  // Ours.
  o.text_if_any("osDistribution", m.os_distribution);
  if (m.quarantine) {
    ObjectText quarantine(o.value("quarantine"));
    quarantine.time("since", m.quarantine->since).text("reason", m.quarantine->reason).close();
  }
}

void append_library_file(ObjectText& o, const LibraryFile& file) {
  o.text("fileName", file.name).text("sha256", to_hex(as_bytes(file.sha256)));
  o.text_or_null("description", file.description);
  o.time("creationTime", file.created).time("lastUpdatedTime", file.updated);
  o.text("createdBy", file.created_by).boolean("hasParameters", file.has_parameters);
  o.text_or_null("parametersDescription", file.parameters_description);
}

constexpr std::size_t kActionBytes = 900;
constexpr std::size_t kMachineBytes = 1000;
constexpr std::size_t kLibraryFileBytes = 300;

}  // namespace

std::string render_action(std::string_view context, const action::Action& action) {
  return entity(context, action, append_action);
}

std::string render_actions(std::string_view context, const std::vector<action::Action>& actions,
                           const ListShape& shape) {
  return list(context, actions, kActionBytes, append_action, shape);
}

std::string render_receipts(std::string_view context, const action::Action& action,
                            std::string_view public_key) {
  constexpr std::size_t kSignatureBytes = 64;
  std::string out;
  ObjectText object(out);
  object.text("@odata.context", context).text("machineId", action.machine.text());
  object.text("publicKey", to_base64(public_key)).value("value") += '[';
  bool first = true;
  for (std::size_t i = 0; i < action.commands.size(); ++i) {
    std::string_view receipt = action.commands[i].receipt;
    if (receipt.size() <= kSignatureBytes) {
      continue;
    }
    out += first ? "" : ",";
    first = false;
    ObjectText element(out);
    element.number("index", static_cast<std::int64_t>(i));
    element.text("receipt", to_base64(receipt.substr(kSignatureBytes)));
    element.text("signature", to_base64(receipt.substr(0, kSignatureBytes))).close();
  }
  out += ']';
  object.close();
  return out;
}

std::string render_machine(std::string_view context, const MachineView& machine, Freshness fresh) {
  return entity(context, machine, [fresh](ObjectText& o, const MachineView& view) {
    append_machine(o, view, fresh);
  });
}

std::string render_machines(std::string_view context, const std::vector<MachineView>& machines,
                            Freshness fresh, const ListShape& shape) {
  return list(
      context, machines, kMachineBytes,
      [fresh](ObjectText& o, const MachineView& view) { append_machine(o, view, fresh); }, shape);
}

std::string render_machine_groups(std::string_view context, std::span<const DeviceGroup> groups) {
  std::string out;
  ObjectText object(out);
  object.text("@odata.context", context);
  array(object, "value", groups, [](std::string& to, const DeviceGroup& group) {
    ObjectText o(to);
    o.number("id", group.id).text("name", group.name).text("tag", group.tag).close();
  });
  object.close();
  return out;
}

std::string render_library_file(std::string_view context, const LibraryFile& file) {
  return entity(context, file, append_library_file);
}

std::string render_library(std::string_view context, const std::vector<LibraryFile>& files,
                           const ListShape& shape) {
  return list(context, files, kLibraryFileBytes, append_library_file, shape);
}

std::string render_string(std::string_view context, std::string_view text) {
  std::string out;
  out.reserve(context.size() + text.size() + 40);
  ObjectText(out).text("@odata.context", context).text("value", text).close();
  return out;
}

std::string render_empty_list(std::string_view context) {
  std::string out;
  ObjectText object(out);
  object.text("@odata.context", context).value("value") += "[]";
  object.close();
  return out;
}

}  // namespace reachback::server::rest
