#include "verify/service_login.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "http/date.h"
#include "jose/client_jwts.h"

namespace mintmark::verify {
namespace {

constexpr JsonLimits answer_limits{.octets = 64U << 10U, .depth = 8, .elements = 256};
constexpr std::size_t longest_token = 16U << 10U;
constexpr std::size_t longest_nonce = 512;
constexpr std::int64_t longest_life = 86'400;
// Each but the last may teach one thing: the issuer's clock, its nonce.
constexpr int most_tries = 3;

// What may stand in a header, and in a JSON string as it is.
bool is_visible_ascii(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '\\'; });
}

bool is_refused(const http::Response& answer) {
  return answer.status == 400 || answer.status == 401;
}

// RFC 6750 §3.1, RFC 9449 §7.1: what it is refused for.
bool is_of_token(const http::Response& answer) {
  const std::string* challenge = answer.headers.find("WWW-Authenticate");
  return challenge != nullptr && challenge->find("\"invalid_token\"") != std::string::npos;
}

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void keep_nonce(const http::Headers& headers, std::string& nonce) {
  const std::string* given = headers.find("DPoP-Nonce");
  if (given != nullptr && is_visible_ascii(*given, longest_nonce)) nonce = *given;
}

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(Code::issuer_answer_invalid, "the issuer's answer to POST /token: " + what);
}

}  // namespace

Error refusal_in(unsigned status, std::string_view body) {
  const auto parsed = parse_json(body, answer_limits);
  const Json said = parsed && parsed->is_object() ? *parsed : Json::object();
  const std::string code = text_in(said, "code");
  const Code named = code.empty() ? Code::internal : code_named(code);
  std::string detail = "the issuer answers " + std::to_string(status);
  for (const char* member : {"error", "error_description"}) {
    if (const std::string text = text_in(said, member); !text.empty())
      detail += ": " + printable(text, 200);
  }
  if (named != Code::internal) return {named, std::move(detail)};
  const bool passing = status >= 500 || status == 429;
  return {passing ? Code::unavailable : Code::issuer_refused, std::move(detail)};
}

ServiceLogin::ServiceLogin(Service service, jose::FileKey key, http::ClientOptions options)
    : service_(std::move(service)), key_(std::move(key)), client_(std::move(options)) {}

Result<http::Response> ServiceLogin::ask_once(Moment now, Deadline deadline) {
  const std::string url = service_.issuer + "/token";
  const auto assertion =
      jose::make_assertion(key_, service_.client_id, service_.issuer, now + ahead_);
  if (!assertion) return tl::unexpected<Error>(assertion.error());
  const auto proof = jose::sign_proof(key_, {"POST", url, "", nonce_of_token_}, now + ahead_);
  if (!proof) return tl::unexpected<Error>(proof.error());
  http::Headers headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  headers.add("Accept", "application/json");
  headers.add("DPoP", *proof);
  const std::string form = http::encode_form(
      {{"grant_type", "client_credentials"},
       {"scope", service_.scope},
       {"resource", service_.issuer},
       {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
       {"client_assertion", *assertion}});
  auto answer = client_.send("POST", url, headers, form, deadline);
  if (answer) {
    keep_nonce(answer->headers, nonce_of_token_);
    keep_clock(*answer, now);
  }
  return answer;
}

Result<void> ServiceLogin::take(const http::Response& answer,
                                std::chrono::steady_clock::time_point asked_at) {
  if (answer.status != 200) return tl::unexpected<Error>(refusal_in(answer.status, answer.body));
  const auto said = parse_json(answer.body, answer_limits);
  if (!said || !said->is_object()) return invalid("no JSON object");
  std::string token = text_in(*said, "access_token");
  if (!is_visible_ascii(token, longest_token)) return invalid("access_token is no token");
  if (text_in(*said, "token_type") != "DPoP") return invalid("token_type is not DPoP");
  const auto life = said->find("expires_in");
  if (life == said->end() || !life->is_number_unsigned()) return invalid("expires_in is missing");
  const auto seconds = std::chrono::seconds(
      static_cast<std::int64_t>(std::min<std::uint64_t>(life->get<std::uint64_t>(), longest_life)));
  token_ = std::move(token);
  token_passed_ = false;
  due_ = asked_at + seconds * 3 / 4;
  return {};
}

// It is told over TLS, by the one whom alone it concerns.
void ServiceLogin::keep_clock(const http::Response& answer, Moment now) {
  const std::string* said = is_refused(answer) ? answer.headers.find("Date") : nullptr;
  const auto theirs = said != nullptr ? http::read_date(*said) : std::nullopt;
  // Of less than this it takes no offence, and what the answer took is in it.
  if (theirs && std::chrono::abs(*theirs - now - ahead_) > std::chrono::seconds(2))
    ahead_ = *theirs - now;
}

// Again where it is the nonce that was missing (RFC 9449 §8), or the clock wrong, or first the one
// and then the other.
Result<void> ServiceLogin::ask(Moment now, Deadline deadline) {
  const auto asked_at = std::chrono::steady_clock::now();
  for (int tries = 1;; ++tries) {
    const std::string nonce = nonce_of_token_;
    const auto ahead = ahead_;
    auto answer = ask_once(now, deadline);
    if (!answer) return pass_on(answer);
    const bool learned = nonce != nonce_of_token_ || ahead != ahead_;
    if (!is_refused(*answer) || !learned || tries == most_tries) return take(*answer, asked_at);
  }
}

Result<http::Headers> ServiceLogin::headers_for(const std::string& url, Moment now,
                                                Deadline deadline) {
  if (!due_ || std::chrono::steady_clock::now() >= *due_) {
    if (auto asked = ask(now, deadline); !asked) return pass_on(asked);
  }
  const auto proof = jose::sign_proof(key_, {"GET", url, token_, nonce_of_calls_}, now + ahead_);
  if (!proof) return tl::unexpected<Error>(proof.error());
  http::Headers headers;
  headers.add("Authorization", "DPoP " + token_);
  headers.add("DPoP", *proof);
  return headers;
}

bool ServiceLogin::may_pass_again(const http::Response& answer, Moment now) {
  const std::string nonce = nonce_of_calls_;
  const auto ahead = ahead_;
  keep_clock(answer, now);
  keep_nonce(answer.headers, nonce_of_calls_);
  if (answer.status == 200) token_passed_ = true;
  if (answer.status != 401) return false;
  const bool learned = nonce != nonce_of_calls_ || ahead != ahead_;
  if (learned && !is_of_token(answer)) return true;
  due_.reset();
  // One that never passed is not better for being asked for once more.
  return std::exchange(token_passed_, false) || learned;
}

}  // namespace mintmark::verify
