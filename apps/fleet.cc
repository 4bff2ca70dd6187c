// reachback-fleet: see src/fleet/cli.h.
#include "fleet/cli.h"

int main(int argc, char** argv) {
  return reachback::fleet::run_cli(argc, argv);
}
