#include "api/client_address.h"

#include <gtest/gtest.h>

namespace mintmark::api {
namespace {

std::string from_peer(const std::string& peer) {
  http::Request request;
  request.peer = peer;
  return client_address(request, false);
}

std::string forwarded(const std::vector<std::string>& headers) {
  http::Request request;
  request.peer = "127.0.0.1:4711";
  for (const std::string& header : headers) request.headers.add("X-Forwarded-For", header);
  return client_address(request, true);
}

TEST(ClientAddress, IsThePeersWithoutItsPort) {
  EXPECT_EQ(from_peer("192.0.2.1:4711"), "192.0.2.1");
}

TEST(ClientAddress, OfIpv6IsItsNetwork) {
  EXPECT_EQ(from_peer("[2001:db8:1:2:3:4:5:6]:4711"), "2001:db8:1:2::/64");
  EXPECT_EQ(from_peer("[2001:db8:1:2:ffff::1]:9"), "2001:db8:1:2::/64");
  EXPECT_EQ(from_peer("[::ffff:192.0.2.1]:9"), "192.0.2.1");
}

TEST(ClientAddress, IgnoresForwardedHeadersOfStrangers) {
  http::Request request;
  request.peer = "192.0.2.1:4711";
  request.headers.add("X-Forwarded-For", "198.51.100.1");
  EXPECT_EQ(client_address(request, false), "192.0.2.1");
}

TEST(ClientAddress, BehindAProxyIsTheOneThatTheProxyWrote) {
  EXPECT_EQ(forwarded({"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(forwarded({"10.0.0.1, 198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(forwarded({"10.0.0.1,2001:db8::1 "}), "2001:db8::/64");
}

TEST(ClientAddress, ThatCannotBeToldCountsAsOne) {
  EXPECT_EQ(forwarded({}), "unknown");
  EXPECT_EQ(forwarded({"198.51.100.1", "198.51.100.2"}), "unknown");
  EXPECT_EQ(forwarded({"nonsense"}), "unknown");
  EXPECT_EQ(forwarded({""}), "unknown");
  EXPECT_EQ(forwarded({"198.51.100.1,"}), "unknown");
  EXPECT_EQ(from_peer("unix:uid=0"), "unknown");
  EXPECT_EQ(from_peer(""), "unknown");
  EXPECT_EQ(from_peer("[]:1"), "unknown");
  EXPECT_EQ(from_peer("["), "unknown");
}

}  // namespace
}  // namespace mintmark::api
