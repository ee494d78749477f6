// TLS 1.2 and 1.3 by OpenSSL, as server and as client.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace boost::asio::ssl { class context; }

namespace mintmark::http {

/// Certificate chain and key, proven to fit each other.
class TlsServerContext {
 public:
  /// PEM texts. AEAD suites only; session tickets on.
  [[nodiscard]] static Result<std::shared_ptr<const TlsServerContext>> from_pem(const std::string& chain_pem,
                                                                                const std::string& key_pem);
  [[nodiscard]] boost::asio::ssl::context& native() const { return *context_; }

 private:
  explicit TlsServerContext(std::shared_ptr<boost::asio::ssl::context> context) : context_(std::move(context)) {}
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace mintmark::http
