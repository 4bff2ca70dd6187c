// /api/libraryfiles: list, upload, delete.
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/multipart.h"
#include "server/rest/render.h"

namespace reachback::server::rest {
namespace {

// A missing filename gives the library name "file". Source: mde-spec.md §8.2.
constexpr std::string_view kUnnamed = "file";

Result<bool> parse_boolean(const Part& part) {
  if (part.content.empty() || equals_ignore_case(part.content, "false")) {
    return false;
  }
  if (equals_ignore_case(part.content, "true")) {
    return true;
  }
  return Error{Errc::invalid_input, part.name + " must be true or false"};
}

Result<std::string> parse_text(const Part& part, const Bounds& bounds) {
  if (part.content.size() > bounds.library_text_bytes) {
    return Error{Errc::too_large, part.name + " is larger than " +
                                      std::to_string(bounds.library_text_bytes) + " bytes"};
  }
  if (!is_valid_utf8(part.content) || part.content.find('\0') != std::string_view::npos) {
    return Error{Errc::invalid_input, part.name + " must be UTF-8 without NUL"};
  }
  return std::string(part.content);
}

Result<void> take_file(const Part& part, const Bounds& bounds, LibraryUpload& out) {
  out.file_name = part.filename.value_or(std::string(kUnnamed));
  if (!is_library_name(out.file_name)) {
    return Error{Errc::invalid_input,
                 "The file name '" + out.file_name +
                     "' is not allowed: letters, digits, '-', '_' and '.', starting with a letter "
                     "or digit, at most 128 characters"};
  }
  if (part.content.size() > bounds.library_file_bytes) {
    return Error{Errc::too_large,
                 "The file is larger than " + std::to_string(bounds.library_file_bytes) + " bytes"};
  }
  if (part.content.empty()) {
    return Error{Errc::invalid_input, "The file is empty"};
  }
  out.content = std::string(part.content);
  return {};
}

// Names without regard to case; parts that are not known are ignored. Source: clients.md 22.
Result<void> take_part(const Part& part, const Bounds& bounds, LibraryUpload& out) {
  if (equals_ignore_case(part.name, "file")) {
    return take_file(part, bounds, out);
  }
  if (equals_ignore_case(part.name, "Description")) {
    RB_TRY_ASSIGN(out.description, parse_text(part, bounds));
  } else if (equals_ignore_case(part.name, "ParametersDescription")) {
    RB_TRY_ASSIGN(out.parameters_description, parse_text(part, bounds));
  } else if (equals_ignore_case(part.name, "HasParameters")) {
    RB_TRY_ASSIGN(out.has_parameters, parse_boolean(part));
  } else if (equals_ignore_case(part.name, "OverrideIfExists")) {
    RB_TRY_ASSIGN(out.override_if_exists, parse_boolean(part));
  }
  return {};
}

// Who changed the library; the change itself has its row in the database, in one transaction.
AccessRecord library_record(const Call& call, std::string kind, const std::string& name) {
  AccessRecord record;
  record.tenant = call.principal.tenant;
  record.kind = std::move(kind);
  record.principal = call.principal.requestor;
  record.token_id = call.principal.token_id;
  record.object = name;
  record.result = "done";
  record.request = call.principal.origin.request;
  return record;
}

Result<LibraryUpload> parse_upload(const Call& call, const Bounds& bounds) {
  RB_TRY(refuse_options(call.query));
  MultipartBounds form{bounds.multipart_parts, bounds.multipart_header_bytes,
                       bounds.multipart_boundary_chars};
  std::string_view type = call.request().headers.get("Content-Type").value_or("");
  RB_TRY_ASSIGN(std::vector<Part> parts, parse_multipart(type, call.content(), form));
  LibraryUpload out;
  bool file_seen = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (equals_ignore_case(parts[i].name, parts[j].name)) {
        return Error{Errc::invalid_body, "The part '" + parts[i].name + "' is there twice"};
      }
    }
    file_seen = file_seen || equals_ignore_case(parts[i].name, "file");
    RB_TRY(take_part(parts[i], bounds, out));
  }
  if (!file_seen) {
    return Error{Errc::missing_parameter, "The part 'file' is required"};
  }
  return out;
}

}  // namespace

void get_library(Core& core, const CallPtr& call) {
  auto options = parse_list_options(call->query, library_entity(), core.bounds.list);
  if (!options) {
    core.refuse(*call, options.error());
    return;
  }
  core.deps.library.list(
      call->principal, options->query, core.bounds.list_bounds(),
      [&core, call, options = *options](Result<Page<LibraryFile>> page) {
        if (!page) {
          core.refuse(*call, page.error());
          return;
        }
        const ListShape shape =
            shape_of(options, *page, "LibraryFiles", call->base + "/api/libraryfiles");
        core.answer(*call, 200, render_library(call->context(shape.set), page->items, shape));
      });
}

void get_library_count(Core& core, const CallPtr& call) {
  auto query = parse_count_options(call->query, library_entity(), core.bounds.list);
  if (!query) {
    core.refuse(*call, query.error());
    return;
  }
  core.deps.library.list(call->principal, std::move(*query), core.bounds.list_bounds(),
                         answer_with_count<LibraryFile>(core, call));
}

void post_library(Core& core, const CallPtr& call) {
  auto upload = parse_upload(*call, core.bounds);
  if (!upload) {
    core.refuse(*call, upload.error());
    return;
  }
  core.deps.library.upload(
      call->principal, std::move(*upload), [&core, call](Result<LibraryFile> file) {
        if (!file) {
          core.refuse(*call, file.error());
          return;
        }
        core.record(call, library_record(*call, "library_upload", file->name), [&core, call, file] {
          core.answer(*call, 200,
                      render_library_file(call->context("LibraryFiles/$entity"), *file));
        });
      });
}

void delete_library_file(Core& core, const CallPtr& call) {
  const std::string& name = call->params.front();
  if (auto none = refuse_options(call->query); !none) {
    core.refuse(*call, none.error());
    return;
  }
  if (!is_library_name(name)) {
    core.refuse(*call, Error{Errc::not_found, "Library file " + name + " was not found"});
    return;
  }
  core.deps.library.remove(call->principal, name, [&core, call](const Result<void>& removed) {
    if (!removed) {
      core.refuse(*call, removed.error());
      return;
    }
    core.record(call, library_record(*call, "library_delete", call->params.front()), [&core, call] {
      net::Response response;
      response.status = 204;
      response.headers.add("Cache-Control", "no-store");
      core.answer(*call, std::move(response));
    });
  });
}

}  // namespace reachback::server::rest
