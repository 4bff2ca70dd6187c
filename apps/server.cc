#include "server/wire/program.h"

int main(int argc, char** argv) {
  return reachback::server::run_server_program(argc, argv);
}
