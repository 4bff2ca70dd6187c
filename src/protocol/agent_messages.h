// The generated message types of api/agent.proto, namespace reachback::pb.
#pragma once

#include "agent.pb.h"  // IWYU pragma: export
