#include "policy/names.h"

#include <algorithm>

#include "attest/facts.h"
#include "attest/vocabulary.h"
#include "policy/texts.h"
#include "policy/times.h"

namespace mintmark::policy {
namespace {

constexpr std::size_t longest_audience = 512;
constexpr std::size_t longest_scope = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool all_hex(std::string_view text) { return std::all_of(text.begin(), text.end(), is_hex); }

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
         });
}

// RFC 3986 §2: reserved without "#", unreserved, percent-encoded.
bool has_uri_characters(std::string_view text) {
  constexpr std::string_view others = "-._~:/?[]@!$&'()*+,;=%";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!is_letter(c) && !is_digit(c) && others.find(c) == std::string_view::npos) return false;
    if (c == '%' && (i + 2 >= text.size() || !all_hex(text.substr(i + 1, 2)))) return false;
  }
  return true;
}

}  // namespace

std::string wrong_with_audience(std::string_view text) {
  constexpr auto right = "must be an absolute URI, such as \"https://api.example\"";
  if (text.find('#') != std::string_view::npos) return "must be a URI without fragment (#…)";
  if (text.size() > longest_audience) return "must be at most 512 octets long";
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return right;
  const std::string_view rest = text.substr(colon + 1);
  if (rest.empty() || !has_uri_characters(rest)) return right;
  const bool is_web = text.starts_with("https:") || text.starts_with("http:");
  const bool has_host = rest.size() > 2 && rest.starts_with("//") && rest[2] != '/';
  return is_web && !has_host ? right : "";
}

std::string wrong_with_scope(std::string_view text) {
  const bool fits = !text.empty() && text.size() <= longest_scope &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return c >= 0x21 && c <= 0x7E && c != '"' && c != '\\';
                    });
  return fits ? ""
              : "must be one scope: up to 128 visible ASCII characters without space, \" and \\";
}

std::string wrong_with_manufacturer(std::string_view text) {
  std::string lower = in_lower_case(std::string(text));
  const bool id = lower.starts_with("id:");
  // Eight digits alone are an id that lost its beginning.
  const bool fits = id ? text.size() == 11 && text.starts_with("id:") && all_hex(text.substr(3))
                       : !text.empty() && !(text.size() == 8 && all_hex(text));
  return fits ? ""
              : "must be a TCG vendor id, \"id:\" and eight hexadecimal digits (\"id:49465800\"), "
                "or "
                "a name (\"Apple\")";
}

std::string wrong_with_sha256(std::string_view text) {
  return text.size() == 64 && all_hex(text) ? ""
                                            : "must be a SHA-256 value of 64 hexadecimal digits";
}

std::string wrong_with_pcr_value(std::string_view text) {
  const bool fits = (text.size() == 64 || text.size() == 96 || text.size() == 128) && all_hex(text);
  return fits ? ""
              : "must be a PCR's value of 64, 96 or 128 hexadecimal digits (SHA-256, SHA-384, "
                "SHA-512)";
}

std::string wrong_with_digest(std::string_view text) {
  const bool fits =
      (text.size() == 40 || text.size() == 64 || text.size() == 96 || text.size() == 128) &&
      all_hex(text);
  return fits
             ? ""
             : "must be a digest of 40, 64, 96 or 128 hexadecimal digits (SHA-1, SHA-256, SHA-384, "
               "SHA-512)";
}

std::size_t hex_digits_of_bank(std::string_view bank) {
  if (bank == "sha1") return 40;
  if (bank == "sha256") return 64;
  if (bank == "sha384") return 96;
  return bank == "sha512" ? 128 : 0;
}

std::string wrong_with_format(std::string_view text) {
  if (text == "tpm2" || text == "key") return "";
  std::string known = R"(must be "tpm2", "key")";
  for (const std::string& format : attest::evidence_formats()) {
    if (text == format) return "";
    known += ", \"" + format + "\"";
  }
  return known;
}

std::string wrong_with_proof(std::string_view text) {
  namespace proves = attest::proves;
  const bool known = text == proves::token_key || text == proves::hardware ||
                     text == proves::boot_state || text == proves::application;
  return known ? "" : R"(must be "token_key", "hardware", "boot_state" or "application")";
}

std::string wrong_with_key_protection(std::string_view text) {
  const bool known =
      text == "hardware" || text == "session" || text == "unproven" || text == "none";
  return known ? "" : R"(must be "hardware", "session", "unproven" or "none")";
}

std::string wrong_with_day(std::string_view text) {
  return day_named(text) ? "" : R"(must be "mon", "tue", "wed", "thu", "fri", "sat" or "sun")";
}

std::optional<unsigned> pcr_index(std::string_view text) {
  const bool fits = !text.empty() && text.size() <= 2 &&
                    std::all_of(text.begin(), text.end(), is_digit) &&
                    (text.size() == 1 || text.front() != '0');
  if (!fits) return std::nullopt;
  unsigned index = 0;
  for (const char c : text) index = index * 10 + static_cast<unsigned>(c - '0');
  return index <= 23 ? std::optional(index) : std::nullopt;
}

}  // namespace mintmark::policy
