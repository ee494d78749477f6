// Errors: what happened, and what the caller should do about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace mintmark {

/// What the one who receives an error should do. No error is without it.
enum class Action : std::uint8_t {
  fix_request,    ///< The request is wrong; the same one will be refused again.
  reattest,       ///< The device must attest anew.
  retry_later,    ///< Nothing is wrong with the request; come back.
  reset_session,  ///< A session with hardware is lost; open a new one and try again.
  page_operator,  ///< A person must look.
};

enum class Code : std::uint16_t {
#define MINTMARK_ERROR(code, action, http_status, oauth_error) code,
#include "base/error_codes.def"
#undef MINTMARK_ERROR
};

/// The fixed facts of a code; from the one table in error_codes.def.
struct CodeFacts {
  std::string_view name;  ///< Metric label and machine-readable reason, e.g. "proof_replayed".
  Action action;
  std::uint16_t http_status;  ///< What an HTTP answer carries.
  std::string_view
      oauth_error;  ///< RFC 6749 §5.2 and its extensions; empty where it is no OAuth answer.
};

[[nodiscard]] const CodeFacts& facts_of(Code code);
[[nodiscard]] std::string_view name_of(Action action);

/// The code of that name, as read from another process; `Code::internal` where the name is unknown.
[[nodiscard]] Code code_named(std::string_view name);

struct Error {
  Code code = Code::internal;
  std::string detail;  ///< For people: what was wrong, where, what would be right. Never a secret.
  std::uint64_t native = 0;  ///< CK_RV of the module or TPM2_RC, where there is one.
  /// Seconds after which a call may be worth trying again, where somebody measured it; 0: nobody
  /// did.
  std::uint32_t retry_after = 0;

  [[nodiscard]] Action action() const { return facts_of(code).action; }
  /// "proof_replayed: this jti was used before (native 0x…)", for logs and command lines.
  [[nodiscard]] std::string to_string() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string detail,
                                                std::uint64_t native = 0) {
  return tl::unexpected<Error>(Error{code, std::move(detail), native});
}

/// Passes an error of one result on as that of another.
template <typename T>
[[nodiscard]] tl::unexpected<Error> pass_on(Result<T>& result) {
  return tl::unexpected<Error>(std::move(result.error()));
}

}  // namespace mintmark
