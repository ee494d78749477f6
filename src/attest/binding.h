// What ties evidence to one enrolment, whatever its format.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/bytes.h"

namespace mintmark::attest {

/// Octets, each field with its length before it (u32, big-endian), hashed in order: no two
/// different inputs run together.
[[nodiscard]] Sha256 hash_fields(std::initializer_list<BytesView> fields);

/// SHA-256 over the label "mintmark FORMAT enrolment v1", the issuer's URL, the ticket's text and
/// the thumbprint's text (RFC 7638) of the key that tokens will be bound to ("" where the evidence
/// attests that very key: Format::attests_the_key), as hash_fields. Device
/// and issuer compute it alike (docs/http-api.md): who took it from an issuer would sign whatever
/// that issuer wants signed elsewhere.
[[nodiscard]] Sha256 binding_of(std::string_view format, std::string_view issuer,
                                std::string_view ticket, std::string_view jkt);

}  // namespace mintmark::attest
