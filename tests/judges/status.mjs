// What the npm package @sd-jwt/jwt-status-list says of a token: `status.mjs JWKS_FILE LIST_FILE ISSUER [ALG] < TOKEN`.
// It checks no signature of the list; jose does. Prints {"uri", "idx", "status", "entries"}; exit 1 if anything is not good.
import { readFileSync } from 'node:fs'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'

const [jwksFile, listFile, issuer, alg = 'ES256'] = process.argv.slice(2)
const { uri, idx } = getStatusListFromJWT(readFileSync(0, 'utf8').trim())
const jwt = readFileSync(listFile, 'utf8').trim()
const set = JSON.parse(readFileSync(jwksFile, 'utf8'))
const keys = createLocalJWKSet({ keys: set.keys.filter((key) => key.mintmark_purpose === 'status_list') })
await jwtVerify(jwt, keys, {
  typ: 'statuslist+jwt', issuer, subject: uri, algorithms: [alg], requiredClaims: ['iat', 'exp', 'ttl', 'status_list']
})
const list = getListFromStatusListJWT(jwt)
console.log(JSON.stringify({ uri, idx, status: list.getStatus(idx), entries: list.totalStatuses }))
