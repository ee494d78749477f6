// Which chain is found where names leave a choice, and what OpenSSL's verification lets pass.
#include "attest/x509/chain.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "attest/x509/conformance.h"
#include "attest/x509/issuer_search.h"
#include "support/issued_certificate.h"

namespace mintmark::attest::x509 {
namespace {

using test::der_octets;
using test::IssuedCertificate;
using test::Issuer;

const Moment now = from_unix(1'800'000'000);

Certificate copy_of(const X509* certificate) {
  return parse_certificate(test::der_of(certificate));
}

class Chains : public ::testing::Test {
 protected:
  Chains() {
    root.key = test::new_pair("P-256");
    root.certificate = test::issue(authority("Root", root.key), {nullptr, root.key});
  }

  [[nodiscard]] static IssuedCertificate authority(const std::string& name, const test::Pair& key) {
    IssuedCertificate of;
    of.subject = {{"CN", name}};
    of.key = key;
    of.ca = true;
    of.key_usage = "critical,keyCertSign";
    return of;
  }
  /// An authority of that name, of the root's or of `by`, with a key of its own or with `key`.
  [[nodiscard]] Issuer issuer(const std::string& name, const Issuer& by,
                              test::Pair key = nullptr) const {
    if (!key) key = test::new_pair("P-256");
    return {test::issue(authority(name, key), by), key};
  }
  [[nodiscard]] Certificate leaf_of(const Issuer& by) const {
    IssuedCertificate of;
    of.subject = {{"CN", "device"}};
    of.key = root.key;
    return copy_of(test::issue(of, by).get());
  }
  [[nodiscard]] Trust trust(const std::vector<Issuer>& intermediates = {}) const {
    std::vector<Certificate> roots;
    std::vector<Certificate> helpers;
    roots.push_back(copy_of(root.certificate.get()));
    for (const Issuer& one : intermediates) helpers.push_back(copy_of(one.certificate.get()));
    return Trust::from_certificates(std::move(roots), std::move(helpers)).value();
  }
  [[nodiscard]] static tl::expected<Chain, ChainRefusal> check(const Certificate& leaf,
                                                               const std::vector<Issuer>& offered,
                                                               const Trust& known) {
    std::vector<Certificate> beside;
    for (const Issuer& one : offered) beside.push_back(copy_of(one.certificate.get()));
    return check_chain(leaf.get(), beside, known, now, ExpiredAuthorities::refuse);
  }

  Issuer root;
};

TEST_F(Chains, LeadToTheAuthorityThatSignedAmongThoseOfItsName) {
  std::vector<Issuer> namesakes;
  for (int i = 0; i < 4; ++i) namesakes.push_back(issuer("CA", root));
  for (const Issuer& signer : namesakes) EXPECT_TRUE(check(leaf_of(signer), namesakes, trust()));
}

TEST_F(Chains, WithASignatureByNobodyOfThatNameAreRefusedForIt) {
  const auto refused =
      check(leaf_of(issuer("CA", root)), {issuer("CA", root), issuer("CA", root)}, trust());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, ChainFault::signature);
}

// The same authority, certified by one root that is known and by others that are not.
TEST_F(Chains, LeadAroundCertificatesThatEndNowhere) {
  const Issuer known = issuer("CA", root);
  std::vector<Issuer> offered;
  for (const char* stranger : {"A", "B", "C"}) {
    const test::Pair key = test::new_pair("P-256");
    const Issuer other{test::issue(authority(stranger, key), {nullptr, key}), key};
    offered.push_back(issuer("CA", other, known.key));
    offered.push_back(other);
  }
  offered.push_back(known);
  const auto chain = check(leaf_of(known), offered, trust());
  ASSERT_TRUE(chain) << chain.error().reason;
  EXPECT_EQ(chain->links.size(), 3U);
}

// The issuer of that name was found; that it may not sign is another reason.
TEST_F(Chains, ByAnAuthorityThatMaySignNothingAreRefusedForThat) {
  IssuedCertificate of = authority("CA", root.key);
  of.key_usage = "critical,cRLSign";
  const Issuer idle{test::issue(of, root), root.key};
  const auto refused = check(leaf_of(idle), {idle}, trust());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, ChainFault::invalid);
}

// One run is OpenSSL's own, and one finds the way.
TEST_F(Chains, AreLookedForAroundSoManyDeadEndsAndNoMore) {
  const test::Pair key = test::new_pair("P-256");
  const Issuer stranger{test::issue(authority("Stranger", key), {nullptr, key}), key};
  for (const int dead_ends : {IssuerSearch::most_runs - 2, IssuerSearch::most_runs - 1}) {
    const Issuer known = issuer("CA", root);
    std::vector<Issuer> offered;
    for (int i = 0; i < dead_ends; ++i) {
      IssuedCertificate of = authority("CA", known.key);
      of.serial = 10 + i;
      offered.push_back({test::issue(of, stranger), known.key});
    }
    offered.push_back(known);
    EXPECT_EQ(check(leaf_of(known), offered, trust()).has_value(),
              dead_ends == IssuerSearch::most_runs - 2)
        << dead_ends;
  }
}

TEST_F(Chains, AreLookedForWithABoundOnWork) {
  std::vector<Issuer> known;
  for (int i = 0; i < IssuerSearch::most_tried + 2; ++i) known.push_back(issuer("CA", root));
  EXPECT_TRUE(check(leaf_of(known[1]), {}, trust(known)));
  EXPECT_TRUE(check(leaf_of(known[IssuerSearch::most_tried - 2]), {}, trust(known)));
  EXPECT_FALSE(check(leaf_of(known.back()), {}, trust(known)));
}

TEST_F(Chains, ThatGoInCirclesEnd) {
  const test::Pair one = test::new_pair("P-256");
  const test::Pair other = test::new_pair("P-256");
  const Issuer first = issuer("One", {nullptr, one}, one);
  const Issuer second = issuer("Other", first, other);
  const Issuer again = issuer("One", second, one);
  const auto refused = check(leaf_of(again), {again, second}, trust());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, ChainFault::untrusted_root);
}

/// A certificate to be bent, with nothing to object to.
class Conformance : public Chains {
 protected:
  [[nodiscard]] Certificate plain(bool ca = false) const {
    IssuedCertificate of = authority("x", root.key);
    of.ca = ca;
    if (!ca) of.key_usage = "critical,digitalSignature";
    return copy_of(test::issue(of, root).get());
  }
  static void add(X509* certificate, int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), &X509_EXTENSION_free);
    ASSERT_TRUE(extension) << value;
    X509_add_ext(certificate, extension.get(), -1);
  }
  static void add_octets(X509* certificate, int nid, const Bytes& octets, int critical) {
    const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> value(
        ASN1_OCTET_STRING_new(), &ASN1_OCTET_STRING_free);
    ASN1_OCTET_STRING_set(value.get(), octets.data(), static_cast<int>(octets.size()));
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509_EXTENSION_create_by_NID(nullptr, nid, critical, value.get()), &X509_EXTENSION_free);
    X509_add_ext(certificate, extension.get(), -1);
  }
  /// With one extension more.
  [[nodiscard]] std::string with(int nid, const char* value, bool ca = false) const {
    const Certificate certificate = plain(ca);
    add(certificate.get(), nid, value);
    return objection_to(certificate.get(), ca ? Place::authority : Place::leaf);
  }
  [[nodiscard]] std::string with_octets(int nid, const Bytes& octets, bool ca = false,
                                        int critical = 1) const {
    const Certificate certificate = plain(ca);
    add_octets(certificate.get(), nid, octets, critical);
    return objection_to(certificate.get(), ca ? Place::authority : Place::leaf);
  }
};

TEST_F(Conformance, ObjectsToNothingInOrder) {
  EXPECT_EQ(objection_to(plain().get(), Place::leaf), "");
  EXPECT_EQ(objection_to(plain(true).get(), Place::authority), "");
  EXPECT_EQ(with(NID_subject_alt_name, "DNS:a.example,email:a@b.example,IP:192.0.2.1"), "");
  EXPECT_EQ(with(NID_name_constraints, "critical,permitted;DNS:example", true), "");
  EXPECT_EQ(with(NID_name_constraints, "critical,permitted;IP:10.0.0.0/255.128.0.0", true), "");
  // A quoted local part (RFC 5321 §4.1.2).
  EXPECT_EQ(with_octets(NID_subject_alt_name,
                        {0x30, 0x09, 0x81, 0x07, '"', 'a', '@', 'b', '"', '@', 'c'}),
            "");
  EXPECT_EQ(with_octets(NID_policy_constraints, {0x30, 0x03, 0x01}, true, 0), "")
      << "nobody has to read what is not critical";
}

TEST_F(Conformance, ObjectsToVersionsThatAreNone) {
  const Certificate certificate = plain();
  X509_set_version(certificate.get(), 4);
  EXPECT_EQ(objection_to(certificate.get(), Place::leaf), "has a version that there is not");
}

TEST_F(Conformance, ObjectsToExtensionsInOldVersions) {
  for (const long version : {0L, 1L}) {
    const Certificate certificate = plain();
    X509_set_version(certificate.get(), version);
    EXPECT_EQ(objection_to(certificate.get(), Place::leaf),
              "has extensions, which its version has not");
  }
}

template <typename T>
Bytes encoded(const T* value, int (*encode)(const T*, unsigned char**)) {
  std::uint8_t* octets = nullptr;
  const int length = encode(value, &octets);
  const Bytes der(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

/// As of the first version (RFC 5280 §4.1), with that subject, and `last` behind the key. Its
/// signature is nobody's.
Certificate of_the_first_version(const X509* like, const Bytes& subject, const Bytes& last = {}) {
  const Bytes algorithm = encoded(X509_get0_tbs_sigalg(like), &i2d_X509_ALGOR);
  const Bytes body =
      test::der_sequence({encoded(X509_get0_serialNumber(like), &i2d_ASN1_INTEGER), algorithm,
                          encoded(X509_get_issuer_name(like), &i2d_X509_NAME),
                          test::der_sequence({encoded(X509_get0_notBefore(like), &i2d_ASN1_TIME),
                                              encoded(X509_get0_notAfter(like), &i2d_ASN1_TIME)}),
                          subject, encoded(X509_get_X509_PUBKEY(like), &i2d_X509_PUBKEY), last});
  return parse_certificate(test::der_sequence({body, algorithm, {0x03, 0x02, 0x00, 0x00}}));
}

TEST_F(Conformance, ObjectsToUniqueIdentifiersInTheFirstVersion) {
  const Certificate like = plain();
  const Bytes subject = encoded(X509_get_subject_name(like.get()), &i2d_X509_NAME);
  const Certificate certificate =
      of_the_first_version(like.get(), subject, {0x81, 0x02, 0x00, 0x55});
  ASSERT_TRUE(certificate);
  EXPECT_EQ(objection_to(certificate.get(), Place::leaf),
            "has unique identifiers, which its version has not");
  ASSERT_EQ(X509_set_version(certificate.get(), X509_VERSION_2), 1);
  EXPECT_EQ(objection_to(certificate.get(), Place::leaf), "");
}

TEST_F(Conformance, ObjectsToAuthoritiesWithoutAName) {
  IssuedCertificate nameless = authority("x", root.key);
  nameless.subject = {};
  const Certificate certificate = copy_of(test::issue(nameless, root).get());
  EXPECT_EQ(objection_to(certificate.get(), Place::authority), "is an authority without a name");
  EXPECT_EQ(objection_to(certificate.get(), Place::anchor), "is an authority without a name");
  EXPECT_EQ(objection_to(certificate.get(), Place::leaf), "");
}

TEST_F(Conformance, ObjectsToConstraintsThatSayNothingOrStandInALeaf) {
  EXPECT_EQ(with(NID_name_constraints, "critical,permitted;DNS:example"),
            "has name constraints and is no authority");
  EXPECT_EQ(with_octets(NID_name_constraints, {0x30, 0x00}, true),
            "has name constraints, and none in them");
  EXPECT_EQ(
      with_octets(NID_name_constraints, {0x30, 0x06, 0xA0, 0x04, 0x30, 0x02, 0x82, 0x00}, true),
      "has a name constraint that is empty");
  EXPECT_EQ(with_octets(NID_name_constraints,
                        {0x30, 0x08, 0xA0, 0x06, 0x30, 0x04, 0x81, 0x02, '@', 'a'}, true),
            "has a name constraint that is no name");
  EXPECT_EQ(with_octets(NID_name_constraints, {0x30, 0x03, 0x01}, true, 0),
            "has name constraints that cannot be read");
}

TEST_F(Conformance, ObjectsToConstraintsThatNobodyCompares) {
  const Bytes edi_party{0x30, 0x0B, 0xA0, 0x09, 0x30, 0x07, 0xA5,
                        0x05, 0xA1, 0x03, 0x0C, 0x01, 'a'};
  EXPECT_EQ(with_octets(NID_name_constraints, edi_party, true),
            "constrains names of a kind that nobody compares");
  const Bytes five_octets{0x30, 0x0B, 0xA0, 0x09, 0x30, 0x07, 0x87, 0x05, 10, 0, 0, 0, 0xFF};
  EXPECT_EQ(with_octets(NID_name_constraints, five_octets, true),
            "constrains addresses of no such length");
}

TEST_F(Conformance, ObjectsToRangesThatAreNoPrefixes) {
  EXPECT_EQ(with(NID_name_constraints, "critical,permitted;IP:10.0.0.0/255.0.255.0", true),
            "constrains addresses by no prefix");
  EXPECT_EQ(with(NID_name_constraints, "critical,excluded;IP:10.0.0.0/127.0.0.0", true),
            "constrains addresses by no prefix");
}

TEST_F(Conformance, ObjectsToAlternativeNamesThatAreNone) {
  EXPECT_EQ(with_octets(NID_subject_alt_name, {0x30, 0x00}),
            "has alternative names, and none in them");
  EXPECT_EQ(with_octets(NID_subject_alt_name, {0x30, 0x02, 0x82, 0x00}),
            "has an alternative name that is empty");
  EXPECT_EQ(with_octets(NID_subject_alt_name, {0x30, 0x05, 0x82, 0x03, 'a', 0, 'b'}),
            "has a name with an octet 0 in it");
  EXPECT_EQ(with(NID_subject_alt_name, "DNS:.a"), "has a DNS name with an empty label");
  EXPECT_EQ(with(NID_subject_alt_name, "DNS:a..b"), "has a DNS name with an empty label");
  EXPECT_EQ(with_octets(NID_subject_alt_name, {0x30, 0x02, 0x86, 0x00}),
            "has an alternative name that is empty");
  EXPECT_EQ(with_octets(NID_subject_alt_name, {0x30, 0x03, 0x01}, false, 0),
            "has alternative names that cannot be read");
  EXPECT_EQ(with(NID_subject_alt_name, "email:a@b@c"), "has a mail address that is none");
}

TEST_F(Conformance, ObjectsToCriticalExtensionsThatCannotBeRead) {
  for (const int nid : {NID_policy_constraints, NID_policy_mappings, NID_inhibit_any_policy,
                        NID_crl_distribution_points, NID_sbgp_ipAddrBlock})
    EXPECT_EQ(with_octets(nid, {0x30, 0x03, 0x01}, true),
              "has a critical extension that cannot be read")
        << OBJ_nid2sn(nid);
}

TEST_F(Conformance, KeepsChainsFromHolding) {
  IssuedCertificate of = authority("CA", root.key);
  of.extensions = {{"2.5.29.30", {0x30, 0x00}}};  // Name constraints without any.
  const Issuer bad{test::issue(of, root), root.key};
  const auto refused = check(leaf_of(bad), {bad}, trust());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, ChainFault::invalid);
  EXPECT_NE(refused.error().reason.find("\"CN=CA\" has name constraints, and none in them"),
            std::string::npos)
      << refused.error().reason;
}

// RFC 5280 §6.1: a trust anchor is a name and a key.
TEST_F(Conformance, IsNotAskedOfWhatAnAnchorSaysBesideItsName) {
  IssuedCertificate of = authority("Root", root.key);
  of.extensions = {{"2.5.29.30", {0x30, 0x00}}};
  root.certificate = test::issue(of, {nullptr, root.key});
  const auto chain = check(leaf_of(root), {}, trust());
  ASSERT_TRUE(chain) << chain.error().reason;
  EXPECT_EQ(chain->standing, Standing::trusted);
}

TEST_F(Conformance, IsAskedOfRootsThatNobodyHereKnows) {
  const test::Pair key = test::new_pair("P-256");
  for (const bool bent : {false, true}) {
    IssuedCertificate of = authority("Another", key);
    if (bent) of.extensions = {{"2.5.29.30", {0x30, 0x00}}};
    const Issuer stranger{test::issue(of, {nullptr, key}), key};
    const auto refused = check(leaf_of(stranger), {stranger}, trust());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, bent ? ChainFault::invalid : ChainFault::untrusted_root);
  }
}

TEST_F(Conformance, IsAskedOfALeafThatIsItsOwnAnchor) {
  IssuedCertificate of = authority("device", root.key);
  of.ca = false;
  of.extensions = {{"2.5.29.17", {0x30, 0x00}}};  // Alternative names without any.
  root.certificate = test::issue(of, {nullptr, root.key});
  const auto refused = check(copy_of(root.certificate.get()), {}, trust());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().reason.find("alternative names, and none in them"), std::string::npos)
      << refused.error().reason;
}

// Whoever has no name is found by nobody who looks for it; published suites hold to that too.
TEST_F(Conformance, IsAskedWhetherAnAnchorHasAName) {
  IssuedCertificate of = authority("", root.key);
  of.subject = {};
  root.certificate = test::issue(of, {nullptr, root.key});
  const auto refused = check(leaf_of(root), {}, trust());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().reason.find("is an authority without a name"), std::string::npos)
      << refused.error().reason;
}

// RFC 5280 §6.1.5: an explicit policy is required, and the leaf has none.
TEST_F(Chains, WhoseRequiredPolicyIsMissingAreRefused) {
  IssuedCertificate of = authority("CA", root.key);
  of.extensions = {{"2.5.29.36", {0x30, 0x03, 0x80, 0x01, 0x00}}};
  const Issuer strict{test::issue(of, root), root.key};
  const auto refused = check(leaf_of(strict), {strict}, trust());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, ChainFault::invalid);
}

/// Which of the oddities has these words in it; "" for none.
std::string odd_in(const X509* certificate, const std::string& words) {
  for (const std::string& one : oddities_of(certificate)) {
    if (one.find(words) != std::string::npos) return one;
  }
  return "";
}

TEST_F(Conformance, CallsSerialNumbersOddBeyondTwentyOctets) {
  for (const auto& [first, odd] : {std::pair<int, bool>{0x7F, false}, {0x80, true}}) {
    const Certificate certificate = plain();
    Bytes octets(20, 0x11);
    octets.front() = static_cast<std::uint8_t>(first);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
        BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr), &BN_free);
    const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> serial(
        BN_to_ASN1_INTEGER(number.get(), nullptr), &ASN1_INTEGER_free);
    X509_set_serialNumber(certificate.get(), serial.get());
    EXPECT_EQ(odd_in(certificate.get(), "longer than 20 octets").empty(), !odd);
  }
}

TEST_F(Conformance, CallsOddWhoNamesNoKeysAsFarAsTheyMustBeNamed) {
  EXPECT_NE(odd_in(plain().get(), "names no key of its issuer"), "");
  EXPECT_EQ(odd_in(root.certificate.get(), "names no key of its issuer"), "") << "it is its own";
  EXPECT_NE(odd_in(plain(true).get(), "does not name its key"), "");
  EXPECT_EQ(odd_in(plain().get(), "does not name its key"), "") << "it is no authority";
}

TEST_F(Conformance, CallsOddWhatShouldBeCriticalAndIsNot) {
  EXPECT_EQ(odd_in(plain().get(), "basic constraints"), "") << "it is no authority";
  for (const bool strict : {false, true}) {
    const std::string critical = strict ? "critical," : "";
    const Certificate constraining = plain(true);
    add(constraining.get(), NID_name_constraints, (critical + "permitted;DNS:example").c_str());
    EXPECT_EQ(odd_in(constraining.get(), "are not critical").empty(), strict);
    const Certificate nameless = plain();
    const std::unique_ptr<X509_NAME, decltype(&X509_NAME_free)> empty(X509_NAME_new(),
                                                                      &X509_NAME_free);
    X509_set_subject_name(nameless.get(), empty.get());
    add(nameless.get(), NID_subject_alt_name, (critical + "DNS:a.example").c_str());
    EXPECT_EQ(odd_in(nameless.get(), "has no subject").empty(), strict);
  }
}

// X.690 §11.6: the members of a SET OF ascend.
TEST_F(Conformance, CallsNamesOddWhoseMembersAreOutOfOrder) {
  const auto common_name = [](std::uint8_t letter) {
    return Bytes{0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x01, letter};
  };
  for (const bool in_order : {true, false}) {
    Bytes members = common_name(in_order ? 'a' : 'b');
    const Bytes second = common_name(in_order ? 'b' : 'a');
    members.insert(members.end(), second.begin(), second.end());
    members.insert(members.begin(), {0x31, 0x14});
    const Certificate certificate =
        of_the_first_version(plain().get(), test::der_sequence({members}));
    ASSERT_TRUE(certificate);
    EXPECT_EQ(odd_in(certificate.get(), "out of order").empty(), in_order);
  }
}

TEST_F(Conformance, CallsExtensionsOfCertificatesOddInAList) {
  const Bytes der = test::issue_crl(root, {}, now, now + std::chrono::hours(1));
  const std::uint8_t* at = der.data();
  const Crl crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  ASSERT_TRUE(crl);
  EXPECT_TRUE(oddities_of(crl.get()).empty());
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "CA:TRUE"),
      &X509_EXTENSION_free);
  X509_CRL_add_ext(crl.get(), extension.get(), -1);
  EXPECT_EQ(oddities_of(crl.get()).size(), 1U);
}

TEST_F(Conformance, CallsOddWhatIssuersShouldNotDo) {
  const auto odd = [&](long serial, const IssuedCertificate& as) {
    IssuedCertificate of = as;
    of.serial = serial;
    std::string all;
    for (const auto& one : oddities_of(copy_of(test::issue(of, root).get()).get()))
      all += one + "\n";
    return all;
  };
  IssuedCertificate of = authority("x", root.key);
  EXPECT_NE(odd(-1, of).find("serial number is negative"), std::string::npos);
  EXPECT_NE(odd(0, of).find("serial number is zero"), std::string::npos);
  EXPECT_EQ(odd(1, of).find("serial number"), std::string::npos);
  EXPECT_NE(odd(1, of).find("does not name its key"), std::string::npos);
  of.ca = false;
  EXPECT_NE(odd(1, of).find("may sign certificates, and is no authority"), std::string::npos);
  of.extensions = {{"2.5.29.21", {0x0A, 0x01, 0x01}}};
  EXPECT_NE(odd(1, of).find("has an extension of revocation lists"), std::string::npos);
}

}  // namespace
}  // namespace mintmark::attest::x509
