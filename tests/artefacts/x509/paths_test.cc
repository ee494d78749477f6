// Each published path gets the published answer, or a property of it says why not.
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <map>

#include "paths.h"
#include "support/test_data.h"

namespace mintmark::test::x509 {
namespace {

using product::Strength;

bool starts(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

/// Where OpenSSL's refusal was that the name or the use is not the one which a TLS client asks for.
bool openssl_refused_for(const Path& path, std::initializer_list<const char*> words) {
  const std::string observed = path.text("observed_openssl_3.0");
  return starts(observed, "reject") &&
         std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return observed.find(word) != std::string::npos; });
}

/// A property of a case that makes another answer than the suite's the right one here, and why.
struct Exception {
  const char* what;
  const char* why;
  bool (*holds)(const Path&);
};

/// The suite refuses, we take.
const std::array taken_here{
    Exception{"name of a server",
              "which host a certificate is for is asked by TLS clients; devices have no host names",
              [](const Path& path) {
                return starts(path.text("relevance"), "server-name") ||
                       openssl_refused_for(path, {"hostname mismatch", "IP address mismatch",
                                                  "email address mismatch"});
              }},
    Exception{"use of a leaf",
              "what a leaf's key is for (extended key usage, key usage) is asked by each profile, "
              "which has its own",
              [](const Path& path) {
                return openssl_refused_for(path, {"unsuitable certificate purpose"});
              }},
    Exception{"web PKI",
              "rules of the CA/Browser forum for public web servers; makers of hardware keep none",
              [](const Path& path) { return starts(path.text("relevance"), "webpki-policy"); }},
    Exception{"depth that a caller asks for", "the bound is ours and fixed: six authorities",
              [](const Path& path) { return path.entry.contains("max_intermediates"); }},
    Exception{"names of hosts and mail",
              "only the suite's own library says so (disputed), and of names that devices'"
              " certificates do not have",
              [](const Path& path) {
                return starts(path.text("relevance"), "name-constraints") &&
                       path.text("agreement") == "disputed";
              }},
    Exception{"duty of an issuer",
              "OpenSSL takes it unless it is strict, real makers do it (serial numbers, key "
              "identifiers, criticality, order); it is shown as an oddity instead",
              [](const Path& path) { return !path.confirmed() && !oddities_in(path).empty(); }},
    Exception{"what an anchor says of itself",
              "the operator's word makes an anchor, not its extensions (RFC 5280 §6.1.1 d)",
              [](const Path& path) { return path.text("agreement") == "openssl-strict"; }},
};

/// The suite takes, we refuse, whatever keys and digests are worth.
const std::array refused_here{
    Exception{"the last second",
              "at the second of notAfter itself a certificate has ended: a second early is safe",
              [](const Path& path) { return !path.confirmed() && ends_at_that_second(path); }},
    Exception{"names of hosts and mail", "as above",
              [](const Path& path) {
                return starts(path.text("relevance"), "name-constraints") &&
                       path.text("agreement") == "disputed";
              }},
};

template <std::size_t count>
const Exception* exception_in(const std::array<Exception, count>& table, const Path& path) {
  for (const Exception& one : table) {
    if (one.holds(path)) return &one;
  }
  return nullptr;
}

class Paths : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
    paths = cases_with("peer");
    ASSERT_FALSE(paths.empty());
  }
  std::vector<Path> paths;
};

// Keys and digests of their time: many suites are older than 112 bits.
TEST_F(Paths, GetTheAnswerThatWasPublishedOrAPropertySaysWhyNot) {
  std::map<std::string, int> counts;
  std::map<std::string, const char*> reasons;
  for (const Path& path : paths) {
    const Answer ours = answer_to(path, Strength::any);
    const std::string expected = path.expected();
    if (expected != "accept" && expected != "reject") {
      ++counts["either, says the suite"];
      continue;
    }
    if (ours.accepted == (expected == "accept")) {
      ++counts["as published: " + expected];
      continue;
    }
    // What no verifier of its time minded, and one with a floor of 112 bits does.
    if (ours.accepted && starts(path.text("observed_openssl_3.0"), "accept") &&
        !answer_to(path, Strength::bits_112).accepted) {
      ++counts["as published, as shipped: reject"];
      continue;
    }
    const Exception* exception =
        ours.accepted ? exception_in(taken_here, path) : exception_in(refused_here, path);
    EXPECT_NE(exception, nullptr) << path.id << ": " << path.text("description") << "\nexpected "
                                  << expected << " (" << path.text("reason") << "), but "
                                  << (ours.accepted ? "it was accepted" : ours.why);
    if (exception == nullptr) continue;
    const std::string name =
        (ours.accepted ? "taken here: " : "refused here: ") + std::string(exception->what);
    ++counts[name];
    reasons[name] = exception->why;
  }
  for (const auto& [name, count] : counts) {
    std::cout << count << "  " << name;
    if (reasons.contains(name)) std::cout << " (" << reasons[name] << ")";
    std::cout << "\n";
  }
}

TEST_F(Paths, AreTakenAsShippedWhereTheyHoldAndAreStrongAndNowhereElse) {
  for (const Path& path : paths) {
    const Answer whatever = answer_to(path, Strength::any);
    const bool right = whatever.accepted && is_strong(path, whatever.links);
    const Answer shipped = answer_to(path, Strength::bits_112);
    EXPECT_EQ(shipped.accepted, right) << path.id << ": " << shipped.why;
  }
}

TEST_F(Paths, GetTheSameAnswerInWhateverOrderCertificatesAreOffered) {
  for (const Path& path : paths) {
    if (path.entry.value("untrusted", Json::array()).size() < 2) continue;
    EXPECT_EQ(answer_to(path, Strength::any).accepted,
              answer_to(path, Strength::any, Order::reversed).accepted)
        << path.id;
  }
}

}  // namespace
}  // namespace mintmark::test::x509
