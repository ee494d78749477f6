#include "jose/known_header.h"

#include "jose/segments.h"

namespace mintmark::jose {

KnownHeader::KnownHeader(std::string_view compact, const VerifiedJws& verified)
    : text_(compact.substr(0, compact.find('.'))), key_(verified.key()) {}

bool KnownHeader::begins(std::string_view compact) const {
  return compact.size() > text_.size() && compact[text_.size()] == '.' &&
         compact.substr(0, text_.size()) == text_;
}

Result<Json> KnownHeader::verified_claims(std::string_view compact, const JwsLimits& limits) const {
  auto segments = segments_of(compact, limits);
  if (!segments) return pass_on(segments);
  if (segments->header != text_)
    return fail(Code::jws_malformed, "its header is not the one that is known");
  auto claims = object_segment(segments->payload, "payload", limits);
  if (!claims) return pass_on(claims);
  auto signature = signature_segment(segments->signature);
  if (!signature) return pass_on(signature);
  if (key_.verify(as_bytes(segments->signing_input), *signature)) return claims;
  return fail(Code::jws_signature_invalid, "the signature is not by key " + key_.thumbprint());
}

}  // namespace mintmark::jose
