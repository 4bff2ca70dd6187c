#include <CLI/CLI.hpp>

#include "cli/declare.h"

namespace reachback::cli {

void declare_library(CLI::App& program, std::vector<Declared>& out) {
  CLI::App* library = program.add_subcommand("library", "The library of scripts and files");
  library->require_subcommand(1);
  out.push_back({library, "COMMAND …", "", nullptr});
  {
    auto upload = std::make_shared<LibraryUploadOptions>();
    CLI::App* app = library->add_subcommand("upload", "Add a file");
    app->add_option("FILE", upload->file, "Path of the file")->required();
    app->add_option("--name", upload->name, "Name in the library (default: the file's)")
        ->type_name("NAME");
    app->add_option("--description", upload->description, "What it does")->type_name("TEXT");
    app->add_option("--parameters-description", upload->parameters_description,
                    "What its parameters mean; implies --has-parameters")
        ->type_name("TEXT");
    app->add_flag("--has-parameters", upload->has_parameters, "It takes parameters");
    app->add_flag("--override", upload->replace, "Replace a file of this name");
    declare_print(*app, *upload, kApiJson);
    out.push_back({app, "FILE [OPTIONS]", "", [upload](const auto&) -> Result<Invocation> {
                     RB_TRY_ASSIGN(upload->name, library_name(upload->name.empty() ? upload->file
                                                                                   : upload->name));
                     upload->has_parameters =
                         upload->has_parameters || !upload->parameters_description.empty();
                     return Invocation(*upload);
                   }});
  }
  {
    auto list = std::make_shared<LibraryListOptions>();
    CLI::App* app = library->add_subcommand("list", "List the files");
    declare_print(*app, *list, kApiJson);
    out.push_back({app, "[OPTIONS]", "",
                   [list](const auto&) -> Result<Invocation> { return Invocation(*list); }});
  }
  auto remove = std::make_shared<LibraryDeleteOptions>();
  CLI::App* app = library->add_subcommand("delete", "Remove a file");
  app->add_option("SCRIPT", remove->name, "Name in the library")->required();
  declare_print(*app, *remove, "Print one document: {\"removed\":NAME}");
  out.push_back({app, "SCRIPT [OPTIONS]", "",
                 [remove](const auto&) -> Result<Invocation> { return Invocation(*remove); }});
}

}  // namespace reachback::cli
