#include "server/odata/entity.h"

#include "base/bytes.h"

namespace reachback::server::odata {

const Property* Entity::find(std::string_view property_name) const {
  for (const Property& property : properties) {
    if (equals_ignore_case(property.name, property_name)) {
      return &property;
    }
  }
  return nullptr;
}

}  // namespace reachback::server::odata
