// The generated message types of api/seam.proto, namespace reachback::pb.
#pragma once

#include "seam.pb.h"  // IWYU pragma: export
