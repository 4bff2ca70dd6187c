#include "server/store_sqlite/machine_rows.h"

#include <algorithm>
#include <set>

#include "server/store_sqlite/action_codec.h"

namespace reachback::server {

std::string encode_addresses(const std::vector<NetworkAddress>& addresses) {
  std::vector<std::string> items;
  items.reserve(addresses.size());
  for (const NetworkAddress& address : addresses) {
    std::string& item = items.emplace_back();
    item += static_cast<char>(address.type);
    item += static_cast<char>(address.status);
    item += static_cast<char>(address.mac.size());
    item += address.mac;
    item += address.ip;
  }
  return encode_list(items);
}

Result<std::vector<NetworkAddress>> decode_addresses(std::string_view document) {
  constexpr std::size_t kFixedBytes = 3;
  RB_TRY_ASSIGN(auto items, decode_list(document));
  std::vector<NetworkAddress> out;
  out.reserve(items.size());
  for (std::string_view item : items) {
    const std::size_t mac =
        item.size() < kFixedBytes ? 0 : static_cast<unsigned char>(item[kFixedBytes - 1]);
    if (item.size() < kFixedBytes + mac) {
      return Error{Errc::corrupt, "stored addresses: damaged"};
    }
    NetworkAddress& address = out.emplace_back();
    address.type = static_cast<InterfaceType>(item[0]);
    address.status = static_cast<OperationalStatus>(item[1]);
    address.mac = item.substr(kFixedBytes, mac);
    address.ip = item.substr(kFixedBytes + mac);
  }
  return out;
}

Result<Machine> read_machine(Query& row) {
  Machine m;
  auto tenant = TenantId::from_bytes(row.bytes_at(0));
  auto id = MachineId::from_bytes(row.bytes_at(1));
  if (!tenant || !id) {
    return Error{Errc::corrupt, "stored machine: damaged row"};
  }
  m.tenant = *tenant;
  m.id = *id;
  m.public_key = row.bytes_at(2);
  m.name = row.bytes_at(3);
  m.os_platform = row.bytes_at(4);
  m.os_version = row.bytes_at(5);
  m.os_architecture = row.bytes_at(6);
  m.agent_version = row.bytes_at(7);
  m.last_ip = row.bytes_at(8);
  m.last_external_ip = row.bytes_at(9);
  RB_TRY_ASSIGN(m.addresses, decode_addresses(row.bytes_at(10)));
  RB_TRY_ASSIGN(m.tags, decode_list(row.bytes_at(11)));
  m.first_seen = from_micros(row.number_at(12));
  m.last_seen = from_micros(row.number_at(13));
  m.contact = row.bytes_at(14);
  if (!row.null_at(15)) {
    m.generation = JournalGeneration::from_bytes(row.bytes_at(15));
  }
  m.revoked = row.number_at(16) != 0;
  m.confirmed_contact =
      row.null_at(17) ? std::nullopt : std::optional<std::string>(row.bytes_at(17));
  if (!row.null_at(18)) {
    m.quarantine = Quarantine{from_micros(row.number_at(18)), std::string(row.bytes_at(19))};
  }
  m.order_keys_version = static_cast<std::uint64_t>(row.number_at(20));
  m.life = row.bytes_at(21);
  m.attempt = static_cast<std::uint64_t>(row.number_at(22));
  m.os_distribution = row.bytes_at(23);
  m.os_build = row.number_at(24);
  m.os_processor = row.bytes_at(25);
  m.device_value = static_cast<DeviceValue>(row.number_at(26));
  return m;
}

Result<Machine> read_one_machine(Query& query, const MachineId& id) {
  RB_TRY_ASSIGN(bool found, query.row());
  if (!found) {
    return no_such_machine(id);
  }
  return read_machine(query);
}

Result<std::vector<Machine>> read_machines(Query& query) {
  std::vector<Machine> all;
  while (true) {
    RB_TRY_ASSIGN(bool found, query.row());
    if (!found) {
      return all;
    }
    RB_TRY_ASSIGN(Machine m, read_machine(query));
    all.push_back(std::move(m));
  }
}

Error no_such_machine(const MachineId& id) {
  return Error{Errc::not_found, "no machine " + id.text()};
}

Result<void> add_machine_row(Db& db, const Machine& m, const Sha256& token) {
  RB_TRY(Query(db, "INSERT INTO machines(" RB_MACHINE_COLUMNS
                   ", token) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, "
                   "'', ?, x'', 0, ?, ?, ?, ?, ?)")
             .blob(m.tenant.bytes())
             .blob(m.id.bytes())
             .blob(m.public_key)
             .text(m.name)
             .text(m.os_platform)
             .text(m.os_version)
             .text(m.os_architecture)
             .text(m.agent_version)
             .text(m.last_ip)
             .text(m.last_external_ip)
             .blob(encode_addresses(m.addresses))
             .blob(encode_list({}))
             .number(to_micros(m.first_seen))
             .number(to_micros(m.last_seen))
             .blob(m.contact)
             .optional_blob(m.generation ? std::optional(m.generation->bytes()) : std::nullopt)
             .number(m.revoked ? 1 : 0)
             .optional_blob(m.confirmed_contact
                                ? std::optional<std::string_view>(*m.confirmed_contact)
                                : std::nullopt)
             .number(static_cast<std::int64_t>(m.order_keys_version))
             .text(m.os_distribution)
             .number(m.os_build)
             .text(m.os_processor)
             .number(static_cast<std::int64_t>(m.device_value))
             .blob(as_bytes(token))
             .run());
  RB_TRY(follow_addresses(db, m.tenant, m.id, m.addresses, m.last_seen, m.first_seen));
  return set_machine_tags(db, m.tenant, m.id, m.tags);
}

Result<void> set_machine_tags(Db& db, const TenantId& tenant, const MachineId& id,
                              const std::vector<std::string>& tags) {
  RB_TRY(Query(db, "UPDATE machines SET tags = ? WHERE tenant = ? AND id = ?")
             .blob(encode_list(tags))
             .blob(tenant.bytes())
             .blob(id.bytes())
             .run());
  RB_TRY(Query(db, "DELETE FROM machine_tags WHERE tenant = ? AND machine = ?")
             .blob(tenant.bytes())
             .blob(id.bytes())
             .run());
  for (const std::string& tag : tags) {
    RB_TRY(Query(db, "INSERT OR IGNORE INTO machine_tags(tenant, tag, machine) VALUES(?, ?, ?)")
               .blob(tenant.bytes())
               .text(tag)
               .blob(id.bytes())
               .run());
  }
  return {};
}

Result<void> follow_addresses(Db& db, const TenantId& tenant, const MachineId& id,
                              const std::vector<NetworkAddress>& addresses, Timestamp last_seen,
                              Timestamp now) {
  std::set<std::string> here;
  for (const NetworkAddress& address : addresses) {
    here.insert(address.ip);
  }
  std::vector<std::string> gone;
  {
    Query open(db, "SELECT address FROM machine_addresses WHERE machine = ? AND until IS NULL");
    open.blob(id.bytes());
    while (true) {
      RB_TRY_ASSIGN(const bool found, open.row());
      if (!found) {
        break;
      }
      std::string address(open.bytes_at(0));
      if (here.erase(address) == 0) {
        gone.push_back(std::move(address));
      }
    }
  }
  for (const std::string& address : gone) {
    RB_TRY(Query(db,
                 "UPDATE machine_addresses SET until = max(since, ?)"
                 " WHERE machine = ? AND address = ? AND until IS NULL")
               .number(to_micros(last_seen))
               .blob(id.bytes())
               .text(address)
               .run());
  }
  for (const std::string& address : here) {
    RB_TRY(Query(db,
                 "INSERT INTO machine_addresses(tenant, machine, address, since)"
                 " VALUES(?, ?, ?, ?)")
               .blob(tenant.bytes())
               .blob(id.bytes())
               .text(address)
               .number(to_micros(now))
               .run());
  }
  if (gone.empty()) {
    return {};  // What is old goes with the next change.
  }
  return Query(db,
               "DELETE FROM machine_addresses WHERE machine = ?1 AND (until < ?2 OR key IN ("
               "SELECT key FROM machine_addresses WHERE machine = ?1 AND until IS NOT NULL"
               " ORDER BY key DESC LIMIT -1 OFFSET ?3))")
      .blob(id.bytes())
      .number(to_micros(now - kAddressHistory))
      .number(static_cast<std::int64_t>(kAddressPeriodsMax))
      .run();
}

}  // namespace reachback::server
