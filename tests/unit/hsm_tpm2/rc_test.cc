// What an answer's code means, whoever gave it.
#include "hsm/tpm2/rc.h"

#include <gtest/gtest.h>
#include <tss2/tss2_tpm2_types.h>

#include "hsm/tpm2/session.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr TSS2_RC of_parameter(TSS2_RC rc, TSS2_RC nth) { return rc + TPM2_RC_P + nth; }
constexpr TSS2_RC of_session(TSS2_RC rc, TSS2_RC nth) { return rc + TPM2_RC_S + nth; }
constexpr TSS2_RC of_handle(TSS2_RC rc, TSS2_RC nth) { return rc + TPM2_RC_H + nth; }
constexpr TSS2_RC by_resource_manager(TSS2_RC rc) { return TSS2_RESMGR_TPM_RC_LAYER + rc; }

TEST(TpmResponseCode, IsComparedWithoutWhatItIsAboutAndWhoPassedItOn) {
  for (const TSS2_RC rc : {TPM2_RC_VALUE, TPM2_RC_AUTH_FAIL, TPM2_RC_HANDLE}) {
    EXPECT_EQ(bare(rc), rc);
    for (const TSS2_RC nth : {TPM2_RC_1, TPM2_RC_2, TPM2_RC_7}) {
      EXPECT_EQ(bare(of_parameter(rc, nth)), rc);
      EXPECT_EQ(bare(of_session(rc, nth)), rc);
      EXPECT_EQ(bare(of_handle(rc, nth)), rc);
      EXPECT_EQ(bare(by_resource_manager(of_session(rc, nth))), rc);
    }
  }
  for (const TSS2_RC rc : {TPM2_RC_FAILURE, TPM2_RC_NV_SPACE, TPM2_RC_LOCKOUT}) {
    EXPECT_EQ(bare(rc), rc);
    EXPECT_EQ(bare(by_resource_manager(rc)), rc);
  }
}

TEST(TpmResponseCode, OfALibraryIsNoneOfTheTpm) {
  // The same low octets as TPM_RC_VALUE of parameter 1 have.
  const TSS2_RC alike = TSS2_ESAPI_RC_LAYER + of_parameter(TPM2_RC_VALUE, TPM2_RC_1);
  EXPECT_EQ(bare(alike), alike);
  EXPECT_FALSE(is_about_parameter(alike));
  EXPECT_FALSE(is_wrong_auth(TSS2_ESAPI_RC_LAYER + of_session(TPM2_RC_AUTH_FAIL, TPM2_RC_1)));
}

TEST(TpmResponseCode, IsAboutAParameterWhereTheTpmSaysSo) {
  EXPECT_TRUE(is_about_parameter(of_parameter(TPM2_RC_VALUE, TPM2_RC_1)));
  EXPECT_TRUE(is_about_parameter(by_resource_manager(of_parameter(TPM2_RC_INTEGRITY, TPM2_RC_2))));
  EXPECT_FALSE(is_about_parameter(of_session(TPM2_RC_VALUE, TPM2_RC_1)));
  EXPECT_FALSE(is_about_parameter(of_handle(TPM2_RC_VALUE, TPM2_RC_1)));
  // Of format zero, where the parameter's bit means nothing.
  EXPECT_FALSE(is_about_parameter(TPM2_RC_NV_SPACE));
  EXPECT_FALSE(is_about_parameter(TPM2_RC_FAILURE | TPM2_RC_P));
}

TEST(TpmResponseCode, SpoilsTheConnectionUnlessTheTpmOrItsResourceManagerGaveIt) {
  for (const TSS2_RC rc : {TSS2_TCTI_RC_IO_ERROR, TSS2_ESYS_RC_BAD_SEQUENCE,
                           TSS2_ESYS_RC_RSP_AUTH_FAILED, TSS2_SYS_RC_MALFORMED_RESPONSE})
    EXPECT_TRUE(spoils_connection(rc)) << std::hex << rc;
  for (const TSS2_RC rc :
       {TSS2_RC_SUCCESS, TSS2_RC{TPM2_RC_FAILURE}, by_resource_manager(TPM2_RC_FAILURE),
        TSS2_RC{TSS2_RESMGR_RC_LAYER | TSS2_BASE_RC_GENERAL_FAILURE}})
    EXPECT_FALSE(spoils_connection(rc)) << std::hex << rc;
}

TEST(TpmResponseCode, OfAWrongAuthorisationIsKnownByEachOfItsNames) {
  EXPECT_TRUE(is_wrong_auth(of_session(TPM2_RC_AUTH_FAIL, TPM2_RC_1)));
  EXPECT_TRUE(is_wrong_auth(of_session(TPM2_RC_BAD_AUTH, TPM2_RC_2)));
  EXPECT_TRUE(is_wrong_auth(by_resource_manager(of_session(TPM2_RC_BAD_AUTH, TPM2_RC_1))));
  EXPECT_FALSE(is_wrong_auth(TSS2_RC_SUCCESS));
  EXPECT_FALSE(is_wrong_auth(TPM2_RC_AUTH_UNAVAILABLE));
  EXPECT_FALSE(is_wrong_auth(TPM2_RC_LOCKOUT));
}

TEST(TpmRefusal, SaysWhatToDoByItsCode) {
  struct Case {
    TSS2_RC rc;
    Code code;
  };
  for (const Case& one : {Case{TPM2_RC_OBJECT_MEMORY, Code::tpm_memory_full},
                          {TPM2_RC_SESSION_MEMORY, Code::tpm_memory_full},
                          {TPM2_RC_OBJECT_HANDLES, Code::tpm_memory_full},
                          {TPM2_RC_SESSION_HANDLES, Code::tpm_memory_full},
                          {by_resource_manager(TPM2_RC_OBJECT_MEMORY), Code::tpm_memory_full},
                          {TSS2_TCTI_RC_IO_ERROR, Code::tpm_unavailable},
                          {TPM2_RC_NV_SPACE, Code::hsm_nv_full},
                          {of_parameter(TPM2_RC_SIZE, TPM2_RC_1), Code::hsm_nv_full}}) {
    const Error error = tpm_refusal("TPM2_NV_DefineSpace", one.rc, Code::hsm_nv_full).value();
    EXPECT_EQ(error.code, one.code) << std::hex << one.rc;
    EXPECT_EQ(error.native, one.rc);
    EXPECT_TRUE(error.detail.starts_with("TPM2_NV_DefineSpace: ")) << error.detail;
    EXPECT_EQ(error.detail.find("resource manager") != std::string::npos,
              one.code == Code::tpm_memory_full)
        << error.detail;
  }
  EXPECT_EQ(tpm_refusal("TPM2_Sign", TPM2_RC_FAILURE).value().code, Code::tpm_failed);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
