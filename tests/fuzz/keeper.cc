// Any octets between keeper and front, and as an operator's request: refused, or carried on as they
// are; whoever waits for the front is answered once, whatever it says.
#include "admin/asked.h"
#include "programs/mintd/control.h"
#include "support/channel_ends.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

void answer_the_keeper(const Json& message) {
  boost::asio::io_context io;
  auto pair = test::connected();
  const auto front = ipc::Channel::make(io, std::move(pair.left));
  mintd::AdminRelay relay;
  std::array<int, 3> answered{};
  for (std::size_t i = 0; i < answered.size(); ++i) {
    http::Request request;
    request.method = "GET";
    request.target = request.path = "/admin/v1/devices";
    relay.ask(front, request, [&answered, i](const http::Response& response) {
      ++answered[i];
      require(response.status >= 100 && response.status <= 999);
    });
  }
  relay.answered(message);
  relay.answered(message);
  relay.front_gone();
  for (const int count : answered) require(count == 1);
}

void run_keeper_frame(BytesView octets) {
  const auto message = mintd::from_frame(octets);
  if (!message) return require(!message.error().detail.empty());
  const auto again = mintd::from_frame(mintd::to_frame(*message));
  require(again && *again == *message);
  answer_the_keeper(*message);
}

void run_reload_texts(BytesView octets) {
  const auto texts = mintd::ReloadTexts::from(as_text(octets));
  if (!texts) return require(texts.error().code == Code::internal);
  const auto again = mintd::ReloadTexts::from(texts->packed());
  require(again && again->config == texts->config && again->policy == texts->policy &&
          again->tls_key == texts->tls_key && again->config_name == texts->config_name &&
          again->tls_certificate == texts->tls_certificate);
}

void run_admin_request(BytesView octets) {
  http::Request request;
  request.body = as_text(octets);
  std::string why;
  const auto read = admin::read_request(request, [&why](config::ObjectReader& reader) {
    (void)reader.text("id");
    (void)reader.texts("scopes", std::vector<std::string>{});
    (void)reader.integer("seconds", 1, 3600, 60);
    (void)reader.boolean("all", false);
    why = admin::reason_in(reader);
  });
  if (!read) {
    require(read.error().code == Code::admin_member_wrong);
    return require_told(read.error());
  }
  require(why.size() <= admin::longest_reason);
}

const Registered keeper_targets{{"keeper_frame", &run_keeper_frame},
                                {"reload_texts", &run_reload_texts, {}, nullptr, 4000},
                                {"admin_request", &run_admin_request, {}, nullptr, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
