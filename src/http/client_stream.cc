#include "http/client_stream.h"

#include "http/client_exchange.h"
#include "http/client_parts.h"

namespace mintmark::http {
namespace {

Result<StreamEnd> make_call(const ClientOptions& options, const StreamedCall& call) {
  const auto target = target_of(options, call.url);
  if (!target) return tl::unexpected<Error>(target.error());
  const auto request = compose_request(call.method, *target, call.headers, "");
  if (!request) return tl::unexpected<Error>(request.error());
  std::optional<TlsClientContext> tls;
  auto connection = connect(options, tls, *target, call.head_by, call.interruption);
  if (!connection) return pass_on(connection);
  return stream_exchange(**connection, *request, call);
}

}  // namespace

Result<StreamEnd> stream(const ClientOptions& options, const StreamedCall& call) {
  auto ended = make_call(options, call);
  if (!ended && call.interruption != nullptr && call.interruption->raised())
    return StreamEnd::interrupted;
  return ended;
}

}  // namespace mintmark::http
