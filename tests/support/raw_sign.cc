#include "support/raw_sign.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "hsm/pkcs11/key_objects.h"
#include "hsm/pkcs11/login.h"
#include "hsm/pkcs11/pin.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::test {
namespace {

using namespace hsm::pkcs11;
using Clock = std::chrono::steady_clock;

template <typename T>
T taken(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return std::move(*result);
}

TokenFacts find_token(const Module& module, const std::string& name) {
  const auto tokens = taken(module.tokens());
  return taken(taken(parse_token_selector(name)).choose(tokens));
}

std::vector<Clock::duration> sign_until(const Session& session, CK_OBJECT_HANDLE key,
                                        Clock::time_point end, std::atomic<CK_RV>& failure) {
  std::vector<Clock::duration> spans;
  std::array<CK_BYTE, 32> digest{};
  std::array<CK_BYTE, 64> signature{};
  auto begun = Clock::now();
  while (begun < end && failure == CKR_OK) {
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    CK_ULONG size = signature.size();
    CK_RV rv = session.calls().C_SignInit(session.handle(), &mechanism, key);
    if (rv == CKR_OK) {
      rv = session.calls().C_Sign(session.handle(), digest.data(), digest.size(), signature.data(),
                                  &size);
    }
    if (rv != CKR_OK) failure = rv;
    ++digest.front();
    const auto ended = Clock::now();
    spans.push_back(ended - begun);
    begun = ended;
  }
  return spans;
}

RawSignRate rate_of(std::vector<Clock::duration> spans, std::chrono::duration<double> took) {
  std::sort(spans.begin(), spans.end());
  const auto at = [&](std::size_t percent) {
    return std::chrono::duration_cast<std::chrono::microseconds>(
        spans.at((spans.size() - 1) * percent / 100));
  };
  return {static_cast<double>(spans.size()) / took.count(), at(50), at(99)};
}

RawSignRate measure(const Module& module, const TokenFacts& token, CK_OBJECT_HANDLE key,
                    unsigned threads, std::chrono::milliseconds span) {
  std::vector<Session> sessions;
  for (unsigned i = 0; i < threads; ++i) {
    sessions.push_back(taken(Session::open(module, token.slot_id, Access::read_only)));
  }
  std::vector<std::vector<Clock::duration>> spans(threads);
  std::vector<std::thread> workers;
  std::atomic<CK_RV> failure{CKR_OK};
  const auto begun = Clock::now();
  for (unsigned i = 0; i < threads; ++i) {
    workers.emplace_back(
        [&, i] { spans[i] = sign_until(sessions[i], key, begun + span, failure); });
  }
  for (std::thread& worker : workers) worker.join();
  const auto took = Clock::now() - begun;
  if (failure != CKR_OK) throw std::runtime_error("C_Sign: " + name_of_rv(failure));
  std::vector<Clock::duration> all;
  for (const auto& some : spans) all.insert(all.end(), some.begin(), some.end());
  return rate_of(std::move(all), took);
}

}  // namespace

RawSignRate measure_raw_sign(const config::HsmStore& store, unsigned threads,
                             std::chrono::milliseconds span) {
  const auto module = taken(Module::load(store.module));
  const TokenFacts token = find_token(*module, store.token);
  const auto login = taken(Login::into(*module, token, taken(read_pin(store.pin)), nullptr));
  const Session session = taken(Session::open(*module, token.slot_id, Access::read_write));
  const hsm::KeySpec spec{.id = hsm::random_key_id()};
  bool begun = false;
  const KeyPair pair = taken(generate_pair(session, spec, begun));
  const RawSignRate rate = measure(*module, token, pair.private_half, threads, span);
  if (auto ended = destroy_pair(session, spec.id, begun); !ended) {
    throw std::runtime_error(ended.error().to_string());
  }
  return rate;
}

}  // namespace mintmark::test
