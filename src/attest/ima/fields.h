// Template fields (Linux, security/integrity/ima/ima_template_lib.c).
#pragma once

#include "attest/ima/ima.h"

namespace mintmark::attest::ima {

inline constexpr std::size_t longest_template_name = 64;

/// Appends a field: its length, then its octets.
void append_field(Bytes& out, BytesView content);
/// What the template "ima" hashes: a SHA-1 or MD5 digest in 20 octets, the name in 256.
[[nodiscard]] Bytes old_template_data(BytesView digest, std::string_view name);
/// Path and digest out of the first two fields, where they are d-ng or d-ngv2 and n-ng. A path that
/// is no UTF-8 is escaped.
void note_file(BytesView template_data, Entry& entry);
/// The same of the template "ima".
void note_old_file(BytesView digest, std::string_view name, Entry& entry);
[[nodiscard]] bool is_zero(BytesView octets);

/// One line of the ASCII form; false where it is malformed.
[[nodiscard]] bool read_line(std::string_view line, Entry& entry);

}  // namespace mintmark::attest::ima
