// The responder's program. See src/cli.
#include "cli/cli.h"

int main(int argc, char** argv) {
  return reachback::cli::run_cli(argc, argv);
}
