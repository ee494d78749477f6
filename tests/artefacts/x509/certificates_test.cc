// Single certificates, revocation lists and names of the topic.
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <functional>
#include <map>
#include <set>

#include "attest/x509/conformance.h"
#include "paths.h"
#include "support/test_data.h"

namespace mintmark::test::x509 {
namespace {

struct Taken {
  bool parsed = false;
  std::vector<std::string> oddities;
};

/// Up to the end of the first: some files of the suites hold two.
Bytes first_in(const Bytes& der) {
  const std::uint8_t* at = der.data();
  const product::Certificate first(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return first ? Bytes(der.data(), at) : der;
}

Taken taken(const Path& one) {
  const Bytes der = first_in(der_of(one.entry, "der").at(0));
  if (one.text("kind") == "crl") {
    const std::uint8_t* at = der.data();
    const product::Crl crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (!crl) return {};
    return {true, product::oddities_of(crl.get())};
  }
  const auto certificate = product::parse_certificate(der);
  if (!certificate) return {};
  return {true, product::oddities_of(certificate.get())};
}

class Singles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

/// Cases of one certificate or list, apart.
void for_each_single(const std::function<void(const Path&)>& judge) {
  const auto all = cases_with("der");
  for (const Path& one : all) judge_apart(one.id, [&] { judge(one); });
  expect_some(all.size());
}

TEST_F(Singles, AreReadFlaggedOrRefusedAsPublished) {
  for_each_single([](const Path& one) {
    const Taken ours = taken(one);
    const std::string expected = one.expected();
    SCOPED_TRACE(one.id + ": " + one.text("description"));
    // What OpenSSL does not read is refused, which is more than to flag it.
    const bool to_be_read =
        one.entry.value("openssl_parses", true) && (expected == "ok" || expected == "ok-but-flag");
    EXPECT_TRUE(ours.parsed || !to_be_read);
    const bool to_be_seen = expected == "ok-but-flag" || expected == "reject-or-flag";
    EXPECT_FALSE(to_be_seen && ours.parsed && ours.oddities.empty());
    if (expected == "unusable" && ours.parsed) {
      const auto certificate = product::parse_certificate(der_of(one.entry, "der").at(0));
      EXPECT_FALSE(certificate && product::has_bounded_key(certificate.get()) &&
                   product::objection_to(certificate.get(), product::Place::leaf).empty());
    }
  });
}

TEST_F(Singles, WithSomethingBehindThemAreRefused) {
  for_each_single([](const Path& one) {
    const Bytes der = der_of(one.entry, "der").at(0);
    if (one.text("kind") != "certificate") return;
    const Bytes first = first_in(der);
    Bytes more = first;
    more.insert(more.end(), first.begin(), first.end());
    EXPECT_FALSE(product::parse_certificate(more)) << one.id;
  });
}

TEST_F(Singles, OnCurvesOfTheirOwnHaveNoKeyThatIsTaken) {
  for_each_single([](const Path& one) {
    const auto certificate = product::parse_certificate(first_in(der_of(one.entry, "der").at(0)));
    if (!certificate) return;
    // Parameters instead of a curve's name: a SEQUENCE where an OBJECT IDENTIFIER could stand.
    const void* parameters = nullptr;
    int kind = 0;
    X509_ALGOR* algorithm = nullptr;
    X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &algorithm,
                           X509_get_X509_PUBKEY(certificate.get()));
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, &kind, &parameters, algorithm);
    const bool own_curve =
        OBJ_obj2nid(object) == NID_X9_62_id_ecPublicKey && kind == V_ASN1_SEQUENCE;
    EXPECT_FALSE(own_curve && product::has_bounded_key(certificate.get())) << one.id;
  });
}

/// Members of lists of the topic that are no cases, apart, by the name of the list.
void for_each_listed(const char* list, const std::function<void(const Json&)>& judge) {
  std::size_t judged = 0;
  for_each_entry("x509", [&](const Json& entry) {
    for (const std::string name : entry.at("files")) {
      judge_apart(name, [&] {
        const Json members = json_file(name).value(list, Json::array());
        for (const Json& one : members) judge_apart(one.dump(), [&] { judge(one); });
        judged += members.size();
      });
    }
  });
  expect_some(judged);
}

// Names are shown, and never read: what must hold is that no two look alike and none can write
// over what stands beside it.
TEST_F(Singles, HaveNamesThatAreShownEachInItsOwnWay) {
  std::map<std::string, Bytes> shown;
  for_each_listed("distinguished_name_strings_valid", [&shown](const Json& one) {
    const Bytes der = from_hex(one.at("DER").get<std::string>()).value();
    const std::uint8_t* at = der.data();
    const std::unique_ptr<X509_NAME, decltype(&X509_NAME_free)> name(
        d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())), &X509_NAME_free);
    ASSERT_TRUE(name) << one.dump();
    const std::string text = product::name_text(name.get());
    EXPECT_TRUE(std::none_of(text.begin(), text.end(), [](unsigned char octet) {
      return octet < 0x20 || octet == 0x7F;
    })) << one.dump();
    const auto [known, is_new] = shown.emplace(text, der);
    EXPECT_TRUE(is_new || known->second == der) << text;
  });
}

/// A certificate that constrains addresses to that range.
product::Certificate constraining(const Json& range) {
  Bytes octets = from_hex(range.at("Address").get<std::string>()).value();
  const Bytes mask = from_hex(range.at("Netmask").get<std::string>()).value();
  octets.insert(octets.end(), mask.begin(), mask.end());
  product::Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  const auto add = [&](int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), &X509_EXTENSION_free);
    X509_add_ext(certificate.get(), extension.get(), -1);
  };
  add(NID_basic_constraints, "critical,CA:TRUE");
  const std::unique_ptr<NAME_CONSTRAINTS, decltype(&NAME_CONSTRAINTS_free)> constraints(
      NAME_CONSTRAINTS_new(), &NAME_CONSTRAINTS_free);
  GENERAL_SUBTREE* subtree = GENERAL_SUBTREE_new();
  ASN1_OCTET_STRING* address = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(address, octets.data(), static_cast<int>(octets.size()));
  GENERAL_NAME_set0_value(subtree->base, GEN_IPADD, address);
  constraints->permittedSubtrees = sk_GENERAL_SUBTREE_new_null();
  sk_GENERAL_SUBTREE_push(constraints->permittedSubtrees, subtree);
  X509_add1_ext_i2d(certificate.get(), NID_name_constraints, constraints.get(), 1, 0);
  return certificate;
}

TEST_F(Singles, ConstrainAddressesByPrefixesAlone) {
  for_each_listed("general_name_ip_constraints", [](const Json& range) {
    const auto certificate = constraining(range);
    const std::string why = product::objection_to(certificate.get(), product::Place::leaf);
    EXPECT_EQ(why.empty(), range.at("section") == "Valid") << range.dump() << ": " << why;
  });
}

}  // namespace
}  // namespace mintmark::test::x509
