// tpm2-tools and a complete TPM as judges of attest/tpm2: what we seal a TPM opens, what we take
// or refuse tpm2-tools take or refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <stdexcept>

#include "attest/tpm2/binding.h"
#include "attest/tpm2/enrolment.h"
#include "attest/tpm2/signature.h"
#include "base/file.h"
#include "hsm/tpm2/device_tpm.h"
#include "support/child_process.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr const char* key_attributes =
    "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda";

/// Where swtpm's manufacturing leaves an EK and its certificate (TCG EK Credential Profile §2.2.1).
struct EkPlace {
  const char* name;
  EkKind kind;
  const char* certificate;
  const char* key;

  friend void PrintTo(const EkPlace& place, std::ostream* out) { *out << place.name; }
};
constexpr EkPlace rsa_ek{"rsa2048", EkKind::rsa2048, "0x01C00002", "0x81010001"};
constexpr EkPlace ecc_ek{"p384", EkKind::ecc_p384, "0x01C00016", "0x81010016"};

/// The magic, then version 1, then the two structures: the file format of tpm2-tools.
Bytes credential_file(const Challenge& challenge) {
  Bytes file{0xBA, 0xDC, 0xC0, 0xDE, 0, 0, 0, 1};
  for (const Bytes* part : {&challenge.credential_blob, &challenge.encrypted_secret}) {
    file.insert(file.end(), part->begin(), part->end());
  }
  return file;
}

Challenge challenge_of(const Bytes& file) {
  const std::size_t blob_size = 2 + (static_cast<std::size_t>(file.at(8)) << 8U | file.at(9));
  const auto blob = file.begin() + 8;
  const auto secret = blob + static_cast<std::ptrdiff_t>(blob_size);
  return {Bytes(blob, secret), Bytes(secret, file.end())};
}

/// Files of a test.
class Files : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (files_.path() / name).string(); }
  std::string write(const std::string& name, BytesView octets) const {
    return files_.write(name, as_text(octets)).string();
  }
  Bytes read(const std::string& name) const {
    auto content = read_file(path(name));
    if (!content) throw std::runtime_error(content.error().to_string());
    return to_bytes(as_bytes(*content));
  }

 private:
  test::TemporaryDirectory files_;
};

/// A manufactured swtpm with an AK and a device key that tpm2-tools made in it.
class RealTpm : public Files {
 protected:
  RealTpm() {
    with_tpm({"tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-c", path("root")});
    make_key("ak", std::string(key_attributes) + "|restricted");
    make_key("device", key_attributes);
  }

  std::string tool(const std::vector<std::string>& arguments) const {
    return test::run(arguments, {{"TPM2TOOLS_TCTI", swtpm_.tcti()}});
  }
  /// swtpm has three slots and nobody who empties them.
  std::string with_tpm(const std::vector<std::string>& arguments) const {
    std::string output = tool(arguments);
    tool({"tpm2_flushcontext", "-t"});
    return output;
  }

  void make_key(const std::string& name, const std::string& attributes) const {
    with_tpm({"tpm2_create", "-Q", "-C", path("root"), "-G", "ecc256:ecdsa-sha256:null", "-a",
              attributes, "-u", path(name + ".public"), "-r", path(name + ".private"), "-c",
              path(name)});
  }

  EkTrust trust() const {
    const std::string ca = swtpm_.ca_directory().string();
    auto loaded = EkTrust::load(ca + "/swtpm-localca-rootca-cert.pem", ca + "/issuercert.pem");
    if (!loaded) throw std::runtime_error(loaded.error().to_string());
    return std::move(*loaded);
  }

  Presented presented(const EkPlace& ek) const {
    with_tpm({"tpm2_nvread", "-C", "o", ek.certificate, "-o", path("ek.der")});
    Presented presented;
    presented.ek_certificate = read("ek.der");
    presented.ak_public = read("ak.public");
    presented.device_public = read("device.public");
    return presented;
  }

  Candidate candidate(const EkPlace& ek) const {
    auto checked = check_candidate(presented(ek), trust(), now);
    if (!checked) throw std::runtime_error(checked.error().to_string());
    return std::move(*checked);
  }

  /// TPM2_ActivateCredential of the credential in `file`.
  Bytes activate(const EkPlace& ek, const std::string& file) const {
    std::vector<std::string> arguments{"tpm2_activatecredential",
                                       "-Q",
                                       "-c",
                                       path("ak"),
                                       "-C",
                                       ek.key,
                                       "-i",
                                       file,
                                       "-o",
                                       path("opened")};
    // The RSA template asks for the endorsement hierarchy's authorisation by policy (PolicyA);
    // the P-384 one also takes the key's own, which is empty.
    if (ek.kind == EkKind::rsa2048) {
      tool({"tpm2_startauthsession", "--policy-session", "-S", path("session")});
      tool({"tpm2_policysecret", "-Q", "-S", path("session"), "-c", "e"});
      arguments.insert(arguments.end(), {"-P", "session:" + path("session")});
    }
    with_tpm(arguments);
    return read("opened");
  }

  test::Swtpm swtpm_{{.manufactured = true}};
  const Moment now = SystemClock().now();  // After its certificates were made.
};

class Credential : public RealTpm, public testing::WithParamInterface<EkPlace> {};

TEST_P(Credential, OfOursIsOpenedByTheTpm) {
  const Candidate made = candidate(GetParam());
  const Bytes secret = random_bytes(32);
  const auto challenge = make_challenge(made, secret);
  ASSERT_TRUE(challenge) << challenge.error().to_string();
  const std::string file = write("credential", credential_file(*challenge));
  EXPECT_EQ(to_hex(activate(GetParam(), file)), to_hex(secret));
}

TEST_P(Credential, OfOursForAnotherKeyIsNotOpenedByTheTpm) {
  Presented other = presented(GetParam());
  make_key("ak2", std::string(key_attributes) + "|restricted");
  other.ak_public = read("ak2.public");
  const auto made = check_candidate(other, trust(), now);
  ASSERT_TRUE(made) << made.error().to_string();
  const auto challenge = make_challenge(*made, random_bytes(32));
  ASSERT_TRUE(challenge);
  const std::string file = write("credential", credential_file(*challenge));
  EXPECT_THROW(activate(GetParam(), file), std::runtime_error);
}

// With the shape of ours: the same structures of the same sizes.
TEST_P(Credential, OfTpm2ToolsHasTheShapeOfOursAndIsOpenedByTheSameTpm) {
  const Candidate made = candidate(GetParam());
  const Bytes secret = random_bytes(32);
  with_tpm({"tpm2_readpublic", "-Q", "-c", GetParam().key, "-o", path("ek.public")});
  tool({"tpm2_makecredential", "-Q", "-u", path("ek.public"), "-s", write("secret", secret), "-n",
        to_hex(made.ak_name()), "-o", path("theirs")});
  const Challenge theirs = challenge_of(read("theirs"));
  const auto ours = make_challenge(made, secret);
  ASSERT_TRUE(ours);
  EXPECT_EQ(theirs.credential_blob.size(), ours->credential_blob.size());
  EXPECT_EQ(theirs.encrypted_secret.size(), ours->encrypted_secret.size());
  EXPECT_EQ(to_hex(activate(GetParam(), path("theirs"))), to_hex(secret));
}

INSTANTIATE_TEST_SUITE_P(EachEk, Credential, testing::Values(rsa_ek, ecc_ek),
                         [](const auto& test) { return test.param.name; });

// tpm2_makecredential against the software TPM of our tests: what the other tests believe of it.
class SoftwareTpm : public Files, public testing::WithParamInterface<std::string> {};

TEST_P(SoftwareTpm, OpensACredentialOfTpm2Tools) {
  const test::TestAuthority authority;
  const test::TestTpm tpm(authority, GetParam() == "rsa" ? EkKind::rsa2048 : EkKind::ecc_p256);
  const Bytes secret = random_bytes(32);
  test::run({"openssl", "pkey", "-pubin", "-inform", "DER", "-in", write("spki", tpm.ek_spki()),
             "-out", path("ek.pem")});
  test::run({"tpm2_makecredential", "-T", "none", "-Q", "-G", GetParam(), "-u", path("ek.pem"),
             "-s", write("secret", secret), "-n", to_hex(tpm.ak_name()), "-o", path("theirs")});
  EXPECT_EQ(to_hex(tpm.activate(challenge_of(read("theirs")))), to_hex(secret));
}

INSTANTIATE_TEST_SUITE_P(EachEk, SoftwareTpm, testing::Values("rsa", "ecc"));

class Quote : public RealTpm {
 protected:
  Quote() {
    const std::string value(64, 'a');
    with_tpm({"tpm2_pcrextend", "7:sha256=" + value});
    with_tpm({"tpm2_quote", "-Q", "-c", path("ak"), "-l", "sha256:0,1,7", "-g", "sha256", "-q",
              to_hex(nonce), "-m", path("attest"), "-s", path("signature"), "-o", path("pcrs")});
    with_tpm({"tpm2_pcrread", "-Q", "sha256:0,1,7", "-o", path("values")});
    attest_ = read("attest");
    signature_ = read("signature");
    const Bytes values = read("values");
    for (std::size_t i = 0; i < asked.indexes.size(); ++i) {
      values_[asked.indexes[i]] = to_bytes(BytesView(values).subspan(i * 32, 32));
    }
  }

  bool taken_by_us() const {
    const auto area = parse_public(read("ak.public"), "ak");
    const auto parsed = parse_attest(attest_, "attest");
    const auto signature = parse_signature(signature_, "signature");
    return area && parsed && signature && parsed->type == TPM2_ST_ATTEST_QUOTE &&
           equal_in_constant_time(view_of(parsed->extraData), nonce) &&
           check_signature(area->area, attest_, *signature) &&
           check_quoted(parsed->attested.quote, signing_hash(area->area), asked, values_);
  }

  bool taken_by_tpm2_tools() const {
    Bytes pcrs = read("pcrs");
    const Bytes real = read("values");
    // Its own file holds the values too; a changed one is changed there as well.
    for (std::size_t i = 0; i < asked.indexes.size(); ++i) {
      const Bytes& given = values_.at(asked.indexes[i]);
      const BytesView quoted = BytesView(real).subspan(i * 32, 32);
      if (std::equal(quoted.begin(), quoted.end(), given.begin(), given.end())) continue;
      const auto found = std::search(pcrs.begin(), pcrs.end(), quoted.begin(), quoted.end());
      if (found == pcrs.end()) throw std::runtime_error("the value is not in the file");
      std::copy(given.begin(), given.end(), found);
    }
    try {
      tool({"tpm2_checkquote", "-Q", "-u", path("ak.public"), "-g", "sha256", "-q", to_hex(nonce),
            "-m", write("attest.given", attest_), "-s", write("signature.given", signature_), "-f",
            write("pcrs.given", pcrs)});
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  void expect_both_refuse(const std::string& what) const {
    EXPECT_FALSE(taken_by_us()) << what;
    EXPECT_FALSE(taken_by_tpm2_tools()) << what;
  }

  Bytes nonce = random_bytes(32);
  const PcrSelection asked{"sha256", {0, 1, 7}};
  Bytes attest_;
  Bytes signature_;
  PcrValues values_;
};

TEST_F(Quote, OfATpmIsTakenByBoth) {
  EXPECT_TRUE(taken_by_us());
  EXPECT_TRUE(taken_by_tpm2_tools());
}

TEST_F(Quote, CorruptedIsRefusedByBoth) {
  const auto broken = [this](Bytes& octets, std::size_t at, const std::string& what) {
    octets.at(at) ^= 1U;
    expect_both_refuse(what);
    octets.at(at) ^= 1U;
  };
  broken(attest_, 0, "magic");
  broken(attest_, attest_.size() - 1, "digest");
  broken(attest_, attest_.size() / 2, "the middle");
  broken(signature_, 10, "r");
  broken(signature_, signature_.size() - 1, "s");
  broken(values_.at(7), 0, "a value");
  broken(nonce, 31, "another nonce");
  EXPECT_TRUE(taken_by_us());
  EXPECT_TRUE(taken_by_tpm2_tools());
}

TEST_F(Quote, ByAnotherKeyIsRefusedByBoth) {
  make_key("ak", std::string(key_attributes) + "|restricted");
  expect_both_refuse("another AK");
}

// The whole way, by the TPM's certify and quote; tpm2_certify takes no qualifying data.
class Enrolment : public testing::TestWithParam<std::string> {};

TEST_P(Enrolment, OfARealTpmEndsInAVerdict) {
  const test::Swtpm swtpm({.manufactured = true});
  const std::string ca = swtpm.ca_directory().string();
  const auto trust = EkTrust::load(ca + "/swtpm-localca-rootca-cert.pem", ca + "/issuercert.pem");
  ASSERT_TRUE(trust) << trust.error().to_string();
  auto device = hsm::tpm2::open_device(swtpm.tcti());
  ASSERT_TRUE(device) << device.error().to_string();
  const auto ek = (*device)->ek_certificate(hsm::tpm2::ek_kind_named(GetParam()).value());
  const auto ak = (*device)->create_attestation_key();
  const auto key = (*device)->create_device_key();
  ASSERT_TRUE(ek && ak && key);

  const Moment now = SystemClock().now();
  Presented presented;
  presented.ek_certificate = ek->der;
  presented.ak_public = ak->public_area;
  presented.device_public = key->public_area;
  const auto candidate = check_candidate(presented, *trust, now);
  ASSERT_TRUE(candidate) << candidate.error().to_string();
  const Bytes secret = random_bytes(32);
  const auto challenge = make_challenge(*candidate, secret);
  ASSERT_TRUE(challenge) << challenge.error().to_string();
  const auto opened = (*device)->activate_credential(*ek, *ak, challenge->credential_blob,
                                                     challenge->encrypted_secret);
  ASSERT_TRUE(opened) << opened.error().to_string();

  const PcrSelection asked{"sha256", {0, 2, 4, 7, 23}};
  const Sha256 binding = binding_of("https://issuer.example", "ticket", candidate->spki(),
                                    candidate->ak_name(), candidate->device_name());
  const auto certified = (*device)->certify(*key, *ak, binding);
  const auto quoted = (*device)->quote(*ak, asked.bank, asked.indexes, binding);
  ASSERT_TRUE(certified && quoted);
  Answer answer;
  answer.activation_secret = to_bytes(opened->view());
  answer.certify_attest = certified->attest;
  answer.certify_signature = certified->signature;
  answer.quote_attest = quoted->statement.attest;
  answer.quote_signature = quoted->statement.signature;
  answer.pcrs = quoted->pcrs;
  const auto verdict = check_answer(*candidate, answer, secret, binding, asked, now);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().model, "swtpm");
  EXPECT_EQ(verdict->identity(), to_hex(sha256(candidate->spki())));
  EXPECT_EQ(verdict->facts().pcrs.size(), asked.indexes.size());
  EXPECT_EQ(verdict->at(), now);

  std::swap(answer.certify_attest, answer.quote_attest);
  EXPECT_EQ(check_answer(*candidate, answer, secret, binding, asked, now).error().code,
            Code::certify_type);
}

INSTANTIATE_TEST_SUITE_P(EachEk, Enrolment, testing::Values("rsa", "ecc"));

}  // namespace
}  // namespace mintmark::attest::tpm2
