# What branch coverage is judged by (tests/long --coverage) is compiled without exceptions where none is thrown or caught: each
# call that might throw, and each temporary that would then be destroyed, has branches of the compiler's own, three times as many
# as those that somebody wrote, and no test of ours can take them.
set(counted
    mintmark_jose mintmark_verify mintmark_verify_status_list mintmark_policy mintmark_attest mintmark_attest_android_key
    mintmark_attest_apple_appattest mintmark_attest_eat mintmark_attest_eventlog mintmark_attest_evidence mintmark_attest_ima
    mintmark_attest_nitro mintmark_attest_offline mintmark_attest_platform mintmark_attest_sev_snp mintmark_attest_tdx
    mintmark_attest_tpm2 mintmark_attest_vendor mintmark_attest_webauthn mintmark_attest_x509 mintmark_hsm mintmark_hsm_libp11
    mintmark_hsm_pin_memory mintmark_hsm_pkcs11 mintmark_hsm_pkcs11_rv mintmark_hsm_signer mintmark_hsm_tls mintmark_hsm_tpm2
    mintmark_hsm_tpm2_issuer)
foreach(target IN LISTS counted)
  target_compile_options(${target} PRIVATE -fno-exceptions)
  set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)  # Those are compiled with exceptions.
endforeach()
# The public library throws, and outlives that its users do.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/attest/digest.cc" TARGET_DIRECTORY mintmark_attest
  PROPERTIES COMPILE_OPTIONS -fexceptions)
set(with_exceptions given_keys.cc https_key_source.cc key_cache.cc status_list.cc subscription.cc verifier.cc)
list(TRANSFORM with_exceptions PREPEND "${PROJECT_SOURCE_DIR}/src/verify/")
set_source_files_properties(${with_exceptions} TARGET_DIRECTORY mintmark_verify mintmark_verify_status_list
  PROPERTIES COMPILE_OPTIONS -fexceptions)
# Asio throws in its headers.
set_source_files_properties("${PROJECT_SOURCE_DIR}/hsm/signer/client.cc" "${PROJECT_SOURCE_DIR}/hsm/signer/server.cc"
  TARGET_DIRECTORY mintmark_hsm_signer PROPERTIES COMPILE_OPTIONS -fexceptions)
