// The npm package openid-client against a stack whose issuer requires nonces. Environment: the variables of stack.env.
import { strict as assert } from 'node:assert'
import * as oidc from 'openid-client'
import { revocationScenarios } from './revocation.mjs'
import { check, conclude, Refusal, refusalIn, scenarios } from './scenarios.mjs'

const { MINT_ISSUER: issuer } = process.env
let requests = 0
async function counted(...call) {
  requests += 1
  return fetch(...call)
}

async function configured(client_id, authentication) {
  const configuration = await oidc.discovery(new URL(issuer), client_id, {}, authentication, { algorithm: 'oauth2' })
  configuration[oidc.customFetch] = counted
  return configuration
}

async function refusals(asking) {
  try {
    return await asking()
  } catch (error) {
    if (error instanceof oidc.ResponseBodyError) throw new Refusal(error.status, error.cause)
    if (error instanceof oidc.WWWAuthenticateChallengeError) throw await refusalIn(error)
    throw error
  }
}

const client = {
  introspect: ({ client_id, key, token }) =>
    refusals(async () => ({ ...(await oidc.tokenIntrospection(await configured(client_id, oidc.PrivateKeyJwt(key.privateKey)), token)) })),
  revoke: ({ client_id, key, token }) =>
    refusals(async () => oidc.tokenRevocation(await configured(client_id, oidc.PrivateKeyJwt(key.privateKey)), token)),
  discover: async () => (await configured('anybody', oidc.None())).serverMetadata(),
  // Its handles belong to a configuration; a pair is kept until there is one.
  handle: (pair) => ({ pair }),
  async ask({ client_id, key, dpop, parameters, modify }) {
    const configuration = await configured(client_id, oidc.PrivateKeyJwt(key.privateKey, { [oidc.modifyAssertion]: modify }))
    return refusals(() => oidc.clientCredentialsGrant(configuration, parameters, { DPoP: oidc.getDPoPHandle(configuration, dpop.pair) }))
  },
}

const known = await scenarios(client)
const { device, client_id } = known

await check('the package sends the nonce back by itself, once, and keeps the next', async () => {
  const configuration = await configured(client_id, oidc.PrivateKeyJwt(device.privateKey))
  const DPoP = oidc.getDPoPHandle(configuration, device)
  requests = 0
  assert.ok((await oidc.clientCredentialsGrant(configuration, {}, { DPoP })).access_token)
  assert.equal(requests, 2)
  assert.ok((await oidc.clientCredentialsGrant(configuration, {}, { DPoP })).access_token)
  assert.equal(requests, 3)
})

await revocationScenarios(client, known)

conclude('openid-client')
