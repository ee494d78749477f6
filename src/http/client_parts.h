// What calls of every kind are made of. For the client's own files.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/client.h"
#include "http/client_connection.h"
#include "http/tls.h"

namespace mintmark::http {

/// Where the call goes, if the options let it (Client): `http_malformed`.
[[nodiscard]] Result<Url> target_of(const ClientOptions& options, const std::string& url);

/// The request's octets; `http_malformed`.
[[nodiscard]] Result<std::string> compose_request(const std::string& method, const Url& url,
                                                  const Headers& headers, const std::string& body);

/// A new connection, its handshake done. `tls` is made where it is needed and not there yet.
/// `interruption` may be null. Errors of Client.
[[nodiscard]] Result<std::unique_ptr<ClientConnection>> connect(
    const ClientOptions& options, std::optional<TlsClientContext>& tls, const Url& url,
    Deadline deadline, const Interruption* interruption = nullptr);

}  // namespace mintmark::http
