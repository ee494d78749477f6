// The npm package dpop makes the proofs, jose the assertions, fetch sends them: a client by hand, against a stack whose issuer requires nonces.
// Environment: the variables of stack.env.
import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import * as DPoP from 'dpop'
import { SignJWT } from 'jose'
import { check, conclude, Refusal, scenarios } from './scenarios.mjs'

async function assertion({ as, client_id, key, modify }) {
  const header = { alg: 'ES256' }
  const now = Math.floor(Date.now() / 1000)
  const payload = { iss: client_id, sub: client_id, aud: as.issuer, iat: now, exp: now + 60, jti: randomUUID() }
  modify?.(header, payload)
  return new SignJWT(payload).setProtectedHeader(header).sign(key.privateKey)
}

async function once(request, nonce) {
  const { as, dpop, parameters } = request
  const response = await fetch(as.token_endpoint, {
    method: 'POST',
    headers: { DPoP: await DPoP.generateProof(dpop, as.token_endpoint, 'POST', nonce) },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(request),
      ...parameters,
    }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const client = {
  async discover(issuer) {
    const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
    assert.equal(response.status, 200)
    return response.json()
  },
  handle: (pair) => pair,
  async ask(request) {
    let answer = await once(request)
    if (answer.body.error === 'use_dpop_nonce') answer = await once(request, answer.headers.get('dpop-nonce'))
    if (answer.status !== 200) throw new Refusal(answer.status, answer.body)
    return answer.body
  },
}

const { as, client_id, device } = await scenarios(client)
const request = { as, client_id, key: device, dpop: device, parameters: {} }

await check('without a nonce the answer is 400 use_dpop_nonce and has one, which works', async () => {
  const first = await once(request)
  assert.deepEqual([first.status, first.body.error, first.body.code], [400, 'use_dpop_nonce', 'dpop_nonce_required'])
  const nonce = first.headers.get('dpop-nonce')
  assert.match(nonce, /^[A-Za-z0-9_-]{16,}$/)
  assert.equal(first.headers.get('oauth-client-attestation-challenge'), nonce)
  const second = await once(request, nonce)
  assert.equal(second.status, 200)
  assert.ok(second.headers.get('dpop-nonce'))
  assert.equal(second.headers.get('cache-control'), 'no-store')
})

await check('a nonce that the issuer did not make is refused, with one that it did', async () => {
  const first = await once(request, 'a-nonce-of-my-own-making')
  assert.deepEqual([first.status, first.body.error, first.body.code], [400, 'use_dpop_nonce', 'dpop_nonce_stale'])
  assert.equal((await once(request, first.headers.get('dpop-nonce'))).status, 200)
})

await check('the challenge endpoint gives a nonce too', async () => {
  const response = await fetch(as.challenge_endpoint, { method: 'POST' })
  assert.equal(response.status, 200)
  assert.equal((await once(request, (await response.json()).attestation_challenge)).status, 200)
})

await check('a proof is good once, and for the token endpoint and POST alone', async () => {
  const { headers } = await once(request)
  const nonce = headers.get('dpop-nonce')
  const send = async (proof) => (await (await fetch(as.token_endpoint, {
    method: 'POST',
    headers: { DPoP: proof },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(request),
    }),
  })).json())
  const proof = await DPoP.generateProof(device, as.token_endpoint, 'POST', nonce)
  assert.ok((await send(proof)).access_token)
  assert.equal((await send(proof)).code, 'proof_replayed')
  assert.equal((await send(await DPoP.generateProof(device, as.token_endpoint, 'GET', nonce))).code, 'proof_htm')
  assert.equal((await send(await DPoP.generateProof(device, as.jwks_uri, 'POST', nonce))).code, 'proof_htu')
})

conclude('dpop')
