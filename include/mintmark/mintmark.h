/* Mintmark's verifier for C (C99) and for whatever calls C: is this access token good, and does the
 * sender hold the key or certificate that it is bound to? What it decides, and why, is said in
 * verifier.h, whose second face this is.
 *
 * Handles are opaque; each has a _new and a _free. Texts are UTF-8 and end in NUL. What goes in is
 * copied; what an accessor gives lives as long as its handle. Functions that give an int give one
 * of MINTMARK_OK to MINTMARK_FAILED, but where they say otherwise. NULL where a handle or a text is
 * due is MINTMARK_INVALID_ARGUMENT, never a crash; _free takes NULL and does nothing. No exception
 * leaves it, no signal is raised, nothing is printed.
 *
 * Threads: a mintmark_verifier may be used by any number of them at once, and so may a
 * mintmark_result, which nothing changes. mintmark_options are one thread's at a time. Nothing may
 * be freed while another thread uses it. One thing alone starts a thread: a verifier whose options
 * subscribe (mintmark_options_subscribe). */
#ifndef MINTMARK_MINTMARK_H
#define MINTMARK_MINTMARK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with what is taken away or changed; functions and constants that are only added do not
 * change it. A program asks the library that it was loaded with by mintmark_abi_version(). */
#define MINTMARK_ABI_VERSION 1
int mintmark_abi_version(void);

enum {
  MINTMARK_OK = 0,
  MINTMARK_REFUSED = 1,     /* The token or its proof is not taken; the result says why. */
  MINTMARK_UNAVAILABLE = 2, /* The issuer's keys cannot be had, what was revoked is not known, or
                               the memory of proofs is full: nothing is said about the token.
                               Try again later. */
  MINTMARK_INVALID_ARGUMENT = 3, /* NULL, empty, negative, or not one of the values named here. */
  MINTMARK_NO_MEMORY = 4,
  MINTMARK_FAILED = 5 /* None of these. */
};

/* --- options: how a verifier decides. Defaults are those of VerifierOptions in verifier.h --- */

typedef struct mintmark_options mintmark_options;

/* `issuer` as in the token's iss, `audience` as in its aud; both compare octet by octet. */
int mintmark_options_new(const char* issuer, const char* audience, mintmark_options** options);
void mintmark_options_free(mintmark_options* options);

/* Where the issuer's keys come from: fetched from its metadata over TLS, by the roots in this file
 * (PEM); without it by the system's. */
int mintmark_options_set_ca_file(mintmark_options* options, const char* file);
/* Or given here: a JWK set (RFC 7517 §5), and nothing is ever fetched. */
int mintmark_options_set_jwks(mintmark_options* options, const char* jwks);
/* The name under which the issuer is told which keys are held: 1 to 64 letters, digits, '.', '_'
 * and '-'. */
int mintmark_options_set_instance(mintmark_options* options, const char* instance);
/* Hears from the issuer what was revoked (Subscription in verifier.h): `client_id` is what it has
 * registered this service as, `key_file` the PEM file of its private key, EC P-256, which this
 * process's user owns and nobody else may read. Whether they fit is said by mintmark_verifier_new:
 * MINTMARK_INVALID_ARGUMENT. Each verifier has a subscription and a thread of its own, so make it
 * after any fork. Without it a revoked token is taken until it expires. */
int mintmark_options_subscribe(mintmark_options* options, const char* client_id,
                               const char* key_file);
/* An audience that is taken too. */
int mintmark_options_add_audience(mintmark_options* options, const char* audience);
/* A key_protection that is taken ("hardware"); without any all are. */
int mintmark_options_add_key_protection(mintmark_options* options, const char* key_protection);

enum {
  MINTMARK_SKEW = 0, /* Between our clock and the issuer's. */
  MINTMARK_PROOF_PAST = 1,
  MINTMARK_PROOF_FUTURE = 2,
  MINTMARK_KEYS_GRACE = 3,
  MINTMARK_KEYS_LONGEST = 4,
  MINTMARK_KEYS_PAUSE = 5
};
int mintmark_options_set_seconds(mintmark_options* options, int span, int64_t seconds);

enum {
  MINTMARK_PROOFS_REMEMBERED = 0,
  MINTMARK_TOKENS_REMEMBERED = 1 /* 0: none. */
};
int mintmark_options_set_count(mintmark_options* options, int count, size_t value);

/* Who remembers which proofs were used. */
enum { MINTMARK_MEMORY_OF_VERIFIER = 0, MINTMARK_MEMORY_OF_CALLER = 1 };
int mintmark_options_set_proof_memory(mintmark_options* options, int memory);

/* Whether proofs must bear a nonce of this verifier's (RFC 9449 §9). */
enum { MINTMARK_NONCES_NEVER = 0, MINTMARK_NONCES_WHEN_UNSURE = 1, MINTMARK_NONCES_ALWAYS = 2 };
int mintmark_options_set_proof_nonces(mintmark_options* options, int nonces);

/* --- verifier --- */

typedef struct mintmark_verifier mintmark_verifier;

/* The options may be freed, or used again, afterwards. Nothing is fetched yet. */
int mintmark_verifier_new(const mintmark_options* options, mintmark_verifier** verifier);
void mintmark_verifier_free(mintmark_verifier* verifier);

/* How old the issuer's last word on what was revoked is, at most, in milliseconds; -1: there was
 * none yet, or the verifier does not subscribe. */
int64_t mintmark_revocations_age(const mintmark_verifier* verifier);

/* For the DPoP-Nonce header of an answer. MINTMARK_INVALID_ARGUMENT where it does not fit. */
#define MINTMARK_NONCE_OCTETS 64 /* Enough, NUL included. */
int mintmark_fresh_nonce(const mintmark_verifier* verifier, char* nonce, size_t octets);

/* --- a decision --- */

typedef struct mintmark_result mintmark_result;

/* The scheme that the token came under. */
enum { MINTMARK_SCHEME_DPOP = 0, MINTMARK_SCHEME_BEARER = 1 };

/* The request: `method` as sent, `url` as the client called it, `proof` the one DPoP header's value
 * (NULL or "": there was none), `certificate` the DER of the certificate that the client showed in
 * its TLS handshake (NULL: none). MINTMARK_OK: let it pass. With MINTMARK_REFUSED and
 * MINTMARK_UNAVAILABLE there is a result too, which says why; with all others there is none (NULL),
 * and the request must not pass. */
int mintmark_check(const mintmark_verifier* verifier, const char* token, int scheme,
                   const char* method, const char* url, const char* proof,
                   const unsigned char* certificate, size_t certificate_octets,
                   mintmark_result** result);
/* Signature and claims alone: whoever copied the token passes. */
int mintmark_check_without_proof(const mintmark_verifier* verifier, const char* token,
                                 mintmark_result** result);
void mintmark_result_free(mintmark_result* result);

/* Why it was refused; 0 where it was not. The numbers are below. */
int mintmark_result_refusal(const mintmark_result* result);
/* "token_expired"; "" where it was not refused. Stays the same from release to release. */
const char* mintmark_result_refusal_name(const mintmark_result* result);
/* For people: what was wrong and what would be right. No secret. */
const char* mintmark_result_detail(const mintmark_result* result);

/* What a good token says (VerifiedToken in verifier.h); "" where it does not say it. NULL, 0 and -1
 * of a refused one, and where the index is past the end. */
const char* mintmark_result_subject(const mintmark_result* result);
const char* mintmark_result_client_id(const mintmark_result* result);
const char* mintmark_result_token_id(const mintmark_result* result);
size_t mintmark_result_scopes(const mintmark_result* result); /* How many. */
const char* mintmark_result_scope(const mintmark_result* result, size_t index);
int mintmark_result_has_scope(const mintmark_result* result, const char* scope); /* 1 or 0 */
size_t mintmark_result_audiences(const mintmark_result* result); /* How many; of ours alone. */
const char* mintmark_result_audience(const mintmark_result* result, size_t index);
int64_t mintmark_result_issued_at(const mintmark_result* result); /* Seconds since 1970. */
int64_t mintmark_result_expires_at(const mintmark_result* result);
const char* mintmark_result_jkt(const mintmark_result* result);
const char* mintmark_result_certificate_thumbprint(const mintmark_result* result);
const char* mintmark_result_key_protection(const mintmark_result* result);
const char* mintmark_result_attestation_format(const mintmark_result* result);
int64_t mintmark_result_attested_at(const mintmark_result* result);   /* -1: it does not say. */
const char* mintmark_result_claims(const mintmark_result* result);    /* All, as JSON. */
int mintmark_result_proof_checked(const mintmark_result* result);     /* 1 or 0 */
const char* mintmark_result_proof_jti(const mintmark_result* result); /* "": there was no proof. */
int64_t mintmark_result_proof_iat(const mintmark_result* result);     /* -1: likewise. */

/* Refusals, as verifier.h says them. New ones come at the end. */
enum {
  MINTMARK_TOKEN_MALFORMED = 1,
  MINTMARK_TOKEN_TYP = 2,
  MINTMARK_TOKEN_KEY_UNKNOWN = 3,
  MINTMARK_TOKEN_ALG = 4,
  MINTMARK_TOKEN_SIGNATURE = 5,
  MINTMARK_TOKEN_ISSUER = 6,
  MINTMARK_TOKEN_AUDIENCE = 7,
  MINTMARK_TOKEN_EXP_MISSING = 8,
  MINTMARK_TOKEN_EXPIRED = 9,
  MINTMARK_TOKEN_NOT_YET_VALID = 10,
  MINTMARK_TOKEN_IAT_MISSING = 11,
  MINTMARK_TOKEN_IAT_FUTURE = 12,
  MINTMARK_TOKEN_SUB_MISSING = 13,
  MINTMARK_TOKEN_UNBOUND = 14,
  MINTMARK_TOKEN_KEY_PROTECTION = 15,
  MINTMARK_TOKEN_SCHEME = 16,
  MINTMARK_TOKEN_CERTIFICATE_MISSING = 17,
  MINTMARK_TOKEN_CERTIFICATE_MISMATCH = 18,
  MINTMARK_TOKEN_CERTIFICATE_MALFORMED = 19,
  MINTMARK_PROOF_MISSING = 20,
  MINTMARK_PROOF_MALFORMED = 21,
  MINTMARK_PROOF_TYP = 22,
  MINTMARK_PROOF_ALG = 23,
  MINTMARK_PROOF_JWK = 24,
  MINTMARK_PROOF_SIGNATURE = 25,
  MINTMARK_PROOF_HTM = 26,
  MINTMARK_PROOF_HTU = 27,
  MINTMARK_PROOF_IAT_MISSING = 28,
  MINTMARK_PROOF_IAT_OLD = 29,
  MINTMARK_PROOF_IAT_FUTURE = 30,
  MINTMARK_PROOF_JTI = 31,
  MINTMARK_PROOF_NONCE = 32,
  MINTMARK_PROOF_NONCE_REQUIRED = 33, /* Answer with mintmark_fresh_nonce. */
  MINTMARK_PROOF_NONCE_STALE = 34,    /* Likewise. */
  MINTMARK_PROOF_ATH = 35,
  MINTMARK_PROOF_KEY_MISMATCH = 36,
  MINTMARK_PROOF_REPLAYED = 37,
  MINTMARK_PROOF_BEFORE_START = 38,
  MINTMARK_REPLAY_WINDOW_FULL = 39,
  MINTMARK_KEYS_UNAVAILABLE = 40,
  MINTMARK_KEYS_MALFORMED = 41,
  MINTMARK_METADATA_MALFORMED = 42,
  MINTMARK_METADATA_ISSUER_MISMATCH = 43,
  MINTMARK_TOKEN_REVOKED = 44,
  MINTMARK_TOKEN_SUSPENDED = 45,
  MINTMARK_TOKEN_KEY_REVOKED = 46,
  MINTMARK_REVOCATIONS_UNAVAILABLE = 47,
  MINTMARK_REVOCATIONS_STALE = 48
};

#ifdef __cplusplus
}
#endif

#endif
