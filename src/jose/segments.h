// The segments of a compact JWS. Of this folder alone.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "jose/jws.h"

namespace mintmark::jose {

/// Views into the text they were taken from; none is empty.
struct Segments {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signing_input;  ///< header "." payload
};

/// `jws_malformed`.
[[nodiscard]] Result<Segments> segments_of(std::string_view compact, const JwsLimits& limits);
/// base64url of a JSON object; `name` for the error.
[[nodiscard]] Result<Json> object_segment(std::string_view segment, const char* name,
                                          const JwsLimits& limits);
/// base64url.
[[nodiscard]] Result<Bytes> signature_segment(std::string_view segment);

}  // namespace mintmark::jose
