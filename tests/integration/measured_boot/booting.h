// A stack whose device is a machine of our own making: what it boots is up to the test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "operating.h"
#include "support/measured_boot.h"

namespace mintmark::test {

class Booting : public Operating {
 protected:
  /// The issuer asks for PCRs 0 to 9.
  static void SetUpTestSuite();
  /// The device has booted as it should, and is enrolled with its log; the policy has no boot rule.
  void SetUp() override;

  /// Boots again; the agent sees that it is another boot.
  void reboot(const BootRecipe& recipe = {});
  /// One boot rule for every TPM, in force from now on.
  void require(const std::string& mode, const Json& expect);
  void reload();
  /// The device's measurements as they are on record, as a file for boot rules; its name there.
  [[nodiscard]] std::string baseline();

  /// A token that the agent did not have before.
  [[nodiscard]] Outcome token() const { return fresh_token("read"); }
  void expect_token() const;
  void expect_refused(const std::string& code) const;
  /// By the device's id.
  [[nodiscard]] Json explained() const { return stack.control({"devices", "explain", id()}); }
  [[nodiscard]] Json booted() const { return stack.control({"devices", "boot", id()}); }
  /// The findings of an appraisal that did not hold.
  [[nodiscard]] static std::vector<Json> failed(const Json& appraisal);

  [[nodiscard]] std::string id() const;
  [[nodiscard]] Json agent_status() const;
  /// A member of the agent's identity.json.
  void remember(const std::string& member, const std::string& value) const;
  [[nodiscard]] MeasuredBoot& machine() const;
  [[nodiscard]] std::string state_file(const std::string& name) const {
    return stack["MINT_AGENT_STATE"] + "/" + name;
  }

 private:
  PutBack put_back_{Stack::instance(), {"policy.json"}};
};

}  // namespace mintmark::test
