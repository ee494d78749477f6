// What every client that knows only OAuth must be able to do here, and must be refused: `scenarios(client)`.
//
// A client is { name, discover(issuer), handle(pair), ask(request) }. `ask` takes { as, client_id, key, dpop, parameters, modify } (`dpop` of `handle`,
// `modify(header, payload)` of the assertion) and gives the token endpoint's answer, or throws a Refusal. It answers a nonce that is asked for by itself.
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint, createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'

export class Refusal extends Error {
  constructor(status, body) {
    super(`${status} ${body.error} (${body.code}): ${body.error_description}`)
    Object.assign(this, { status, error: body.error, code: body.code, description: body.error_description })
  }
}

// A 401 of a library that looks at the challenge (RFC 9110 §15.5.2) and leaves the body to us: both must say the same.
export async function refusalIn(challenged) {
  const body = await challenged.response.json()
  const { scheme, parameters } = challenged.cause[0]
  assert.deepEqual([scheme, parameters.error, parameters.error_description], ['dpop', body.error, body.error_description])
  return new Refusal(challenged.status, body)
}

const audience = 'https://api.example'
const { MINT_ISSUER: issuer, MINT_ADMIN: admin, MINT_BIN: bin } = process.env
assert.ok(issuer && admin && bin, 'the stack is not in the environment')

export async function newPair() {
  const pair = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(pair.publicKey)
  return { ...pair, jwk, jkt: await calculateJwkThumbprint(jwk) }
}

// As an operator does it.
export function register(jwk) {
  const directory = mkdtempSync(join(tmpdir(), 'mintmark-client-'))
  try {
    const file = join(directory, 'key.jwk')
    writeFileSync(file, JSON.stringify(jwk))
    return execFileSync(join(bin, 'mintctl'), ['--admin', admin, 'devices', 'add', '--jwk', file], { encoding: 'utf8' }).trim()
  } finally {
    rmSync(directory, { recursive: true })
  }
}

let passed = 0
export async function check(sentence, body) {
  try {
    await body()
  } catch (error) {
    console.log(`FAILED: ${sentence}`)
    throw error
  }
  passed += 1
  console.log(`ok: ${sentence}`)
}

// The test that started us looks for this line and for this number.
export function conclude(name) {
  console.log(`${name}: ${passed} passed`)
}

export async function refused(promise, status, error, code) {
  await assert.rejects(promise, (thrown) => {
    assert.ok(thrown instanceof Refusal, `no refusal of the issuer: ${thrown?.stack}`)
    assert.deepEqual({ status: thrown.status, error: thrown.error, code: thrown.code }, { status, error, code })
    assert.ok(thrown.description?.length > 10, 'a description tells a person what to change')
    return true
  })
}

export async function scenarios(client) {
  const device = await newPair()
  const client_id = register(device.jwk)
  const as = await client.discover(issuer)
  const dpop = client.handle(device)
  const parameters = { scope: 'read', resource: audience }
  const ask = (changes = {}) => client.ask({ as, client_id, key: device, dpop, parameters, ...changes })
  const change = (claims) => (_header, payload) => Object.assign(payload, claims)
  const now = () => Math.floor(Date.now() / 1000)
  const keys = createRemoteJWKSet(new URL(as.jwks_uri))
  const claimsOf = async (answer) => (await jwtVerify(answer.access_token, keys, { issuer, audience, typ: 'at+jwt' })).payload

  await check('the metadata at the RFC 8414 place say what such a client needs', () => {
    assert.equal(as.issuer, issuer)
    assert.equal(as.token_endpoint, `${issuer}/token`)
    assert.ok(as.token_endpoint_auth_methods_supported.includes('private_key_jwt'))
    assert.ok(as.token_endpoint_auth_signing_alg_values_supported.includes('ES256'))
    assert.ok(as.dpop_signing_alg_values_supported.includes('ES256'))
    assert.ok(as.grant_types_supported.includes('client_credentials'))
  })

  await check('a token comes, bound to the key, for what was asked', async () => {
    const answer = await ask()
    assert.equal(answer.token_type.toLowerCase(), 'dpop')
    assert.equal(answer.scope, 'read')
    assert.ok(answer.expires_in > 0 && answer.expires_in <= 300)
    const claims = await claimsOf(answer)
    assert.equal(claims.sub, client_id)
    assert.equal(claims.client_id, client_id)
    assert.equal(claims.cnf.jkt, device.jkt)
    assert.equal(claims.key_protection, 'none')
    assert.equal(claims.scope, 'read')
  })

  await check('without wishes the rule decides', async () => {
    const answer = await ask({ parameters: {} })
    assert.deepEqual(answer.scope.split(' ').sort(), ['read', 'write'])
    assert.equal((await claimsOf(answer)).aud, audience)
  })

  await check('an assertion by another key is refused', async () => {
    await refused(ask({ key: await newPair() }), 401, 'invalid_client', 'assertion_signature')
  })

  await check('an assertion is good once', async () => {
    const modify = change({ jti: `once-${device.jkt}` })
    assert.ok((await ask({ modify })).access_token)
    await refused(ask({ modify }), 401, 'invalid_client', 'assertion_replayed')
  })

  await check('an assertion that is over is refused', async () => {
    await refused(ask({ modify: change({ iat: now() - 120, nbf: now() - 120, exp: now() - 60 }) }), 401, 'invalid_client', 'assertion_expired')
  })

  await check('an assertion that lasts too long is refused', async () => {
    await refused(ask({ modify: change({ exp: now() + 3600 }) }), 401, 'invalid_client', 'assertion_exp_far')
  })

  await check('an assertion for the token endpoint, not the issuer, is refused', async () => {
    await refused(ask({ modify: change({ aud: as.token_endpoint }) }), 401, 'invalid_client', 'assertion_aud')
  })

  await check('a client that nobody registered is refused', async () => {
    await refused(ask({ client_id: 'nobody' }), 401, 'invalid_client', 'device_unknown')
  })

  await check('a scope that is not granted is refused', async () => {
    await refused(ask({ parameters: { ...parameters, scope: 'rule' } }), 400, 'invalid_scope', 'policy_scope')
  })

  await check('a target that is not granted is refused', async () => {
    await refused(ask({ parameters: { ...parameters, resource: 'https://other.example' } }), 400, 'invalid_target', 'policy_audience')
  })

  const session = await newPair()
  await check('a proof by another key is refused, if the assertion does not vouch for it', async () => {
    await refused(ask({ dpop: client.handle(session) }), 400, 'invalid_dpop_proof', 'proof_key_unvouched')
    const other = change({ cnf: { jkt: (await newPair()).jkt } })
    await refused(ask({ dpop: client.handle(session), modify: other }), 400, 'invalid_dpop_proof', 'proof_key_unvouched')
  })

  await check('a proof by another key for which the assertion vouches binds the token to that key', async () => {
    const answer = await ask({ dpop: client.handle(session), modify: change({ cnf: { jkt: session.jkt } }) })
    assert.ok(answer.expires_in <= 3600)
    const claims = await claimsOf(answer)
    assert.equal(claims.cnf.jkt, session.jkt)
    assert.equal(claims.key_protection, 'session')
  })

  return { as, client_id, device, ask }
}
