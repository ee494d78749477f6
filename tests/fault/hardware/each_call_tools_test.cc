// The operator's tools on a module that fails at each of its calls in turn.
#include <gtest/gtest.h>

#include "each_call.h"
#include "hsm/libp11/library.h"
#include "hsm/libp11/request.h"
#include "hsm/libp11/session.h"
#include "support/issued_certificate.h"
#include "support/token_objects.h"

namespace mintmark::hsm::libp11 {
namespace {

using test::InTurn;
using test::SoftHsm;
using test::Trial;

const Bytes key_id(16, 0x07);
const Secret so_pin(std::string_view("so-12345"));
const Secret user_pin(SoftHsm::pin());
const Secret other_pin(std::string_view("other-9876"));

// The tools do the same about every answer. C_OpenSession is tried by itself: where it fails at the
// one moment, libp11 0.4.12 waits for ever.
const InTurn in_turn{.answers = {"0x30", "0x2", "0x12"}, .spared = "C_OpenSession"};

class EachCallOfTheTools : public testing::Test {
 protected:
  /// The module for this alone, as in a process of its own.
  template <typename T>
  [[nodiscard]] Result<T> with_token(
      const std::function<Result<T>(Library&, const TokenStatus&)>& use) const {
    const auto library = Library::load(module_.store().module);
    if (!library) return tl::unexpected<Error>(library.error());
    const auto token = (*library)->choose({.label = SoftHsm::label()});
    if (!token) return tl::unexpected<Error>(token.error());
    return use(**library, *token);
  }
  template <typename T>
  [[nodiscard]] Result<T> logged_in(const std::function<Result<T>(Session&)>& use) const {
    return with_token<T>([&](Library& library, const TokenStatus& token) -> Result<T> {
      auto session = Session::log_in(library, token, user_pin);
      if (!session) return tl::unexpected<Error>(session.error());
      return use(*session);
    });
  }
  [[nodiscard]] bool opens(const Secret& pin) const {
    return with_token<void>([&](Library& library, const TokenStatus& token) -> Result<void> {
             const auto session = Session::log_in(library, token, pin);
             if (!session) return tl::unexpected<Error>(session.error());
             return {};
           })
        .has_value();
  }
  template <typename T>
  static void expect_told(const Result<T>& answer) {
    if (answer) return;
    EXPECT_NE(answer.error().code, Code::internal) << answer.error().to_string();
    EXPECT_FALSE(answer.error().detail.empty());
  }

  test::FaultyModule module_;
};

TEST_F(EachCallOfTheTools, ListingTokens) {
  const auto ask = [&]() -> Result<std::string> {
    const auto library = Library::load(module_.store().module);
    if (!library) return tl::unexpected<Error>(library.error());
    std::string text;
    for (const TokenStatus& slot : (*library)->slots())
      text += slot.facts.to_uri() + (slot.initialised ? " initialised\n" : "\n");
    return text;
  };
  const std::string right = ask().value();
  Result<std::string> answer;
  const auto judge = [&] {
    expect_told(answer);
    if (answer) {
      EXPECT_EQ(*answer, right);
    }
    EXPECT_EQ(ask().value(), right);
  };
  EXPECT_GT(test::each_call_fails(module_, {[] {}, [&] { answer = ask(); }, judge}, in_turn), 5U);
}

TEST_F(EachCallOfTheTools, ChangingAPin) {
  Result<void> changed;
  const auto change = [&](const Secret& from, const Secret& to) {
    return with_token<void>([&](Library& library, const TokenStatus& token) {
      return library.change_user_pin(token, from, to);
    });
  };
  const auto judge = [&] {
    expect_told(changed);
    const bool is_new = opens(other_pin);
    if (changed) {
      EXPECT_TRUE(is_new);
    }
    EXPECT_NE(is_new, opens(user_pin)) << "one of both";
    if (is_new) {
      ASSERT_TRUE(change(other_pin, user_pin));
    }
  };
  const Trial trial{[] {}, [&] { changed = change(user_pin, other_pin); }, judge};
  EXPECT_GT(test::each_call_fails(module_, trial, in_turn), 8U);
  EXPECT_GT(test::each_call_fails(module_, trial,
                                  {.answers = {"0x30"}, .how = "after", .spared = "C_OpenSession"}),
            8U);
}

TEST_F(EachCallOfTheTools, SettingAPinAsTheOfficer) {
  Result<void> set;
  const auto set_pin = [&](const Secret& pin) {
    return with_token<void>([&](Library& library, const TokenStatus& token) {
      return library.set_user_pin(token, so_pin, pin);
    });
  };
  const auto judge = [&] {
    expect_told(set);
    if (set) {
      EXPECT_TRUE(opens(other_pin));
    }
    ASSERT_TRUE(set_pin(user_pin));
    EXPECT_TRUE(opens(user_pin));
  };
  const Trial trial{[] {}, [&] { set = set_pin(other_pin); }, judge};
  EXPECT_GT(test::each_call_fails(module_, trial, in_turn), 8U);
}

// The whole token is made anew, and what the operator is told of it is so.
TEST_F(EachCallOfTheTools, InitialisingAToken) {
  Result<void> made;
  const auto make = [&] {
    return with_token<void>([&](Library& library, const TokenStatus& token) {
      return library.initialise(token, SoftHsm::label(), so_pin, user_pin);
    });
  };
  const auto judge = [&] {
    expect_told(made);
    if (made) {
      EXPECT_TRUE(opens(user_pin));
    }
    ASSERT_TRUE(make());
    EXPECT_TRUE(opens(user_pin));
  };
  EXPECT_GT(test::each_call_fails(module_, {[] {}, [&] { made = make(); }, judge}, in_turn), 8U);
}

TEST_F(EachCallOfTheTools, KeepingCertificates) {
  const auto certificate_named = [](const std::string& name) {
    const auto key = test::new_pair("P-256");
    const auto certificate = test::issue({.subject = {{"CN", name}}, .key = key}, {.key = key});
    return facts_of_certificate(test::der_of(certificate.get())).value();
  };
  const CertificateFacts first = certificate_named("first");
  const CertificateFacts second = certificate_named("second");
  const auto put = [&](const CertificateFacts& one) {
    return logged_in<void>([&](Session& session) { return session.store(one, "tls", key_id); });
  };
  const auto leave_one = [&](const CertificateFacts& one) {
    return logged_in<unsigned>(
        [&](Session& session) { return session.remove_others(key_id, one.der); });
  };
  const auto all = [&]() -> Result<std::string> {
    return logged_in<std::string>([](Session& session) -> Result<std::string> {
      const auto stored = session.certificates();
      if (!stored) return tl::unexpected<Error>(stored.error());
      std::string text;
      // libp11 leaves label and id out where it cannot read them.
      for (const StoredCertificate& one : *stored) text += one.facts.subject + "\n";
      return text;
    });
  };
  const std::string of_first = "CN=first\n";
  ASSERT_TRUE(put(first));
  ASSERT_EQ(all().value(), of_first);

  Result<std::string> listed;
  const auto judge_list = [&] {
    expect_told(listed);
    if (listed) {
      EXPECT_TRUE(*listed == of_first || *listed == "\n") << "one that it cannot read is one";
    }
  };
  EXPECT_GT(test::each_call_fails(module_, {[] {}, [&] { listed = all(); }, judge_list}, in_turn),
            8U);

  Result<void> stored;
  const auto judge_stored = [&] {
    expect_told(stored);
    const auto after = all().value();
    EXPECT_NE(after.find(of_first), std::string::npos) << after;
    if (stored) {
      EXPECT_NE(after.find("CN=second"), std::string::npos) << after;
    }
    ASSERT_TRUE(leave_one(first));
    EXPECT_EQ(all().value(), of_first);
  };
  EXPECT_GT(
      test::each_call_fails(module_, {[] {}, [&] { stored = put(second); }, judge_stored}, in_turn),
      8U);

  Result<unsigned> removed = 0U;
  const auto judge_removed = [&] {
    expect_told(removed);
    const auto after = all().value();
    EXPECT_NE(after.find(of_first), std::string::npos) << after;
    if (removed) {
      EXPECT_EQ(after == of_first, *removed == 1U) << "it says how many";
    }
    ASSERT_TRUE(leave_one(first));
  };
  const Trial removal{[&] { ASSERT_TRUE(put(second)); }, [&] { removed = leave_one(first); },
                      judge_removed};
  EXPECT_GT(test::each_call_fails(module_, removal, in_turn), 8U);
}

TEST_F(EachCallOfTheTools, NoSessionToBeHadIsToldAndNotWaitedFor) {
  for (const char* rv : {"0xB1", "0x30"}) {
    module_.fail(std::string("C_OpenSession return ") + rv);
    EXPECT_FALSE(opens(user_pin)) << rv;
    const auto changed = with_token<void>([](Library& library, const TokenStatus& token) {
      return library.change_user_pin(token, user_pin, other_pin);
    });
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, Code::hsm_unavailable) << changed.error().to_string();
    const auto set = with_token<void>([](Library& library, const TokenStatus& token) {
      return library.set_user_pin(token, so_pin, other_pin);
    });
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, Code::hsm_unavailable) << set.error().to_string();
  }
  module_.fail("");
  EXPECT_TRUE(opens(user_pin));
}

// The request is right, or there is none.
TEST_F(EachCallOfTheTools, SigningARequest) {
  const Bytes spki = [] {
    test::TokenObjects objects(SoftHsm::module(), SoftHsm::pin());
    return objects.generate(key_id, "tls").to_spki();
  }();
  const RequestSpec spec{
      .subject = "/CN=issuer.example", .dns = {"issuer.example"}, .addresses = {}};
  const auto ask = [&] {
    return logged_in<std::string>([&](Session& session) {
      return session.with_key(key_id,
                              [&](evp_pkey_st* key) { return sign_request(key, spki, spec); });
    });
  };
  ASSERT_TRUE(ask()) << ask().error().to_string();
  Result<std::string> request;
  const auto judge = [&] {
    expect_told(request);
    if (request) {
      EXPECT_NE(request->find("BEGIN CERTIFICATE REQUEST"), std::string::npos);
    }
  };
  EXPECT_GT(test::each_call_fails(module_, {[] {}, [&] { request = ask(); }, judge}, in_turn), 20U);
  EXPECT_TRUE(ask());
}

}  // namespace
}  // namespace mintmark::hsm::libp11
