#include "http/connection_fields.h"

#include <algorithm>
#include <array>

namespace mintmark::http {
namespace {

constexpr std::array<std::string_view, 9> of_connection = {"connection",
                                                           "keep-alive",
                                                           "proxy-connection",
                                                           "proxy-authenticate",
                                                           "proxy-authorization",
                                                           "te",
                                                           "trailer",
                                                           "transfer-encoding",
                                                           "upgrade"};

}  // namespace

bool is_of_connection(std::string_view name) {
  return std::find(of_connection.begin(), of_connection.end(), name) != of_connection.end();
}

}  // namespace mintmark::http
