// reachback-agent: see src/agent/wire/cli.h.
#include "agent/wire/cli.h"

int main(int argc, char** argv) {
  return reachback::agent::run_cli(argc, argv);
}
