// What operators ask of devices: each wrong member with its own words, each change in store and
// memory.
#include "admin/device_endpoints.h"

#include <gtest/gtest.h>

#include <future>

#include "issuer/key_enrolment.h"
#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/soft_key.h"

namespace mintmark::admin {
namespace {

const std::string fingerprint(64, 'a');

class DeviceEndpoints : public testing::Test {
 protected:
  DeviceEndpoints() {
    const DeviceParts parts{*store_,
                            register_,
                            clock_,
                            [this] { return policy_; },
                            [] { return std::string("policy.json"); },
                            [this](const std::string& id) { return live_tokens_of(id); }};
    add_device_reading(router_, parts);
    add_device_changes(router_, parts);
  }

  Result<std::size_t> live_tokens_of(const std::string& id) {
    asked_for_ = id;
    return std::size_t{3};
  }
  http::Response ask(const std::string& method, const std::string& path, const std::string& body) {
    http::Request request;
    request.method = method;
    request.path = "/admin/v1/devices" + path;
    request.body = body;
    std::promise<http::Response> answered;
    auto answer = answered.get_future();
    router_(request, [&](http::Response response) { answered.set_value(std::move(response)); });
    return answer.get();
  }
  Json post(const std::string& what, const Json& body) {
    const auto answer = ask("POST", "/" + what, body.dump());
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return Json::parse(answer.body);
  }
  void expect_refused(const http::Response& answer, Code code, const std::string& words) {
    EXPECT_EQ(answer.status, facts_of(code).http_status) << answer.body;
    const Json body = Json::parse(answer.body);
    EXPECT_EQ(body["error"], facts_of(code).name);
    EXPECT_NE(body["error_description"].get<std::string>().find(words), std::string::npos)
        << answer.body;
  }
  void expect_refused(const std::string& what, const Json& body, Code code,
                      const std::string& words) {
    expect_refused(ask("POST", "/" + what, body.dump()), code, words);
  }
  std::string pending(const std::string& identity) {
    store::Admission admission;
    admission.device.id = "id-of-" + identity.substr(0, 4);
    admission.device.format = "tpm2";
    admission.device.identity = identity;
    admission.device.public_jwk = "{}";
    admission.device.facts = R"({"format":"tpm2","key_protection":"hardware"})";
    admission.device.attested_at = clock_.now();
    admission.ticket_hash = identity;
    admission.address = "192.0.2.1";
    return store_->admit(admission).value().id;
  }
  std::string added() {
    return post("add", {{"jwk", test::SoftKey().public_key().to_jwk()}})["client_id"];
  }

  std::shared_ptr<const policy::Policy> policy_ = std::make_shared<const policy::Policy>(
      policy::Policy::from_text("policy.json", R"({"rules": []})").value());
  const test::Scratch scratch_;
  test::ManualClock clock_;
  issuer::ReleaseGate gate_;
  issuer::Devices devices_{gate_};
  std::unique_ptr<store::DeviceStore> store_ =
      store::open_device_store(scratch_ / "devices.db").value();
  issuer::DeviceRegister register_{*store_, devices_};
  std::string asked_for_;
  http::Router router_;
};

TEST_F(DeviceEndpoints, AttestAsksForNewEvidence) {
  const std::string id = pending(fingerprint);
  expect_refused("attest", {{"id", id}}, Code::device_state_wrong, "pending");
  expect_refused("attest", {{"id", "nobody"}}, Code::device_not_found, "nobody");
  expect_refused("attest", Json::object(), Code::admin_member_wrong, "id");
  expect_refused("attest", {{"id", added()}}, Code::device_state_wrong, "no evidence");
}

TEST_F(DeviceEndpoints, TellOfABootOnlyWhereThereIsOne) {
  const std::string id = pending(fingerprint);
  const auto boots = ask("GET", "/" + id + "/boot", "");
  EXPECT_EQ(boots.status, 200U) << boots.body;
  expect_refused(ask("GET", "/" + id + "/explain", ""), Code::boot_record_missing, "attest");
  expect_refused(ask("GET", "/nobody/boot", ""), Code::device_not_found, "nobody");
  expect_refused(ask("GET", "/nobody/explain", ""), Code::device_not_found, "nobody");
  EXPECT_EQ(ask("GET", "/" + id + "/boots", "").status, 404U);
}

TEST_F(DeviceEndpoints, GiveNoResultWhereNoneAreGiven) {
  expect_refused(ask("GET", "/" + pending(fingerprint) + "/result", ""), Code::result_unavailable,
                 "results");
}

TEST_F(DeviceEndpoints, ApproveByTheFingerprintAsPeopleCopyIt) {
  const std::string id = pending(fingerprint);
  std::string copied = "AA:AA AA:AA";
  for (int i = 0; i < 28; ++i) copied += ":AA";
  const Json device = post("approve", {{"fingerprint", copied}, {"labels", {{"site", "berlin"}}}});
  EXPECT_EQ(device["id"], id);
  EXPECT_EQ(device["state"], "approved");
  EXPECT_EQ(device["labels"]["site"], "berlin");
  EXPECT_EQ(devices_.find(id)->state, "approved") << "memory has it too";
}

TEST_F(DeviceEndpoints, ApproveRefusesWhatIsNoFingerprint) {
  expect_refused("approve", {{"fingerprint", "aaaa"}}, Code::fingerprint_malformed, "first 16");
  expect_refused("approve", {{"fingerprint", fingerprint + "a"}}, Code::fingerprint_malformed,
                 "64");
  expect_refused("approve", {{"fingerprint", std::string(64, 'g')}}, Code::fingerprint_malformed,
                 "hexadecimal");
  expect_refused("approve", Json::object(), Code::admin_member_wrong, "fingerprint");
  expect_refused("approve", {{"fingerprint", fingerprint}}, Code::fingerprint_unknown, "waits");
  expect_refused("approve", {{"fingerprint", fingerprint}, {"label", Json::object()}},
                 Code::admin_member_wrong, "label");
}

TEST_F(DeviceEndpoints, ExpectTakesSeveralAndWholeOnesOnly) {
  const std::string other(64, 'b');
  const Json answer = post("expect", {{"fingerprints", {fingerprint, other}}});
  ASSERT_EQ(answer["devices"].size(), 2U);
  EXPECT_EQ(answer["devices"][1]["identity"], other);
  EXPECT_EQ(store_->list().value().size(), 2U);
  expect_refused("expect", {{"fingerprints", {fingerprint.substr(0, 32)}}},
                 Code::fingerprint_malformed, "64");
  expect_refused("expect", {{"fingerprints", Json::array()}}, Code::admin_member_wrong,
                 "from 1 to 256");
}

TEST_F(DeviceEndpoints, RevokeIsSeenInMemoryWhenItIsAnswered) {
  const std::string id = added();
  const Json device = post("revoke", {{"id", id}, {"reason", "stolen"}});
  EXPECT_EQ(device["state"], "revoked");
  EXPECT_EQ(device["revoked_why"], "stolen");
  EXPECT_EQ(device["revoked_at"], to_unix(clock_.now()));
  EXPECT_EQ(devices_.find(id)->state, "revoked");
  expect_refused("revoke", {{"id", "nobody"}}, Code::device_not_found, "nobody");
  expect_refused("revoke", {{"id", id}, {"reason", std::string(201, 'x')}},
                 Code::admin_member_wrong, "200");
}

TEST_F(DeviceEndpoints, RevokeTwiceIsAsGoodAsOnceAndKeepsTheFirstWords) {
  const std::string id = added();
  const Json first = post("revoke", {{"id", id}, {"reason", "stolen"}});
  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(post("revoke", {{"id", id}, {"reason", "lost"}}), first);
}

TEST_F(DeviceEndpoints, RevokeTriedDrySaysWhatItWouldMeetAndChangesNothing) {
  const std::string id = added();
  const Json answer = post("revoke", {{"id", id}, {"reason", "stolen"}, {"dry_run", true}});
  EXPECT_EQ(answer, Json({{"live", 3}, {"seq", 0}, {"dry_run", true}}));
  EXPECT_EQ(asked_for_, id);
  EXPECT_EQ(devices_.find(id)->state, "enrolled");
  EXPECT_EQ(store_->find(id).value()->state, "enrolled");
  expect_refused("revoke", {{"id", "nobody"}, {"dry_run", true}}, Code::device_not_found, "nobody");
  expect_refused("revoke", {{"id", id}, {"dry_run", "yes"}}, Code::admin_member_wrong, "dry_run");
}

TEST_F(DeviceEndpoints, ReinstateTakesARevocationBack) {
  const std::string id = added();
  expect_refused("reinstate", {{"id", id}}, Code::device_state_wrong, "enrolled");
  post("revoke", {{"id", id}});
  EXPECT_EQ(post("reinstate", {{"id", id}})["state"], "enrolled") << "a bare key attests nothing";
  EXPECT_EQ(devices_.find(id)->state, "enrolled");
}

TEST_F(DeviceEndpoints, LabelSetsAndRemoves) {
  const std::string id = added();
  post("label", {{"id", id}, {"set", {{"site", "berlin"}, {"line", "7"}}}});
  const Json device = post("label", {{"id", id}, {"remove", {"line"}}});
  EXPECT_EQ(device["labels"], Json({{"site", "berlin"}}));
  EXPECT_EQ(devices_.find(id)->labels.at("site"), "berlin");
  expect_refused("label", {{"id", id}}, Code::admin_member_wrong, "at least one label");
  expect_refused("label", {{"id", id}, {"set", {{"a b", "x"}}}}, Code::label_malformed, "letters");
  expect_refused("label", {{"id", id}, {"set", {{"a", std::string(257, 'x')}}}},
                 Code::label_malformed, "256");
}

TEST_F(DeviceEndpoints, AddTakesAPublicKeyOnce) {
  const test::SoftKey key;
  const Json jwk = key.public_key().to_jwk();
  const Json answer = post("add", {{"jwk", jwk}, {"labels", {{"site", "berlin"}}}});
  EXPECT_EQ(answer["jkt"], key.jkt());
  const auto device = devices_.find(answer["client_id"]);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->facts.key_protection, "none");
  EXPECT_EQ(device->labels.at("site"), "berlin");
  expect_refused("add", {{"jwk", jwk}}, Code::device_exists, device->id);
}

TEST_F(DeviceEndpoints, AddRefusesWhatIsNoPublicKey) {
  Json jwk = test::SoftKey().public_key().to_jwk();
  expect_refused("add", {{"jwk", "x"}}, Code::jwk_malformed, "");
  expect_refused("add", Json::object(), Code::admin_member_wrong, "jwk");
  expect_refused(ask("POST", "/add", "{"), Code::admin_member_wrong, "jwk");
  expect_refused("add", {{"jwk", jwk}, {"labels", {{"site", 7}}}}, Code::label_malformed, "site");
  jwk["d"] = "AAAA";
  expect_refused("add", {{"jwk", jwk}}, Code::jwk_private, "private");
}

TEST_F(DeviceEndpoints, InviteGivesACodeThatTheStoreKnowsByItsHash) {
  const Json invited = post("invite", {{"labels", {{"site", "berlin"}}}, {"expires_in", 60}});
  EXPECT_EQ(invited["expires_at"], to_unix(clock_.now()) + 60);
  store::Admission admission;
  admission.device = issuer::key_device(test::SoftKey().public_key(), clock_.now());
  const auto enrolled = store_->admit_invited(admission, issuer::hash_of_code(invited["code"]));
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  EXPECT_EQ(enrolled->labels, R"({"site":"berlin"})");
  expect_refused("invite", {{"expires_in", 59}}, Code::admin_member_wrong, "from 60");
}

TEST_F(DeviceEndpoints, AreListedInPagesAndShownOneByOne) {
  for (int i = 0; i < 45; ++i) added();
  std::size_t seen = 0;
  std::string after;
  do {
    http::Request request;
    request.method = "GET";
    request.path = "/admin/v1/devices";
    request.query = "after=" + after;
    Json page;
    router_(request, [&](const http::Response& answer) { page = Json::parse(answer.body); });
    seen += page["devices"].size();
    EXPECT_LE(page["devices"].size(), 40U);
    after = page["next"];
  } while (!after.empty());
  EXPECT_EQ(seen, 45U);
  const std::string id = added();
  EXPECT_EQ(Json::parse(ask("GET", "/" + id, "").body)["id"], id);
  expect_refused(ask("GET", "/nobody", ""), Code::device_not_found, "nobody");
}

TEST_F(DeviceEndpoints, OnlyWhatIsThereIsServed) {
  EXPECT_EQ(ask("POST", "/destroy", "{}").status, 405U);
}

}  // namespace
}  // namespace mintmark::admin
