// Devices in software, enrolled over HTTP like any other, and their requests made ahead.
#pragma once

#include <string>
#include <vector>

#include "http/message.h"
#include "support/soft_key.h"
#include "support/test_tpm.h"

namespace mintmark::bench {

struct Device {
  test::SoftKey key;
  std::string attestation;
};

/// Enrols `count` devices of that authority. Throws on any refusal.
[[nodiscard]] std::vector<Device> enrol(const test::TestAuthority& authority,
                                        const std::string& issuer, const std::string& ca_file,
                                        std::size_t count);

/// The headers of one token request, proof included; signed now.
[[nodiscard]] http::Headers token_request(const Device& device, const std::string& issuer);

}  // namespace mintmark::bench
