#include "api/signals/poll_wish.h"

#include <limits>

#include "api/answers.h"
#include "base/bytes.h"

namespace mintmark::api {
namespace {

using revoke::signals::PollWish;

constexpr std::size_t longest_body = 64U << 10U;
constexpr std::size_t most_acknowledged = 1024;
constexpr std::size_t longest_jti = 128;
constexpr std::size_t most_errors = 256;

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::ssf_poll_malformed, what);
}

bool is_jti(const Json& jti) {
  return jti.is_string() && !jti.get_ref<const std::string&>().empty() &&
         jti.get_ref<const std::string&>().size() <= longest_jti;
}

Result<void> read_bounds(const Json& body, PollWish& wish) {
  wish.most = std::numeric_limits<std::size_t>::max();
  if (const auto most = body.find("maxEvents"); most != body.end()) {
    if (!most->is_number_unsigned())
      return malformed("maxEvents must be a whole number, 0 or more");
    wish.most = most->get<std::size_t>();
  }
  if (const auto now = body.find("returnImmediately"); now != body.end()) {
    if (!now->is_boolean()) return malformed("returnImmediately must be true or false");
    wish.immediately = now->get<bool>();
  }
  return {};
}

Result<void> read_acknowledged(const Json& body, PollWish& wish) {
  const auto jtis = body.find("ack");
  if (jtis == body.end()) return {};
  if (!jtis->is_array() || jtis->size() > most_acknowledged)
    return malformed("ack must be an array of at most 1,024 jti values");
  for (const Json& jti : *jtis) {
    if (!is_jti(jti)) return malformed("ack must be an array of jti values");
    wish.acknowledged.push_back(jti.get<std::string>());
  }
  return {};
}

Result<void> read_errors(const Json& body, PollWish& wish) {
  const auto errors = body.find("setErrs");
  if (errors == body.end()) return {};
  if (!errors->is_object() || errors->size() > most_errors)
    return malformed("setErrs must be an object of at most 256 jti values");
  for (const auto& [jti, error] : errors->items()) {
    const bool good = !jti.empty() && jti.size() <= longest_jti && error.is_object() &&
                      error.contains("err") && error["err"].is_string();
    if (!good) return malformed("setErrs must have an object with \"err\" for each jti");
    const Json description = error.value("description", Json(""));
    if (!description.is_string()) return malformed("a description in setErrs must be a text");
    wish.errors[jti] = printable(error["err"].get<std::string>(), 40) + ": " +
                       printable(description.get<std::string>());
  }
  return {};
}

}  // namespace

Result<PollWish> read_poll(const http::Request& request) {
  if (media_type(request) != "application/json")
    return fail(Code::content_type_wrong, "a poll is application/json");
  const auto body = parse_json(request.body, {.octets = longest_body, .depth = 4});
  if (!body) return tl::unexpected<Error>(body.error());
  if (!body->is_object()) return malformed("the body must be a JSON object");
  PollWish wish;
  auto read = read_bounds(*body, wish);
  if (read) read = read_acknowledged(*body, wish);
  if (read) read = read_errors(*body, wish);
  if (!read) return pass_on(read);
  return wish;
}

}  // namespace mintmark::api
