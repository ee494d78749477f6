// Enrolment by WebAuthn: what is taken, and each check broken by itself.
#include <gtest/gtest.h>

#include "attest/binding.h"
#include "attest/vocabulary.h"
#include "attest/webauthn/format.h"
#include "jose/base64url.h"
#include "support/soft_key.h"
#include "support/webauthn_maker.h"

namespace mintmark::test {
namespace {

using attest::webauthn::Options;

constexpr const char* kinds[] = {"packed", "tpm", "android-key", "apple", "fido-u2f"};
const Moment now = from_unix(1'750'000'000);
const Sha256 binding = sha256("a binding");

const jose::PublicKey& token_key() {
  static const SoftKey key;
  return key.public_key();
}

Options options_for(const WebAuthnMaker& maker) {
  Options options;
  options.trust = maker.trust();
  options.rp_ids = {"other.example", maker.rp_id};
  options.origins = {"https://login.example"};
  options.at = now;
  return options;
}

Result<attest::Verdict> checked(const Json& evidence, const Options& options, Moment at = now) {
  auto format = attest::webauthn::make_format(options);
  if (!format) return pass_on(format);
  return (*format)->check({evidence, binding, token_key(), at});
}
Result<attest::Verdict> checked(const WebAuthnMaker& maker) {
  return checked(maker.evidence(binding, token_key()), options_for(maker));
}

void refused(const Result<attest::Verdict>& verdict, Code code) {
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(facts_of(verdict.error().code).name, facts_of(code).name) << verdict.error().detail;
}

/// Broken by `breaks`, and refused for just that.
void broken(const std::string& kind, Code code, const std::function<void(WebAuthnMaker&)>& breaks) {
  SCOPED_TRACE(kind);
  WebAuthnMaker maker(kind);
  breaks(maker);
  refused(checked(maker), code);
}
void each_broken(Code code, const std::function<void(WebAuthnMaker&)>& breaks) {
  for (const char* kind : kinds) broken(kind, code, breaks);
}

std::function<void(WebAuthnMaker&)> with_member(const char* name, const Bytes& value) {
  return [=](WebAuthnMaker& maker) {
    maker.change_statement = [=](cbor::Members& members) {
      for (auto& [key, old] : members) {
        if (key == cbor::text(name)) old = value;
      }
    };
  };
}
std::function<void(WebAuthnMaker&)> without_member(const char* name) {
  return [=](WebAuthnMaker& maker) {
    maker.change_statement = [=](cbor::Members& members) {
      members.erase(std::remove_if(members.begin(), members.end(),
                                   [&](const auto& one) { return one.first == cbor::text(name); }),
                    members.end());
    };
  };
}
std::function<void(WebAuthnMaker&)> with_leaf(std::function<void(IssuedCertificate&)> change) {
  return [=](WebAuthnMaker& maker) { maker.change_leaf = change; };
}
/// The extension of that number, or none.
void set_extension(IssuedCertificate& leaf, const std::string& oid, std::optional<Bytes> content) {
  leaf.extensions.erase(std::remove_if(leaf.extensions.begin(), leaf.extensions.end(),
                                       [&](const auto& one) { return one.first == oid; }),
                        leaf.extensions.end());
  if (content) leaf.extensions.emplace_back(oid, *content);
}

TEST(WebAuthn, AuthenticatorsOfEveryFormatAreTaken) {
  for (const char* kind : kinds) {
    SCOPED_TRACE(kind);
    const WebAuthnMaker maker(kind);
    const auto verdict = checked(maker);
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    const attest::Facts& facts = verdict->facts();
    EXPECT_EQ(facts.format, "webauthn");
    EXPECT_EQ(facts.key_protection, "unproven");
    EXPECT_EQ(facts.standing, "trusted");
    EXPECT_EQ(facts.root, to_hex(sha256(maker.root_der())));
    EXPECT_EQ(facts.proves, std::vector<std::string>{"hardware"});
    EXPECT_EQ(attest::to_json(facts.more.at("application")), Json({"rp:login.example"}));
    const bool attested = std::string(kind) != "fido-u2f" && std::string(kind) != "android-key";
    EXPECT_EQ(attest::to_json(facts.more.at("user_verified")), attested);
    EXPECT_EQ(verdict->identity(),
              to_hex(attest::hash_fields(
                  {as_bytes("webauthn"), as_bytes(facts.root), maker.credential_spki()})));
    EXPECT_EQ(verdict->device_key(), token_key());
    EXPECT_FALSE(verdict->boot());
    for (const auto& [name, value] : facts.more) EXPECT_NE(attest::fact_named(name), nullptr);
  }
}

TEST(WebAuthn, TheModelIsTold) {
  const auto packed = checked(WebAuthnMaker("packed"));
  EXPECT_EQ(attest::to_json(packed->facts().more.at("aaguid")),
            "a1b2c3d4-e5f6-0718-293a-4b5c6d7e8f90");
  EXPECT_EQ(packed->facts().manufacturer, "Test Authenticators");
  EXPECT_EQ(checked(WebAuthnMaker("apple"))->facts().manufacturer, "Apple");
  EXPECT_EQ(checked(WebAuthnMaker("tpm"))->facts().manufacturer, "id:4D494E54");
}

TEST(WebAuthn, ClientDataAreOfThisCeremonyAlone) {
  const auto with = [](const char* name, const Json& value) {
    return [=](WebAuthnMaker& maker) {
      maker.change_client = [=](Json& client) { client[name] = value; };
    };
  };
  const std::string challenge = jose::base64url(binding);
  each_broken(Code::webauthn_type, with("type", "webauthn.get"));
  each_broken(Code::webauthn_challenge, with("challenge", challenge + "A"));
  each_broken(Code::webauthn_challenge, with("challenge", challenge.substr(0, 40)));
  each_broken(Code::webauthn_challenge, with("challenge", ""));
  each_broken(Code::webauthn_challenge, with("challenge", jose::base64url(sha256("other"))));
  each_broken(Code::webauthn_origin, with("origin", "https://login.example.evil"));
  each_broken(Code::webauthn_cross_origin, with("crossOrigin", true));
  each_broken(Code::webauthn_cross_origin, with("topOrigin", "https://evil.example"));
  each_broken(Code::webauthn_client_data, with("crossOrigin", "false"));
  each_broken(Code::webauthn_client_data, with("origin", 1));
}

TEST(WebAuthn, AuthenticatorDataAreOfThisRelyingPartyAndAPerson) {
  each_broken(Code::webauthn_rp_id, [](WebAuthnMaker& maker) {
    maker.change_auth_data = [](Bytes& data) { data[0] ^= 1U; };
  });
  each_broken(Code::webauthn_user_presence, [](WebAuthnMaker& maker) { maker.flags = 0x44; });
  each_broken(Code::webauthn_attested_data, [](WebAuthnMaker& maker) { maker.flags = 0x05; });
  each_broken(Code::webauthn_auth_data, [](WebAuthnMaker& maker) { maker.flags = 0x55; });
  each_broken(Code::webauthn_auth_data, [](WebAuthnMaker& maker) { maker.flags = 0xC5; });
  each_broken(Code::webauthn_auth_data, [](WebAuthnMaker& maker) {
    maker.flags = 0xC5;
    maker.extensions = cbor::number(1);
  });
  each_broken(Code::webauthn_auth_data, [](WebAuthnMaker& maker) { maker.extensions = {0xA0}; });
  each_broken(Code::webauthn_credential_id,
              [](WebAuthnMaker& maker) { maker.credential_id = Bytes(1024, 1); });
  each_broken(Code::webauthn_credential_id,
              [](WebAuthnMaker& maker) { maker.credential_id.clear(); });
  each_broken(Code::webauthn_key_malformed, [](WebAuthnMaker& maker) {
    maker.change_auth_data = [](Bytes& data) { data.back() ^= 1U; };
  });
  each_broken(Code::webauthn_auth_data, [](WebAuthnMaker& maker) {
    maker.change_auth_data = [](Bytes& data) { data.resize(36); };
  });
}

TEST(WebAuthn, ExtensionsAreReadOver) {
  WebAuthnMaker maker;
  maker.flags = 0xC5;
  maker.extensions = cbor::map({{cbor::text("credProtect"), cbor::number(2)}});
  EXPECT_TRUE(checked(maker));
}

TEST(WebAuthn, TheSignatureIsTheAttestationKeys) {
  for (const char* kind : {"packed", "tpm", "fido-u2f", "android-key"}) {
    broken(kind, Code::webauthn_signature,
           [](WebAuthnMaker& maker) { maker.leaf_is_of_another_key = true; });
    broken(kind, Code::webauthn_signature, with_member("sig", cbor::octets(Bytes(70, 1))));
    broken(kind, Code::webauthn_signature, with_member("sig", cbor::octets({})));
  }
  broken("self", Code::webauthn_signature, with_member("sig", cbor::octets(Bytes(70, 1))));
}

TEST(WebAuthn, StatementsAreWhole) {
  for (const char* kind : kinds)
    broken(kind, kind == std::string("packed") ? Code::webauthn_alg : Code::webauthn_statement,
           [&](WebAuthnMaker& maker) {
             // Without certificates "packed" is self attestation, by another algorithm here.
             maker.algorithm = kind == std::string("packed") ? -257 : maker.algorithm;
             without_member("x5c")(maker);
           });
  for (const char* kind : {"packed", "tpm", "android-key"}) {
    broken(kind, Code::webauthn_statement, without_member("alg"));
    broken(kind, Code::webauthn_statement, without_member("sig"));
    broken(kind, Code::webauthn_alg, with_member("alg", cbor::number(-47)));
  }
  for (const Bytes& x5c : {cbor::array({}), cbor::array({cbor::octets(Bytes{1})}), cbor::text("x"),
                           cbor::array(std::vector<Bytes>(10, cbor::octets({})))}) {
    for (const char* kind : kinds) broken(kind, Code::webauthn_statement, with_member("x5c", x5c));
  }
}

TEST(WebAuthn, APackedCertificateIsAnAuthenticators) {
  const auto subject = [](std::size_t at, const char* text) {
    return with_leaf([=](IssuedCertificate& leaf) {
      if (*text == '\0')
        leaf.subject.erase(leaf.subject.begin() + static_cast<std::ptrdiff_t>(at));
      else
        leaf.subject[at].second = text;
    });
  };
  for (std::size_t at = 0; at < 4; ++at)
    broken("packed", Code::webauthn_certificate, subject(at, ""));
  broken("packed", Code::webauthn_certificate, subject(2, "Authenticator attestation"));
  broken("packed", Code::webauthn_aaguid, with_leaf([](IssuedCertificate& leaf) {
           set_extension(leaf, "1.3.6.1.4.1.45724.1.1.4", der_octets(Bytes(16, 9)));
         }));
  broken("packed", Code::webauthn_certificate, with_leaf([](IssuedCertificate& leaf) {
           set_extension(leaf, "1.3.6.1.4.1.45724.1.1.4", Bytes(16, 9));
         }));
}

TEST(WebAuthn, AnAttestationCertificateIsNoAuthoritysAndSaysSo) {
  for (const char* kind : {"packed", "tpm"}) {
    broken(kind, Code::webauthn_certificate, with_leaf([](IssuedCertificate& leaf) {
             set_extension(leaf, "2.5.29.19", std::nullopt);
           }));
  }
  for (const char* kind : kinds) {
    broken(kind, Code::webauthn_certificate, with_leaf([](IssuedCertificate& leaf) {
             set_extension(leaf, "2.5.29.19", std::nullopt);
             leaf.ca = true;
           }));
  }
}

TEST(WebAuthn, AnAndroidKeyIsNoAttestationKey) {
  for (const char* kind : {"packed", "tpm", "fido-u2f"}) {
    broken(kind, Code::webauthn_certificate, with_leaf([](IssuedCertificate& leaf) {
             set_extension(leaf, "1.3.6.1.4.1.11129.2.1.17", android_description(Bytes(32)));
           }));
  }
}

TEST(WebAuthn, ATpmCertifiedTheCredentialForThisCeremony) {
  const auto certify = [](std::function<void(TPMS_ATTEST&)> change) {
    return [=](WebAuthnMaker& maker) { maker.change_certify = change; };
  };
  broken("tpm", Code::webauthn_statement, with_member("ver", cbor::text("1.2")));
  broken("tpm", Code::webauthn_statement, without_member("certInfo"));
  broken("tpm", Code::webauthn_statement, without_member("pubArea"));
  broken("tpm", Code::webauthn_signature, with_member("certInfo", cbor::octets(Bytes(9))));
  broken("tpm", Code::webauthn_tpm_structure, with_member("pubArea", cbor::octets(Bytes(9))));
  broken("tpm", Code::webauthn_tpm_structure, with_member("pubArea", cbor::octets(Bytes(5000))));
  broken("tpm", Code::webauthn_tpm_magic, certify([](TPMS_ATTEST& one) { one.magic ^= 1U; }));
  broken("tpm", Code::webauthn_tpm_type,
         certify([](TPMS_ATTEST& one) { one.type = TPM2_ST_ATTEST_CREATION; }));
  broken("tpm", Code::webauthn_tpm_extra_data,
         certify([](TPMS_ATTEST& one) { one.extraData.buffer[0] ^= 1U; }));
  broken("tpm", Code::webauthn_tpm_extra_data,
         certify([](TPMS_ATTEST& one) { one.extraData.size = 31; }));
  broken("tpm", Code::webauthn_tpm_name,
         certify([](TPMS_ATTEST& one) { one.attested.certify.name.name[5] ^= 1U; }));
  broken("tpm", Code::webauthn_key_mismatch, [](WebAuthnMaker& maker) {
    const WebAuthnMaker other;
    const Bytes point = jose::PublicKey::from_spki(other.credential_spki())->to_point();
    maker.change_area = [=](TPMT_PUBLIC& area) {
      std::copy_n(point.begin() + 1, 32, area.unique.ecc.x.buffer);
      std::copy_n(point.begin() + 33, 32, area.unique.ecc.y.buffer);
    };
  });
}

TEST(WebAuthn, AKeyThatMayLeaveItsTpmIsRefused) {
  const auto without = [](TPMA_OBJECT attribute) {
    return [=](WebAuthnMaker& maker) {
      maker.change_area = [=](TPMT_PUBLIC& area) { area.objectAttributes &= ~attribute; };
    };
  };
  broken("tpm", Code::device_key_not_fixed_tpm, without(TPMA_OBJECT_FIXEDTPM));
  broken("tpm", Code::device_key_imported, without(TPMA_OBJECT_SENSITIVEDATAORIGIN));
}

TEST(WebAuthn, AnAikCertificateIsOfItsProfile) {
  const auto without = [](const char* oid) {
    return with_leaf([=](IssuedCertificate& leaf) { set_extension(leaf, oid, std::nullopt); });
  };
  broken("tpm", Code::webauthn_certificate, without("2.5.29.37"));
  broken("tpm", Code::webauthn_certificate, without("2.5.29.17"));
  broken("tpm", Code::webauthn_certificate, with_leaf([](IssuedCertificate& leaf) {
           set_extension(leaf, "2.5.29.37", der_sequence({der_oid("1.3.6.1.5.5.7.3.2")}));
         }));
  broken("tpm", Code::webauthn_certificate, with_leaf([](IssuedCertificate& leaf) {
           leaf.subject = {{"CN", "An AIK"}};
         }));
  broken("tpm", Code::webauthn_aaguid, with_leaf([](IssuedCertificate& leaf) {
           set_extension(leaf, "1.3.6.1.4.1.45724.1.1.4", der_octets(Bytes(16, 9)));
         }));
}

TEST(WebAuthn, StatementsOverSha1AreTakenByNameAlone) {
  WebAuthnMaker maker("tpm");
  maker.algorithm = -65535;
  refused(checked(maker), Code::webauthn_sha1);
  Options options = options_for(maker);
  options.sha1 = true;
  EXPECT_TRUE(checked(maker.evidence(binding, token_key()), options));
  maker.algorithm = -257;
  EXPECT_TRUE(checked(maker));
}

TEST(WebAuthn, AnAndroidKeystoreAttestsTheCredential) {
  const auto described = [](std::function<Bytes(BytesView)> describe) {
    return [=](WebAuthnMaker& maker) {
      maker.change_leaf = [=](IssuedCertificate& leaf) {
        // Both are known only where the leaf is made: what stands there begins with the challenge.
        const Bytes old = leaf.extensions.front().second;
        const BytesView challenge = BytesView(old).subspan(18, 32);
        leaf.extensions.front().second = describe(challenge);
      };
    };
  };
  broken("android-key", Code::android_key_origin,
         described([](BytesView challenge) { return android_description(challenge, 1, 2); }));
  broken("android-key", Code::android_key_purpose,
         described([](BytesView challenge) { return android_description(challenge, 1, 0, 0); }));
  broken("android-key", Code::webauthn_certificate, described([](BytesView challenge) {
           return android_description(challenge, 1, 0, 2, true);
         }));
  broken("android-key", Code::android_software,
         described([](BytesView challenge) { return android_description(challenge, 0); }));
  broken("android-key", Code::android_challenge,
         described([](BytesView) { return android_description(sha256("other")); }));
  broken("android-key", Code::android_extension_malformed, described([](BytesView) {
           return Bytes{0x30, 0x00};
         }));
  broken("android-key", Code::android_extension_missing,
         with_leaf([](IssuedCertificate& leaf) { leaf.extensions.clear(); }));
}

TEST(WebAuthn, TheCertificateIsOfTheCredentialsKey) {
  broken("apple", Code::webauthn_key_mismatch,
         [](WebAuthnMaker& maker) { maker.leaf_is_of_another_key = true; });
  broken("android-key", Code::webauthn_key_mismatch, [](WebAuthnMaker& maker) {
    maker.algorithm = -257;  // Signed by the leaf's key, which is RSA.
  });
}

TEST(WebAuthn, ApplesNonceIsOverThisCeremony) {
  const auto nonce = [](const Bytes& content) {
    return with_leaf(
        [=](IssuedCertificate& leaf) { set_extension(leaf, "1.2.840.113635.100.8.2", content); });
  };
  const Bytes other = der_octets(sha256("other"));
  Bytes tagged{0xA1, static_cast<std::uint8_t>(other.size())};
  broken("apple", Code::webauthn_nonce, nonce(der_sequence({cbor::joined(tagged, other)})));
  broken("apple", Code::webauthn_nonce, nonce(other));
  broken("apple", Code::webauthn_nonce, nonce(der_sequence({})));
  broken("apple", Code::webauthn_nonce, nonce({}));
  broken("apple", Code::webauthn_nonce, with_leaf([](IssuedCertificate& leaf) {
           set_extension(leaf, "1.2.840.113635.100.8.2", std::nullopt);
         }));
}

TEST(WebAuthn, AU2fTokenHasOneCertificateAndNamesNoModel) {
  broken("fido-u2f", Code::webauthn_aaguid,
         [](WebAuthnMaker& maker) { maker.aaguid = Bytes(16, 1); });
  broken("fido-u2f", Code::webauthn_certificate,
         with_leaf([](IssuedCertificate& leaf) { leaf.key = new_pair("P-384"); }));
  broken("fido-u2f", Code::webauthn_statement, [](WebAuthnMaker& maker) {
    maker.change_statement = [](cbor::Members& members) {
      // The same certificate twice.
      Bytes& x5c = members.back().second;
      const Bytes one(x5c.begin() + 1, x5c.end());
      x5c = cbor::array({one, one});
    };
  });
}

TEST(WebAuthn, WhatAttestsNothingIsRefused) {
  refused(checked(WebAuthnMaker("none")), Code::webauthn_none);
  broken("none", Code::webauthn_statement, [](WebAuthnMaker& maker) {
    maker.change_statement = [](cbor::Members& members) {
      members.emplace_back(cbor::text("alg"), cbor::number(-7));
    };
  });
  refused(checked(WebAuthnMaker("android-safetynet")), Code::webauthn_format_unknown);
}

TEST(WebAuthn, SelfAttestationIsTakenWhereAskedForAndProvesNothing) {
  WebAuthnMaker maker("self");
  refused(checked(maker), Code::webauthn_self);
  Options options = options_for(maker);
  options.self = true;
  const auto verdict = checked(maker.evidence(binding, token_key()), options);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_TRUE(verdict->facts().proves.empty());
  EXPECT_EQ(verdict->facts().standing, "review");
  with_member("alg", cbor::number(-257))(maker);
  refused(checked(maker.evidence(binding, token_key()), options), Code::webauthn_alg);
}

TEST(WebAuthn, ChainsEndAtARootThatIsKnown) {
  const WebAuthnMaker other;
  for (const char* kind : kinds) {
    SCOPED_TRACE(kind);
    WebAuthnMaker maker(kind);
    const Json evidence = maker.evidence(binding, token_key());
    Options options = options_for(maker);
    refused(checked(evidence, options, from_unix(1'500'000'000)), Code::certificate_not_yet_valid);
    refused(checked(evidence, options, from_unix(2'050'000'000)), Code::certificate_expired);
    options.trust = other.trust();
    refused(checked(evidence, options), Code::certificate_untrusted_root);
    if (std::string(kind) == "fido-u2f") continue;
    maker.with_intermediate = false;
    refused(checked(maker), Code::certificate_untrusted_root);
  }
}

TEST(WebAuthn, UnderReviewNothingIsProven) {
  const WebAuthnMaker maker;
  attest::x509::Trust::Parts parts;
  parts.anchors.push_back(
      {attest::x509::parse_certificate(maker.root_der()), attest::x509::RootRule::review});
  Options options = options_for(maker);
  options.trust =
      std::make_shared<const attest::x509::Trust>(*attest::x509::Trust::of(std::move(parts)));
  const auto verdict = checked(maker.evidence(binding, token_key()), options);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->facts().standing, "review");
  EXPECT_TRUE(verdict->facts().proves.empty());
}

TEST(WebAuthn, EvidenceIsTwoTextsAndCutShortItIsRefused) {
  const WebAuthnMaker maker;
  const Options options = options_for(maker);
  refused(checked(Json::object(), options), Code::evidence_member);
  refused(checked({{"attestation_object", "a"}, {"client_data_json", "=="}}, options),
          Code::evidence_member);
  const auto made = maker.make(binding);
  for (std::size_t length = 0; length < made.object.size(); length += 7) {
    const Bytes part(made.object.begin(), made.object.begin() + static_cast<long>(length));
    refused(checked(WebAuthnMaker::evidence_of({part, made.client}), options),
            Code::cbor_malformed);
  }
  refused(checked(WebAuthnMaker::evidence_of({cbor::map({}), made.client}), options),
          Code::webauthn_object_malformed);
  refused(checked(WebAuthnMaker::evidence_of({made.object, to_bytes(as_bytes("[]"))}), options),
          Code::webauthn_client_data);
  refused(checked(WebAuthnMaker::evidence_of(
                      {made.object, to_bytes(as_bytes(R"({"type":"a","type":"b"})"))}),
                  options),
          Code::webauthn_client_data);
}

TEST(WebAuthn, OptionsNameWhoIsTrustedAndForWhat) {
  const WebAuthnMaker maker;
  const auto made = [](const Options& options) {
    const auto format = attest::webauthn::make_format(options);
    return format ? std::string() : std::string(facts_of(format.error().code).name);
  };
  for (const auto& empty : std::initializer_list<std::function<void(Options&)>>{
           [](Options& one) { one.trust = nullptr; }, [](Options& one) { one.rp_ids.clear(); },
           [](Options& one) { one.origins.clear(); }, [](Options& one) { one.mds_required = true; },
           [](Options& one) { one.mds = "x"; }}) {
    Options options = options_for(maker);
    empty(options);
    EXPECT_EQ(made(options), "config_invalid");
  }
}

}  // namespace
}  // namespace mintmark::test
