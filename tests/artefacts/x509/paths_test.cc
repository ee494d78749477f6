// Each published path gets the published answer, or a property of it says why not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
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
  bool (*holds)(const Path&, const Answer& ours);
};

/// What strict OpenSSL names, and the oddity that it is here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> oddities_that_strict_names{
    {{"Missing Authority Key Identifier", "names no key of its issuer"},
     {"Missing Subject Key Identifier", "is an authority that does not name its key"},
     {"Basic Constraints of CA cert not marked critical",
      "is an authority whose basic constraints are not critical"},
     {"Subject empty and Subject Alt Name extension not critical",
      "has no subject, and no critical alternative name"},
     {"Key usage keyCertSign invalid for non-CA cert",
      "may sign certificates, and is no authority"}}};

/// The oddity that strict OpenSSL names; where it names nothing, one that it does not know.
bool is_shown_as_oddity(const Path& path, const Answer& ours) {
  const std::string named = path.named_by_strict();
  const auto odd = oddities_in(path, ours.links);
  return std::any_of(odd.begin(), odd.end(), [&named](const std::string& one) {
    const auto known =
        std::find_if(oddities_that_strict_names.begin(), oddities_that_strict_names.end(),
                     [&one](const auto& row) { return row.second == one; });
    return named == (known == oddities_that_strict_names.end() ? "" : known->first);
  });
}

/// The suite refuses, we take.
const std::array taken_here{
    Exception{"name of a server",
              "which host a certificate is for is asked by TLS clients; devices have no host names",
              [](const Path& path, const Answer& /*ours*/) {
                return starts(path.text("relevance"), "server-name") ||
                       openssl_refused_for(path, {"hostname mismatch", "IP address mismatch",
                                                  "email address mismatch"});
              }},
    Exception{"use of a leaf",
              "what a leaf's key is for (extended key usage, key usage) is asked by each profile, "
              "which has its own",
              [](const Path& path, const Answer& /*ours*/) {
                return openssl_refused_for(path, {"unsuitable certificate purpose"});
              }},
    Exception{"web PKI",
              "rules of the CA/Browser forum for public web servers; makers of hardware keep none",
              [](const Path& path, const Answer& /*ours*/) {
                return starts(path.text("relevance"), "webpki-policy");
              }},
    Exception{"depth that a caller asks for", "the bound is ours and fixed: six authorities",
              [](const Path& path, const Answer& /*ours*/) {
                return path.entry.contains("max_intermediates");
              }},
    Exception{"names of hosts and mail",
              "only the suite's own library says so (disputed), and of names that devices'"
              " certificates do not have",
              [](const Path& path, const Answer& /*ours*/) {
                return starts(path.text("relevance"), "name-constraints") &&
                       path.text("agreement") == "disputed";
              }},
    Exception{"what an anchor says of itself",
              "an anchor is a name and a key, at the operator's word (RFC 5280 §6.1)",
              [](const Path& path, const Answer& ours) {
                return path.text("agreement") == "openssl-strict" &&
                       is_of_the_anchor_alone(path, ours.links);
              }},
    Exception{"duty of an issuer",
              "OpenSSL takes it unless it is strict, real makers do it (serial numbers, key "
              "identifiers, criticality, order); it is shown as an oddity instead",
              [](const Path& path, const Answer& ours) {
                return !path.confirmed() && is_shown_as_oddity(path, ours);
              }},
};

/// The suite takes, we refuse, whatever keys and digests are worth.
const std::array refused_here{
    Exception{"the last second",
              "at the second of notAfter itself a certificate has ended: a second early is safe",
              [](const Path& path, const Answer& /*ours*/) {
                return !path.confirmed() && ends_at_that_second(path);
              }},
    Exception{"names of hosts and mail", "as above",
              [](const Path& path, const Answer& /*ours*/) {
                return starts(path.text("relevance"), "name-constraints") &&
                       path.text("agreement") == "disputed";
              }},
};

template <std::size_t count>
const Exception* exception_in(const std::array<Exception, count>& table, const Path& path,
                              const Answer& ours) {
  for (const Exception& one : table) {
    if (one.holds(path, ours)) return &one;
  }
  return nullptr;
}

class Paths : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
    paths = cases_with("peer");
    expect_some(paths.size());
  }
  void each_apart(const std::function<void(const Path&)>& judge) const {
    for (const Path& path : paths) judge_apart(path.id, [&] { judge(path); });
  }
  std::vector<Path> paths;
};

/// By which rule each case was judged, and how often.
class Tally {
 public:
  void add(const std::string& rule, const char* why = nullptr) {
    ++counts_[rule];
    if (why != nullptr) reasons_[rule] = why;
  }
  void print() const {
    for (const auto& [rule, count] : counts_) {
      std::cout << count << "  " << rule;
      if (reasons_.contains(rule)) std::cout << " (" << reasons_.at(rule) << ")";
      std::cout << "\n";
    }
  }

 private:
  std::map<std::string, int> counts_;
  std::map<std::string, const char*> reasons_;
};

void judge_path(const Path& path, Tally& tally) {
  const Answer ours = answer_to(path, Strength::any);
  const std::string expected = path.expected();
  if (expected != "accept" && expected != "reject") return tally.add("either, says the suite");
  if (ours.accepted == (expected == "accept")) return tally.add("as published: " + expected);
  // What no verifier of its time minded, and one with a floor of 112 bits does.
  if (ours.accepted && starts(path.text("observed_openssl_3.0"), "accept") &&
      !answer_to(path, Strength::bits_112).accepted)
    return tally.add("as published, as shipped: reject");
  const Exception* exception =
      ours.accepted ? exception_in(taken_here, path, ours) : exception_in(refused_here, path, ours);
  ASSERT_NE(exception, nullptr) << path.id << ": " << path.text("description") << "\nexpected "
                                << expected << " (" << path.text("reason") << "), but "
                                << (ours.accepted ? "it was accepted" : ours.why);
  tally.add((ours.accepted ? "taken here: " : "refused here: ") + std::string(exception->what),
            exception->why);
}

// Keys and digests of their time: many suites are older than 112 bits.
TEST_F(Paths, GetTheAnswerThatWasPublishedOrAPropertySaysWhyNot) {
  Tally tally;
  each_apart([&tally](const Path& path) { judge_path(path, tally); });
  tally.print();
}

TEST_F(Paths, AreTakenAsShippedWhereTheyHoldAndAreStrongAndNowhereElse) {
  each_apart([](const Path& path) {
    const Answer whatever = answer_to(path, Strength::any);
    const bool right = whatever.accepted && is_strong(path, whatever.links);
    const Answer shipped = answer_to(path, Strength::bits_112);
    EXPECT_EQ(shipped.accepted, right) << path.id << ": " << shipped.why;
  });
}

TEST_F(Paths, GetTheSameAnswerInWhateverOrderCertificatesAreOffered) {
  each_apart([](const Path& path) {
    if (path.entry.value("untrusted", Json::array()).size() < 2) return;
    EXPECT_EQ(answer_to(path, Strength::any).accepted,
              answer_to(path, Strength::any, Order::reversed).accepted)
        << path.id;
  });
}

}  // namespace
}  // namespace mintmark::test::x509
