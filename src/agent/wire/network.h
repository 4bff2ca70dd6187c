// The network process: session, uploads, downloads and TLS, without privilege. Started by the
// supervisor only (`reachback-agent network PARENT`), with the seam as its descriptor 3.
#pragma once

namespace reachback::agent {

// Until the supervisor closes the seam. The process's exit status.
int run_network(int argc, char** argv);

}  // namespace reachback::agent
