#include "programs/mintd/control.h"

#include <charconv>
#include <utility>

#include "admin/keeper_endpoints.h"
#include "base/secret.h"

namespace mintmark::mintd {
namespace {

constexpr JsonLimits control_limits{
    .octets = ipc::Channel::longest_frame, .depth = 16, .elements = 100'000};
constexpr std::size_t longest_length = 21;  // A length's digits and its colon.

http::Response no_front() {
  return http::json_response(
      503,
      R"({"error":"unavailable","error_description":"the front is not running; see mintd's log"})");
}

http::Response no_answer() {
  return http::json_response(
      502, R"({"error":"unavailable","error_description":"the front's answer cannot be read"})");
}

}  // namespace

Bytes to_frame(const Json& message) {
  return to_bytes(as_bytes(message.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Result<Json> from_frame(BytesView frame) {
  auto message = parse_json(as_text(frame), control_limits);
  if (!message) return message;
  if (!message->is_object() || !message->contains("type") || !(*message)["type"].is_string()) {
    return fail(Code::internal, "a control message has a type");
  }
  return message;
}

ReloadTexts::~ReloadTexts() { wipe(tls_key); }

// Each text behind its length, so that nothing but these five strings ever holds the key.
std::string ReloadTexts::packed() const {
  std::size_t whole = 0;
  for (const std::string* text : {&config_name, &config, &policy, &tls_certificate, &tls_key})
    whole += longest_length + text->size();
  std::string out;
  out.reserve(whole);  // A growing string would leave copies behind.
  for (const std::string* text : {&config_name, &config, &policy, &tls_certificate, &tls_key})
    out.append(std::to_string(text->size())).append(1, ':').append(*text);
  return out;
}

Result<ReloadTexts> ReloadTexts::from(std::string_view packed) {
  ReloadTexts texts;
  for (std::string* text :
       {&texts.config_name, &texts.config, &texts.policy, &texts.tls_certificate, &texts.tls_key}) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(packed.data(), packed.data() + packed.size(), size);
    const auto digits = static_cast<std::size_t>(end - packed.data());
    if (error != std::errc{} || digits >= packed.size() || *end != ':' ||
        size > packed.size() - digits - 1)
      return fail(Code::internal, "what is to be reloaded came malformed");
    text->assign(packed.substr(digits + 1, size));
    packed.remove_prefix(digits + 1 + size);
  }
  if (!packed.empty()) return fail(Code::internal, "what is to be reloaded came malformed");
  return texts;
}

void AdminRelay::ask(const std::shared_ptr<ipc::Channel>& front, const http::Request& request,
                     http::Respond respond) {
  ask(front,
      {{"type", "admin"},
       {"method", request.method},
       {"target", request.target},
       {"body", request.body}},
      {}, std::move(respond));
}

void AdminRelay::ask(const std::shared_ptr<ipc::Channel>& front, Json message, UniqueFd descriptor,
                     http::Respond respond) {
  if (!front) return respond(no_front());
  const std::uint64_t id = ++last_;
  message["id"] = id;
  const Bytes frame = to_frame(message);
  // A longer one would end the channel, and the front with it.
  if (frame.size() > ipc::Channel::longest_frame) {
    return respond(admin::error_response(
        {Code::http_body_too_large, "the request is too long for mintd's front"}));
  }
  waiting_.emplace(id, std::move(respond));
  front->send(frame, std::move(descriptor));
}

Bytes answer_frame(std::uint64_t id, const http::Response& response) {
  const auto frame_of = [id](const http::Response& answer) {
    return to_frame(
        {{"type", "answer"}, {"id", id}, {"status", answer.status}, {"body", answer.body}});
  };
  Bytes frame = frame_of(response);
  if (frame.size() <= ipc::Channel::longest_frame) return frame;
  return frame_of(admin::error_response(
      {Code::http_answer_too_large, "the answer is too long to be passed on by the keeper"}));
}

void AdminRelay::answered(const Json& message) {
  if (!message.contains("id") || !message["id"].is_number_unsigned()) return;
  const auto found = waiting_.find(message["id"].get<std::uint64_t>());
  if (found == waiting_.end()) return;
  const http::Respond respond = std::move(found->second);
  waiting_.erase(found);
  const auto status = message.value("status", Json());
  const auto body = message.value("body", Json());
  const bool readable = status.is_number_unsigned() && status >= 200U && status <= 599U;
  if (!readable || !body.is_string()) return respond(no_answer());
  respond(http::json_response(status.get<unsigned>(), body.get<std::string>()));
}

void AdminRelay::front_gone() {
  for (auto& [id, respond] : std::exchange(waiting_, {})) respond(no_front());
}

}  // namespace mintmark::mintd
