// A device's key as the agent uses it, wherever it lives.
#pragma once

#include "jose/signing_key.h"

namespace mintmark::agent {

/// Opened for a few signatures, then dropped.
using DeviceKey = jose::SigningKey;

}  // namespace mintmark::agent
