// Format "x509": an identity that a maker (IDevID) or an owner (LDevID) certified, IEEE
// 802.1AR-2018, and possession of its key. Pure; thread-safe.
#pragma once

#include <memory>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::x509 {

struct Options {
  std::shared_ptr<const Trust> trust;
};

[[nodiscard]] std::unique_ptr<Format> make_format(Options options);

}  // namespace mintmark::attest::x509
