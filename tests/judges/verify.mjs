// Judges by the npm package jose: `verify.mjs token|attestation|result JWKS_FILE ISSUER AUDIENCE_OR_CLIENT_ID [ALG] < JWT`. Prints the claims; exit 1 if it is not good.
import { readFileSync } from 'node:fs'
import { createLocalJWKSet, jwtVerify, calculateJwkThumbprint } from 'jose'

const [what, jwksFile, issuer, expected, alg = 'ES256'] = process.argv.slice(2)
const jwt = readFileSync(0, 'utf8').trim()
const set = JSON.parse(readFileSync(jwksFile, 'utf8'))
const purpose = { token: 'access_token', attestation: 'client_attestation', result: 'result' }[what]
const keys = createLocalJWKSet({ keys: set.keys.filter((key) => key.mintmark_purpose === purpose) })

const options = {
  token: { typ: 'at+jwt', issuer, audience: expected, algorithms: [alg], requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti', 'scope', 'cnf'] },
  attestation: { typ: 'oauth-client-attestation+jwt', algorithms: [alg], subject: expected, requiredClaims: ['exp', 'iat', 'cnf'] },
  result: { typ: 'eat+jwt', issuer, subject: expected, algorithms: [alg], requiredClaims: ['exp', 'iat', 'cnf', 'eat_profile', 'ear_verifier_id', 'submods'] }
}[what]
const { payload } = await jwtVerify(jwt, keys, options)
const result = { ...payload }
if (what === 'attestation') result.jkt = await calculateJwkThumbprint(payload.cnf.jwk)
console.log(JSON.stringify(result))
