// The service's metadata: entity types, enumerations, entity sets, and the actions and functions
// that succeed here, as CSDL 4.0 XML in MDE's namespace and with MDE's names.
#pragma once

#include <string>

#include "base/result.h"

namespace reachback::server::rest {

// The types of the three lists follow from their descriptions (server/ports/listing.h): names,
// order, nullability and the members of enumerations. What those do not say (names of types, what
// is inside of an opaque property) stands in the tables of csdl.cc. MDE's actions that are always
// refused here are left out. Errors: internal (a property without a type in the tables).
// Source: OData CSDL XML 4.01; MDE's $metadata as captured 2026-05-09 (mde-spec.md §0).
Result<std::string> csdl();

}  // namespace reachback::server::rest
