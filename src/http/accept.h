// What a client would like to get (RFC 9110 §12.5.1).
#pragma once

#include <initializer_list>
#include <string_view>

#include "http/message.h"

namespace mintmark::http {

/// Of the offered media types (lower case, without parameters) the one that the request's Accept
/// likes best; of equals the first. The first too where there is no Accept. "" where it takes none
/// of them. Parameters but `q` mean nothing here; what cannot be read is passed over.
[[nodiscard]] std::string_view best_accepted(const Headers& headers,
                                             std::initializer_list<std::string_view> offered);

}  // namespace mintmark::http
