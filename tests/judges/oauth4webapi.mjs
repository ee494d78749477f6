// The npm package oauth4webapi against a stack whose issuer requires nonces. Environment: the variables of stack.env.
import { strict as assert } from 'node:assert'
import * as oauth from 'oauth4webapi'
import { revocationScenarios } from './revocation.mjs'
import { check, conclude, Refusal, refusalIn, scenarios } from './scenarios.mjs'

async function once({ as, client_id, key, dpop, parameters, modify }) {
  const client = { client_id }
  const response = await oauth.clientCredentialsGrantRequest(
    as, client, oauth.PrivateKeyJwt(key.privateKey, { [oauth.modifyAssertion]: modify }), new URLSearchParams(parameters), { DPoP: dpop })
  return oauth.processClientCredentialsResponse(as, client, response)
}

async function refusals(asking) {
  try {
    return await asking()
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) throw new Refusal(error.status, error.cause)
    if (error instanceof oauth.WWWAuthenticateChallengeError) throw await refusalIn(error)
    throw error
  }
}

let asked = 0
const client = {
  introspect: ({ as, client_id, key, token, options }) =>
    refusals(async () => {
      const response = await oauth.introspectionRequest(as, { client_id }, oauth.PrivateKeyJwt(key.privateKey), token, options)
      const answer = await oauth.processIntrospectionResponse(as, { client_id }, response)
      if (options) await oauth.validateApplicationLevelSignature(as, response)
      return answer
    }),
  revoke: ({ as, client_id, key, token }) =>
    refusals(async () => oauth.processRevocationResponse(await oauth.revocationRequest(as, { client_id }, oauth.PrivateKeyJwt(key.privateKey), token))),
  async discover(issuer) {
    const url = new URL(issuer)
    return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2' }))
  },
  handle: (pair) => oauth.DPoP({}, pair),
  async ask(request) {
    return refusals(() =>
      once(request).catch((error) => {
        if (!oauth.isDPoPNonceError(error)) throw error
        asked += 1
        return once(request)
      }))
  },
}

const known = await scenarios(client)
const { as, client_id, device } = known

await check('the nonce is asked for once a handle, and the next one comes with each answer', async () => {
  assert.ok(asked > 0)
  const dpop = client.handle(device)
  const request = { as, client_id, key: device, dpop, parameters: {} }
  await assert.rejects(once(request), (error) => oauth.isDPoPNonceError(error) && error.status === 400)
  assert.ok((await once(request)).access_token)
  assert.ok((await once(request)).access_token)
})

await check('a service that uses this package takes the token with its proof, and neither alone nor by another key', async () => {
  const url = new URL('https://api.example/things')
  const { access_token } = await client.ask({ as, client_id, key: device, dpop: client.handle(device), parameters: {} })
  const call = async (pair, token = access_token) => {
    let sent
    await oauth.protectedResourceRequest(token, 'GET', url, new Headers(), null, {
      DPoP: client.handle(pair),
      [oauth.customFetch]: async (to, init) => {
        sent = new Request(to, init)
        return new Response(null, { status: 204 })
      },
    })
    return oauth.validateJwtAccessToken(as, sent, 'https://api.example', { requireDPoP: true })
  }
  assert.equal((await call(device)).client_id, client_id)
  const other = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  await assert.rejects(call(other))
  const naked = new Request(url, { headers: { authorization: `DPoP ${access_token}` } })
  await assert.rejects(oauth.validateJwtAccessToken(as, naked, 'https://api.example', { requireDPoP: true }))
})

const { api } = await revocationScenarios(client, known)

await check('the answer comes as a JWT for the service alone, and the package finds its signature good', async () => {
  const { access_token } = await known.ask()
  const options = { requestJwtResponse: true }
  const answer = await client.introspect({ as, ...api, token: access_token, options })
  assert.equal(answer.active, true)
  assert.equal(answer.client_id, client_id)
  await client.revoke({ as, client_id, key: device, token: access_token })
  assert.deepEqual(await client.introspect({ as, ...api, token: access_token, options }), { active: false })
})

conclude('oauth4webapi')
