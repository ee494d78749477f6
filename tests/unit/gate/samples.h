// Check requests as the proxies' documents give them.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gate/original.h"
#include "http/request_reader.h"

namespace mintmark::gate {

/// A check request, octet by octet, as a proxy's documents or source give it, and how it is read.
struct Sample {
  Dialect dialect;
  std::string prefix;
  std::string octets;
  std::string read;
};

inline const std::vector<Sample> samples{
    // Ours: provisioning/proxies/nginx/mint-gate-server.conf; what else the client sent goes along.
    {Dialect::nginx, "",
     "GET /_mint_gate HTTP/1.0\r\nX-Original-Method: POST\r\nX-Original-Scheme: https\r\n"
     "X-Original-Host: api.example:443\r\nX-Original-URI: /orders?x\r\nHost: mint_gate\r\n"
     "Connection: close\r\nAccept: */*\r\n\r\n",
     "POST https api.example:443 /orders?x"},
    // caddyserver.com/docs/caddyfile/directives/forward_auth, "Expanded form": method GET,
    // X-Forwarded-Method and -Uri by it, the others by reverse_proxy.
    {Dialect::caddy, "",
     "GET / HTTP/1.1\r\nHost: api.example\r\nUser-Agent: curl/8\r\nAccept: */*\r\n"
     "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: api.example\r\n"
     "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Uri: /orders?x\r\n"
     "Accept-Encoding: gzip\r\n\r\n",
     "GET https api.example /orders?x"},
    // doc.traefik.io/traefik/middlewares/http/forwardauth, "Forward-Request Headers"; a GET to the
    // configured address.
    {Dialect::traefik, "",
     "GET / HTTP/1.1\r\nHost: 127.0.0.1:9083\r\nUser-Agent: curl/8\r\nAccept: */*\r\n"
     "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: api.example\r\n"
     "X-Forwarded-Method: DELETE\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n"
     "X-Forwarded-Server: edge\r\nX-Forwarded-Uri: /orders?x\r\nX-Real-Ip: 192.0.2.1\r\n"
     "Accept-Encoding: gzip\r\n\r\n",
     "DELETE https api.example /orders?x"},
    // envoyproxy.io, ext_authz v3, HttpService: always Host, Method, Path (path_prefix before it),
    // Content-Length 0, Authorization; x-forwarded-proto where allowed_headers names it; the rest
    // by the router of its HTTP client.
    {Dialect::envoy, "/check",
     "DELETE /check/orders?x HTTP/1.1\r\nhost: api.example\r\ncontent-length: 0\r\n"
     "x-forwarded-proto: https\r\nx-envoy-internal: true\r\nx-forwarded-for: 10.0.0.1\r\n"
     "x-envoy-expected-rq-timeout-ms: 2000\r\n\r\n",
     "DELETE https api.example /orders?x"}};

inline http::Request parsed(std::string_view octets) {
  const http::ServerLimits limits;
  http::RequestReader reader(limits);
  const auto space = reader.space();
  if (octets.size() > space.size()) throw std::runtime_error("the sample is too long");
  std::copy(octets.begin(), octets.end(), space.begin());
  reader.came(octets.size());
  const auto stage = reader.advance();
  if (!stage || *stage != http::RequestReader::Stage::complete)
    throw std::runtime_error(stage ? "the sample is not whole" : stage.error().detail);
  return reader.take_request();
}

}  // namespace mintmark::gate
