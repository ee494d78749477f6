// Devices in software, enrolled over HTTP like any other, and their requests made ahead.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
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

/// The body of a first request that could be finished: POST ISSUER/attest/tpm2/begin.
[[nodiscard]] Json begin_of_an_enrolment(const test::TestAuthority& authority);

/// The headers of one token request, proof included; signed now.
[[nodiscard]] http::Headers token_request(const Device& device, const std::string& issuer);

}  // namespace mintmark::bench
