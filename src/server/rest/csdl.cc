#include "server/rest/csdl.h"

#include <algorithm>
#include <string_view>

#include "server/ports/listing.h"
#include "server/rest/csdl_tables.h"

namespace reachback::server::rest {
namespace {

using namespace csdl_tables;
using odata::Type;

constexpr std::string_view kNamespace = "microsoft.windowsDefenderATP.api";

// One element with its attributes. Names and values are constants of the program: none holds what
// XML would have to be told of.
class Element {
 public:
  Element(std::string& out, int depth, std::string_view name) : out_(out) {
    out_.append(2 * static_cast<std::size_t>(depth), ' ');
    out_ += '<';
    out_ += name;
  }
  Element& attribute(std::string_view name, std::string_view value) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"";
    out_ += value;
    out_ += '"';
    return *this;
  }
  // Null is what CSDL takes for granted.
  Element& nullable(bool can_be_null) {
    return can_be_null ? *this : attribute("Nullable", "false");
  }
  void open() { out_ += ">\n"; }
  void close() { out_ += "/>\n"; }

 private:
  std::string& out_;
};

void end(std::string& out, int depth, std::string_view name) {
  out.append(2 * static_cast<std::size_t>(depth), ' ');
  out += "</";
  out += name;
  out += ">\n";
}

// "[X]" is a collection; what is not Edm's is ours.
std::string qualified(std::string_view type) {
  if (type.starts_with('[')) {
    return "Collection(" + qualified(type.substr(1, type.size() - 2)) + ")";
  }
  return (type.starts_with("Edm.") ? "" : std::string(kNamespace) + ".") + std::string(type);
}

void property(std::string& out, std::string_view name, std::string_view type, bool nullable) {
  Element(out, 4, "Property")
      .attribute("Name", name)
      .attribute("Type", qualified(type))
      .nullable(nullable)
      .close();
}

void open_entity(std::string& out, std::string_view name, std::string_view key) {
  Element(out, 3, "EntityType").attribute("Name", name).open();
  Element(out, 4, "Key").open();
  Element(out, 5, "PropertyRef").attribute("Name", key).close();
  end(out, 4, "Key");
}

const PropertyType* listed_type(const odata::Entity& entity, const odata::Property& property) {
  for (const PropertyType& row : kPropertyTypes) {
    if (row.described == entity.name && row.property == property.name) {
      return &row;
    }
  }
  return nullptr;
}

Result<std::string_view> type_of(const odata::Entity& entity, const odata::Property& property) {
  if (const PropertyType* row = listed_type(entity, property)) {
    return row->type;
  }
  switch (property.type) {
    case Type::text:
    case Type::folded_text:
      return std::string_view("Edm.String");
    case Type::guid:
      return std::string_view("Edm.Guid");
    case Type::number:
      return std::string_view("Edm.Int32");
    case Type::date:
      return std::string_view("Edm.DateTimeOffset");
    case Type::boolean:
      return std::string_view("Edm.Boolean");
    case Type::texts:
      return std::string_view("[Edm.String]");
    case Type::choice:
    case Type::opaque:
      break;
  }
  return Error{Errc::internal, "$metadata: no type for " + std::string(property.name) + " of " +
                                   std::string(entity.name)};
}

Result<void> append_entity(std::string& out, const odata::Entity& entity, std::string_view name) {
  open_entity(out, name, entity.key->name);
  for (const odata::Property& p : entity.properties) {
    RB_TRY_ASSIGN(std::string_view type, type_of(entity, p));
    property(out, p.name, type, p.nullable);
  }
  end(out, 3, "EntityType");
  return {};
}

void open_enumeration(std::string& out, std::string_view name, std::string_view underlying) {
  Element(out, 3, "EnumType")
      .attribute("Name", name)
      .attribute("UnderlyingType", underlying)
      .open();
}

void append_member(std::string& out, std::string_view name, std::string_view number) {
  Element(out, 4, "Member").attribute("Name", name).attribute("Value", number).close();
}

// Those of the lists, from their descriptions.
void append_choices(std::string& out, const odata::Entity& entity) {
  for (const odata::Property& p : entity.properties) {
    if (p.type != Type::choice) {
      continue;
    }
    const PropertyType& row = *listed_type(entity, p);  // type_of() has seen it
    open_enumeration(out, row.type, row.underlying);
    for (const odata::Choice& choice : p.choices) {
      append_member(out, choice.name, std::to_string(choice.number));
    }
    end(out, 3, "EnumType");
  }
}

void append_enumeration(std::string& out, const Enumeration& row) {
  open_enumeration(out, row.name, row.underlying);
  std::string_view rest = row.members;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    append_member(out, one.substr(0, one.find('=')), one.substr(one.find('=') + 1));
  }
  end(out, 3, "EnumType");
}

void append_parameter(std::string& out, const Parameter& parameter) {
  Element element(out, 4, "Parameter");
  element.attribute("Name", parameter.name).attribute("Type", qualified(parameter.type));
  element.nullable(parameter.nullable);
  if (!parameter.optional) {
    element.close();
    return;
  }
  element.open();
  Element(out, 5, "Annotation").attribute("Term", "Org.OData.Core.V1.OptionalParameter").close();
  end(out, 4, "Parameter");
}

void append_operation(std::string& out, const Operation& operation) {
  const std::string_view kind = operation.kind == Operation::Kind::action ? "Action" : "Function";
  Element(out, 3, kind).attribute("Name", operation.name).attribute("IsBound", "true").open();
  append_parameter(out, {"bindingParameter", operation.bound_to});
  for (const Parameter& parameter : operation.parameters) {
    append_parameter(out, parameter);
  }
  Element(out, 4, "ReturnType")
      .attribute("Type", qualified(operation.returns))
      .nullable(false)
      .close();
  end(out, 3, kind);
}

void append_set(std::string& out, std::string_view name, std::string_view type) {
  Element(out, 4, "EntitySet")
      .attribute("Name", name)
      .attribute("EntityType", qualified(type))
      .close();
}

void append_container(std::string& out) {
  Element(out, 3, "EntityContainer").attribute("Name", "Container").open();
  for (const EntityName& row : kEntities) {
    append_set(out, row.set, row.type);
  }
  for (const PlainSet& row : plain_sets()) {
    append_set(out, row.set, row.type);
  }
  end(out, 3, "EntityContainer");
}

}  // namespace

Result<std::string> csdl() {
  const odata::Entity* const described[] = {&action_entity(), &machine_entity(), &library_entity()};
  std::string out = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
  Element(out, 0, "edmx:Edmx")
      .attribute("Version", "4.0")
      .attribute("xmlns:edmx", "http://docs.oasis-open.org/odata/ns/edmx")
      .open();
  Element(out, 1, "edmx:DataServices").open();
  Element(out, 2, "Schema")
      .attribute("Namespace", kNamespace)
      .attribute("xmlns", "http://docs.oasis-open.org/odata/ns/edm")
      .open();
  for (const EntityName& row : kEntities) {
    for (const odata::Entity* entity : described) {
      if (entity->name == row.described) {
        RB_TRY(append_entity(out, *entity, row.type));
      }
    }
  }
  for (const PlainSet& row : plain_sets()) {
    open_entity(out, row.type, row.members.front().name);
    for (const Member& member : row.members) {
      property(out, member.name, member.type, member.nullable);
    }
    end(out, 3, "EntityType");
  }
  for (const ComplexType& row : complex_types()) {
    Element(out, 3, "ComplexType").attribute("Name", row.name).open();
    for (const Member& member : row.members) {
      property(out, member.name, member.type, member.nullable);
    }
    end(out, 3, "ComplexType");
  }
  for (const odata::Entity* entity : described) {
    append_choices(out, *entity);
  }
  for (const Enumeration& row : kEnumerations) {
    append_enumeration(out, row);
  }
  for (const Operation& operation : operations()) {
    append_operation(out, operation);
  }
  append_container(out);
  end(out, 2, "Schema");
  end(out, 1, "edmx:DataServices");
  end(out, 0, "edmx:Edmx");
  return out;
}

}  // namespace reachback::server::rest
