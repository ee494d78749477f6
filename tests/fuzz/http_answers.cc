// Any octets as a server's answer to our client: refused with a code, or one answer within the
// limit, the same whether it is kept whole or given on in parts.
#include <sys/socket.h>

#include "http/client_exchange.h"
#include "http/text.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

constexpr std::size_t most_of_an_answer = 4096;
constexpr const char* asked = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

// A server that has said all that it will say.
std::unique_ptr<http::ClientConnection> answered(BytesView octets) {
  int ends[2] = {-1, -1};
  require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  // Open until the next answer: what the client writes is kept by the socket and read by nobody.
  static UniqueFd server;
  server = UniqueFd(ends[0]);
  UniqueFd client(ends[1]);
  const auto sent = send(server.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
  require(sent == static_cast<ssize_t>(octets.size()));
  require(shutdown(server.get(), SHUT_WR) == 0);
  return std::move(http::ClientConnection::open(std::move(client), nullptr,
                                                Deadline::in(std::chrono::seconds(5)))
                       .value());
}

void look_at_answer(const http::Response& answer) {
  require(answer.status >= 200 && answer.status <= 999);
  require(answer.body.size() <= most_of_an_answer);
  for (const auto& [name, value] : answer.headers.fields()) require(http::is_token(name));
}

void run_http_answer(BytesView octets) {
  const BytesView sent = octets.first(std::min<std::size_t>(octets.size(), 32U << 10U));
  const Deadline deadline = Deadline::in(std::chrono::seconds(5));
  const auto whole = answered(sent);
  const auto exchanged = http::exchange(*whole, asked, false, most_of_an_answer, deadline);
  const auto& answer = exchanged.answer;
  if (answer) look_at_answer(*answer);
  if (!answer) {
    require(answer.error().code == Code::http_answer_malformed ||
            answer.error().code == Code::http_answer_too_large ||
            answer.error().code == Code::connect_failed);
    require_told(answer.error());
  }
  require(!sent.empty() || !exchanged.any_octet);

  http::StreamedCall call{"GET", "", {}, deadline, {}, most_of_an_answer, {}, {}};
  std::optional<http::Response> head;
  std::string body;
  call.head = [&](const http::Response& response) { return head = response, true; };
  call.part = [&](std::string_view part) {
    require(!part.empty());
    body += part;
    return true;
  };
  const auto parts = answered(sent);
  const auto ended = http::stream_exchange(*parts, asked, call);
  require(ended || facts_of(ended.error().code).http_status != 0);
  if (!ended || !answer) return;
  require(head && head->status == answer->status && body == answer->body);
}

const Registered answer_target{{"http_answer", &run_http_answer}};

}  // namespace
}  // namespace mintmark::fuzz
