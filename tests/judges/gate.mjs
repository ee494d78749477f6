// The npm package oauth4webapi as the client of a service behind a proxy and the gate, which knows nothing of us: `gate.mjs calls ORIGIN`, with a gate
// that asks for nonces always; `gate.mjs traffic ORIGIN` calls until SIGTERM, each time with another token, and says how many were lost.
// Environment: the variables of stack.env.
import { strict as assert } from 'node:assert'
import * as oauth from 'oauth4webapi'
import { check, conclude, newPair, register } from './scenarios.mjs'

const [mode, origin] = process.argv.slice(2)
const issuer = new URL(process.env.MINT_ISSUER)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }))
const device = await newPair()
const client = { client_id: register(device.jwk) }

async function token(scope = 'read write') {
  const response = await oauth.clientCredentialsGrantRequest(
    as, client, oauth.PrivateKeyJwt(device.privateKey), new URLSearchParams({ scope }), { DPoP: oauth.DPoP(client, device) })
  return (await oauth.processClientCredentialsResponse(as, client, response)).access_token
}

let asked = 0
async function call(access_token, dpop, path = '/things', method = 'GET') {
  const once = () => oauth.protectedResourceRequest(access_token, method, new URL(path, origin), new Headers(), null, { DPoP: dpop })
  return once().catch((error) => {
    if (!oauth.isDPoPNonceError(error)) throw error
    asked += 1
    return once()
  })
}

// The first challenge of a refusal, as the library reads it.
async function challenged(promise) {
  const error = await promise.then(() => assert.fail('it was let through'), (thrown) => thrown)
  assert.ok(error instanceof oauth.WWWAuthenticateChallengeError, error.stack)
  assert.equal(error.cause.length, 1, 'one challenge')
  return { status: error.status, scheme: error.cause[0].scheme, ...error.cause[0].parameters }
}

async function calls() {
  const access_token = await token()
  await check('a nonce is asked for once a handle, and the call goes through', async () => {
    const dpop = oauth.DPoP(client, device)
    const response = await call(access_token, dpop)
    assert.equal(response.status, 200)
    assert.equal(asked, 1)
    assert.equal((await call(access_token, dpop)).status, 200)
    assert.equal(asked, 1)
    const { upstream, method, fields } = await response.json()
    assert.ok(upstream)
    assert.equal(method, 'GET')
    const names = fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
    assert.equal(fields[2 * names.indexOf('mintmark-client-id') + 1], client.client_id)
    assert.ok(!names.includes('authorization') && !names.includes('dpop'))
  })
  await check('another method is another proof', async () => {
    assert.equal((await call(access_token, oauth.DPoP(client, device), '/things/7', 'POST')).status, 200)
  })
  await check('a stolen token with a proof by another key is refused', async () => {
    const { status, scheme, error, algs } = await challenged(call(access_token, oauth.DPoP(client, await newPair())))
    assert.deepEqual([status, scheme, error], [401, 'dpop', 'invalid_dpop_proof'])
    assert.ok(algs.split(' ').includes('ES256'))
  })
  await check('what is no token is refused', async () => {
    const { status, scheme, error } = await challenged(call('a.b.c', oauth.DPoP(client, device)))
    assert.deepEqual([status, scheme, error], [401, 'dpop', 'invalid_token'])
  })
  await check('a scope that is missing is named', async () => {
    const { status, error, scope } = await challenged(call(access_token, oauth.DPoP(client, device), '/admin'))
    assert.deepEqual([status, error, scope], [403, 'insufficient_scope', 'admin'])
  })
  conclude('gate')
}

async function traffic() {
  let open = true
  process.on('SIGTERM', () => { open = false })
  let passed = 0
  const lost = []
  console.log('begun')
  while (open) {
    const response = await call(await token(), oauth.DPoP(client, device)).catch((error) => error)
    if (response.status === 200) passed += 1
    else lost.push(`${response.status} ${response.message ?? await response.text()}`)
    await response.body?.cancel?.()
  }
  console.log(`traffic: ${passed} passed, ${lost.length} lost ${lost.slice(0, 3).join('; ')}`)
}

await (mode === 'traffic' ? traffic() : calls())
