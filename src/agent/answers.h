// Answers of the issuer, read with suspicion.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "http/message.h"
#include "jose/members.h"

namespace mintmark::agent {

/// The JSON object of a 200; anything else is an error with the issuer's own code, where we know
/// it.
[[nodiscard]] Result<Json> object_in(const http::Response& response);

/// For the members of an answer; their errors are `issuer_answer_invalid`. The object must outlive
/// it.
[[nodiscard]] jose::Members members_of_answer(const Json& object);
/// The nonce for the next proof, from the first of these headers that has one; "": none. NQCHAR of
/// RFC 6749 appendix A, at most 512 octets; another's is no nonce that we could send back.
[[nodiscard]] std::string nonce_in(const http::Headers& headers,
                                   std::span<const char* const> names);
/// What a 401 of a service asks for (RFC 9449 §7.1, §9): a proof with the nonce that it gives, or
/// another token, since this one is revoked or otherwise no good.
enum class Asked : std::uint8_t { nothing, nonce, token };
[[nodiscard]] Asked asked_by(const http::Response& response);
/// An array of PCR indexes.
[[nodiscard]] std::vector<unsigned> indexes_in(const Json& object, const char* name,
                                               jose::Members& members);

}  // namespace mintmark::agent
