// What a caller is told about the objects of the API. In one place, because the services say it and
// so do the fakes that the golden pairs run on: a golden text is a production text.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace reachback::server {

// The same words for ids that never were and those of other tenants.
inline Error machine_not_found(const std::string& id_or_name) {
  return Error{Errc::not_found, "Machine " + id_or_name + " was not found"};
}
inline Error action_not_found(const std::string& id) {
  return Error{Errc::not_found, "Machine action " + id + " was not found"};
}
inline Error action_not_found(const ActionId& id) {
  return action_not_found(id.text());
}
inline Error action_has_ended(const ActionId& id) {
  return Error{Errc::already_final, "Machine action " + id.text() + " has already ended"};
}
// "Command 7 of machine action <id>"; how the sentence goes on is the caller's.
inline std::string command_of(const ActionId& id, std::uint32_t index) {
  return "Command " + std::to_string(index) + " of machine action " + id.text();
}
inline Error command_not_found(const ActionId& id, std::uint32_t index) {
  return Error{Errc::not_found, command_of(id, index) + " was not found"};
}
inline Error session_not_found(const std::string& id) {
  return Error{Errc::not_found, "Session " + id + " was not found"};
}
inline Error session_has_ended(const std::string& reason) {
  return Error{Errc::conflict, "The session has ended: " + reason};
}
inline Error library_file_not_found(const std::string& name) {
  return Error{Errc::not_found, "Library file " + name + " was not found"};
}
// Source: clients.md 33: "already exists" must be in it.
inline Error library_file_exists(const std::string& name) {
  return Error{
      Errc::already_exists,
      "File " + name + " already exists in the library: send OverrideIfExists=true to replace it"};
}
// An unknown application, tenant or secret alike. Source: AADSTS7000215.
inline Error unknown_client() {
  return Error{Errc::invalid_client, "Invalid client secret provided."};
}

}  // namespace reachback::server
