#include "base/bytes.h"
#include "server/ports/described.h"
#include "server/ports/directory.h"
#include "server/ports/listing.h"

namespace reachback::server {
namespace {

using odata::Type;
using odata::Value;

const Described<LibraryFile>& described() {
  static const Described<LibraryFile> made(
      "LibraryFile",
      {{{"fileName"}, [](const LibraryFile& f) { return Value(f.name); }},
       {{"sha256", Type::folded_text},
        [](const LibraryFile& f) { return Value(to_hex(as_bytes(f.sha256))); }},
       {{"description", Type::text, true},
        [](const LibraryFile& f) { return text_or_null(f.description); }},
       {{"creationTime", Type::date},
        [](const LibraryFile& f) { return number(to_micros(f.created)); }},
       {{"lastUpdatedTime", Type::date},
        [](const LibraryFile& f) { return number(to_micros(f.updated)); }},
       {{"createdBy"}, [](const LibraryFile& f) { return Value(f.created_by); }},
       {{"hasParameters", Type::boolean},
        [](const LibraryFile& f) { return number(f.has_parameters ? 1 : 0); }},
       {{"parametersDescription", Type::text, true},
        [](const LibraryFile& f) { return text_or_null(f.parameters_description); }}},
      "fileName", {});
  return made;
}

}  // namespace

const odata::Entity& library_entity() {
  return described().entity();
}

odata::Getter getter(const LibraryFile& file) {
  return [&file](const odata::Property& property) { return described().value(file, property); };
}

std::uint64_t text_bytes(const LibraryFile& file) {
  constexpr std::uint64_t kFixedBytes = 300;  // digest, times, the names of the properties
  return kFixedBytes + file.name.size() + file.description.value_or("").size() +
         file.created_by.size() + file.parameters_description.value_or("").size();
}

}  // namespace reachback::server
