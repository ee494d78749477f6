// A device's secure element, and the list of all that stands in a token, whose module fails at each
// of its calls in turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "each_call.h"
#include "hsm/pkcs11/device_key.h"
#include "hsm/pkcs11/object_listing.h"
#include "support/token_objects.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;
using test::Trial;

const Bytes identity_id{0xA1, 0x00};
const Bytes key_id(16, 0x07);
const Bytes der{0x30, 0x03, 0x02, 0x01, 0x05};  // Nobody here reads it.

class EachCallOfAnElement : public testing::Test {
 protected:
  void SetUp() override {
    {
      test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
      identity_ = objects.generate(identity_id, "identity");
      objects.certificate(identity_id, der);
    }
    open();
    key_ = element_->find_or_make_key(key_id).value();
  }

  [[nodiscard]] Result<std::unique_ptr<SecureElement>> opened() const {
    return open_secure_element("pkcs11:object=identity?module-path=" + module_.store().module +
                                   "&pin-source=" + module_.store().pin.file,
                               (module_.token().directory() / "refused").string());
  }
  void open() {
    element_.reset();
    auto element = opened();
    ASSERT_TRUE(element) << element.error().to_string();
    element_ = std::move(*element);
  }

  template <typename T>
  static void expect_told(const Result<T>& answer) {
    if (answer) return;
    EXPECT_NE(answer.error().code, Code::internal) << answer.error().to_string();
    EXPECT_FALSE(answer.error().detail.empty());
  }

  /// As an agent does: opens another one where this one is of no use any more.
  template <typename Ask>
  auto again(Ask ask) {
    auto answer = ask();
    if (answer) return answer;
    const Error& error = answer.error();
    EXPECT_TRUE(error.code == Code::hsm_unavailable || error.action() == Action::reset_session)
        << "an agent would stay with it: " << error.to_string();
    open();
    return ask();
  }

  /// `ask` gives `right` or an error, and afterwards `right`.
  template <typename Ask, typename T>
  std::size_t expect_right_or_refused(Ask ask, const T& right) {
    Result<T> answer;
    const auto judge = [&] {
      expect_told(answer);
      if (answer) {
        EXPECT_EQ(*answer, right);
      }
      const auto later = again(ask);
      ASSERT_TRUE(later) << later.error().to_string();
      EXPECT_EQ(*later, right);
    };
    return test::each_call_fails(module_, {[&] { open(); }, [&] { answer = ask(); }, judge}, {});
  }

  test::FaultyModule module_;
  std::unique_ptr<SecureElement> element_;
  std::optional<jose::PublicKey> identity_;
  std::optional<jose::PublicKey> key_;
};

TEST_F(EachCallOfAnElement, Opening) {
  const auto run = [&] {
    auto element = opened();
    expect_told(element);
    if (element) element_ = std::move(*element);
  };
  const auto judge = [&] {
    if (!element_) open();
    EXPECT_EQ(again([&] { return element_->identity_key(); }).value(), identity_id);
    EXPECT_EQ(again([&] { return element_->find_key(key_id); }).value(), *key_);
  };
  EXPECT_GT(test::each_call_fails(module_, {[&] { element_.reset(); }, run, judge}, {}), 8U);
}

TEST_F(EachCallOfAnElement, WhatItShows) {
  EXPECT_GT(expect_right_or_refused([&] { return element_->identity_key(); }, identity_id), 5U);
  EXPECT_GT(expect_right_or_refused([&] { return element_->certificate(identity_id); }, der), 4U);
  const auto found = [&]() -> Result<std::string> {
    const auto key = element_->find_key(key_id);
    if (!key) return tl::unexpected<Error>(key.error());
    return key->thumbprint();
  };
  EXPECT_GT(expect_right_or_refused(found, key_->thumbprint()), 10U);
}

TEST_F(EachCallOfAnElement, Signing) {
  const auto judged = [&]() -> Result<bool> {
    const auto signature = element_->sign(key_id, Algorithm::es256, as_bytes("octets"));
    if (!signature) return tl::unexpected<Error>(signature.error());
    return key_->verify(as_bytes("octets"), *signature);
  };
  EXPECT_GT(expect_right_or_refused(judged, true), 10U);
}

// What an element made it finds again, and of what went wrong at its making nothing is left.
TEST_F(EachCallOfAnElement, MakingAKey) {
  Bytes id;
  Result<jose::PublicKey> made = *key_;
  const auto judge = [&] {
    expect_told(made);
    const auto key = again([&] { return element_->find_or_make_key(id); });
    ASSERT_TRUE(key) << key.error().to_string();
    if (made) {
      EXPECT_EQ(*key, *made);
    }
    const auto signature = element_->sign(id, Algorithm::es256, as_bytes("octets"));
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key->verify(as_bytes("octets"), *signature));
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin(), test::Module::open);
    EXPECT_EQ(objects.count(CKO_PRIVATE_KEY, id), 1U);
    EXPECT_EQ(objects.count(CKO_PUBLIC_KEY, id), 1U);
    // Or each try would take longer than the one before.
    objects.destroy(CKO_PRIVATE_KEY, id);
    objects.destroy(CKO_PUBLIC_KEY, id);
    EXPECT_EQ(element_->identity_key().value(), identity_id);
  };
  const Trial trial{[&] {
                      open();
                      id = random_bytes(16);
                    },
                    [&] { made = element_->find_or_make_key(id); }, judge};
  EXPECT_GT(test::each_call_fails(module_, trial, {.step = 2}), 10U);
  EXPECT_GT(test::each_call_fails(module_, trial, {.answers = {"0x30", "0x12"}, .how = "after"}),
            10U);
}

std::string told(const Result<std::vector<ObjectFacts>>& listed) {
  if (!listed) return listed.error().to_string();
  std::set<std::string> lines;  // The module's order is another each time.
  for (const ObjectFacts& one : *listed) {
    std::string text = one.class_name + " " + one.label + " " + to_hex(one.id) + " " +
                       one.key_type + " " + one.curve + " " + std::to_string(one.bits) + " " +
                       to_hex(one.public_key);
    for (const auto& [name, flag] : one.attributes) text += " " + name + (flag ? "+" : "-");
    if (one.ours) text += " " + one.ours->kid + " " + one.ours->unfit;
    lines.insert(text + "\n");
  }
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

TEST_F(EachCallOfAnElement, ListingAllThatStandsInItsToken) {
  const auto selector = parse_token_selector(module_.store().token).value();
  const Secret pin(std::string_view(test::SoftHsm::pin()));
  const auto ask = [&] { return list_objects(module_.store().module, selector, pin); };
  element_.reset();
  const std::string right = told(ask());
  EXPECT_EQ(std::count(right.begin(), right.end(), '\n'), 5) << right;
  Result<std::vector<ObjectFacts>> listed;
  const auto judge = [&] {
    expect_told(listed);
    if (listed) {
      EXPECT_EQ(told(listed), right);
    }
    EXPECT_EQ(told(ask()), right);
  };
  const Trial trial{[] {}, [&] { listed = ask(); }, judge};
  EXPECT_GT(test::each_call_fails(module_, trial, {.step = 5}), 50U);
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
