// Shared Signals as a receiver has them that knows OAuth (the package oauth4webapi), JWT (jose) and nothing of us, against a stack with shared_signals.
// Environment: the variables of stack.env; RECEIVER_CERTIFICATE and RECEIVER_KEY: PEM files of a server on localhost that the issuer trusts.
import { strict as assert } from 'node:assert'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { check, conclude, newPair, register } from './scenarios.mjs'

const { MINT_ISSUER: issuer, MINT_ADMIN: admin, MINT_BIN: bin, RECEIVER_CERTIFICATE, RECEIVER_KEY } = process.env
const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const verification = 'https://schemas.openid.net/secevent/ssf/event-type/verification'
const audience = 'https://api.example'

const mintctl = (...command) => execFileSync(join(bin, 'mintctl'), ['--admin', admin, ...command], { encoding: 'utf8' }).trim()

function registerService(jwk) {
  const directory = mkdtempSync(join(tmpdir(), 'mintmark-service-'))
  try {
    const file = join(directory, 'key.jwk')
    writeFileSync(file, JSON.stringify(jwk))
    return mintctl('clients', 'add', '--jwk', file, '--audience', audience, '--role', 'events')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

// Asks again with the nonce that it was asked for.
async function withNonce(ask) {
  return ask().catch((error) => {
    if (!oauth.isDPoPNonceError(error)) throw error
    return ask()
  })
}

const as = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2' }).then((response) => oauth.processDiscoveryResponse(new URL(issuer), response))
const keys = createRemoteJWKSet(new URL(as.jwks_uri))

class Party {
  constructor(pair, client_id, parameters) {
    Object.assign(this, { pair, client_id, parameters, dpop: oauth.DPoP({}, pair) })
  }
  async token() {
    const client = { client_id: this.client_id }
    const answer = await withNonce(async () =>
      oauth.processClientCredentialsResponse(
        as, client,
        await oauth.clientCredentialsGrantRequest(as, client, oauth.PrivateKeyJwt(this.pair.privateKey), new URLSearchParams(this.parameters), { DPoP: this.dpop })))
    return answer.access_token
  }
  async call(method, url, body) {
    const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' })
    this.access ??= await this.token()
    try {
      return await withNonce(() =>
        oauth.protectedResourceRequest(this.access, method, new URL(url), headers, body === undefined ? null : JSON.stringify(body), { DPoP: this.dpop }))
    } catch (error) {
      if (error instanceof oauth.WWWAuthenticateChallengeError) return error.response
      throw error
    }
  }
}

async function service() {
  const pair = await newPair()
  return new Party(pair, registerService(pair.jwk), { scope: 'events' })
}

async function device() {
  const pair = await newPair()
  return new Party(pair, register(pair.jwk), { scope: 'read', resource: audience })
}

async function json(response, status) {
  const text = await response.text()
  assert.equal(response.status, status, text)
  return text === '' ? undefined : JSON.parse(text)
}

async function verified(set, aud) {
  const { payload } = await jwtVerify(set, keys, { issuer, audience: aud, typ: 'secevent+jwt' })
  assert.ok(payload.exp === undefined && payload.sub === undefined && payload.jti && payload.iat)
  assert.equal(Object.keys(payload.events).length, 1)
  return payload
}

const alpha = await service()
const beta = await service()
let ssf

await check('the metadata stand where SSF has them', async () => {
  ssf = await json(await fetch(new URL('/.well-known/ssf-configuration', issuer)), 200)
  assert.equal(ssf.issuer, issuer)
  assert.equal(ssf.spec_version, '1_0')
  assert.equal(ssf.jwks_uri, as.jwks_uri)
})

await check('nobody comes in without a token', async () => {
  const response = await fetch(ssf.configuration_endpoint)
  assert.equal(response.status, 401)
  assert.match(response.headers.get('www-authenticate'), /^DPoP /)
})

await check('a device gets no token for it', async () => {
  const stranger = await device()
  stranger.parameters = { scope: 'events', resource: issuer }
  await assert.rejects(stranger.token())
})

let poll
await check('a service makes a stream of poll', async () => {
  const stream = await json(await alpha.call('POST', ssf.configuration_endpoint, { delivery: { method: 'urn:ietf:rfc:8936' } }), 201)
  assert.equal(stream.iss, issuer)
  assert.equal(stream.aud, alpha.client_id)
  assert.ok(stream.events_delivered.includes(`${caep}session-revoked`))
  poll = stream.delivery.endpoint_url
  assert.deepEqual(await json(await alpha.call('GET', `${ssf.configuration_endpoint}?stream_id=${stream.stream_id}`), 200), stream)
})

await check("another service's stream does not exist for it", async () => {
  await json(await beta.call('POST', poll, { returnImmediately: true }), 404)
  assert.deepEqual(await json(await beta.call('GET', ssf.configuration_endpoint), 200), [])
})

let first
await check('a poll waits, and is answered when a token is revoked', async () => {
  const holder = await device()
  const token = await holder.token()
  const waiting = alpha.call('POST', poll, {})
  // Not by mintctl(), during which nothing is sent.
  await promisify(execFile)(join(bin, 'mintctl'), ['--admin', admin, 'tokens', 'revoke', '--jti', decodeJwt(token).jti])
  const { sets } = await json(await waiting, 200)
  assert.equal(Object.keys(sets).length, 1)
  first = Object.keys(sets)[0]
  const claims = await verified(sets[first], alpha.client_id)
  assert.equal(claims.jti, first)
  assert.deepEqual(claims.sub_id, {
    format: 'complex',
    session: { format: 'opaque', id: decodeJwt(token).jti },
    device: { format: 'iss_sub', iss: issuer, sub: holder.client_id },
  })
  assert.ok(Math.abs(claims.events[`${caep}session-revoked`].event_timestamp - Date.now() / 1000) < 60)
})

await check('it comes again until it is acknowledged, and never after', async () => {
  const again = await json(await alpha.call('POST', poll, { returnImmediately: true }), 200)
  assert.deepEqual(Object.keys(again.sets), [first])
  assert.deepEqual((await json(await alpha.call('POST', poll, { returnImmediately: true, ack: [first] }), 200)).sets, {})
  assert.deepEqual((await json(await alpha.call('POST', poll, { returnImmediately: true }), 200)).sets, {})
})

const received = []
let refusals = 2
let heard = () => {}
const receiver = createServer({ cert: readFileSync(RECEIVER_CERTIFICATE), key: readFileSync(RECEIVER_KEY) }, async (request, response) => {
  let body = ''
  for await (const part of request) body += part
  received.push({ headers: request.headers, url: request.url, body })
  response.writeHead(refusals-- > 0 ? 503 : 202).end()
  heard()
})
await new Promise((resolve) => receiver.listen(0, 'localhost', resolve))
const until = async (condition) => {
  while (!condition()) await new Promise((resolve) => { heard = resolve })
}

let pushed
await check('a service makes a stream of push, whose secret is never shown', async () => {
  const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url: `https://localhost:${receiver.address().port}/events`, authorization_header: 'Bearer s3cret' }
  pushed = await json(await alpha.call('POST', ssf.configuration_endpoint, { delivery }), 201)
  assert.ok(!JSON.stringify(pushed).includes('s3cret'))
})

await check('a receiver that fails at first gets the same verification again, with its state', async () => {
  await json(await alpha.call('POST', ssf.verification_endpoint, { stream_id: pushed.stream_id, state: 'a state' }), 204)
  await until(() => received.length >= 3)
  assert.equal(new Set(received.map(({ body }) => body)).size, 1)
  const { headers, url, body } = received[2]
  assert.equal(url, '/events')
  assert.equal(headers['content-type'], 'application/secevent+jwt')
  assert.equal(headers.authorization, 'Bearer s3cret')
  const claims = await verified(body, alpha.client_id)
  assert.deepEqual(claims.events[verification], { state: 'a state' })
  assert.deepEqual(claims.sub_id, { format: 'opaque', id: pushed.stream_id })
})

await check("a device's revocation is pushed: its sessions end, and it is not compliant", async () => {
  const lost = await device()
  await lost.token()
  mintctl('devices', 'revoke', lost.client_id)
  await until(() => received.length >= 5)
  const claims = await Promise.all(received.slice(3, 5).map(({ body }) => verified(body, alpha.client_id)))
  const of = (type) => claims.find(({ events }) => events[caep + type])
  const subject = { format: 'complex', device: { format: 'iss_sub', iss: issuer, sub: lost.client_id } }
  assert.deepEqual(of('session-revoked').sub_id, subject)
  assert.deepEqual(of('device-compliance-change').sub_id, subject)
  assert.equal(of('device-compliance-change').events[`${caep}device-compliance-change`].current_status, 'not-compliant')
})

await check('a paused stream holds what comes', async () => {
  const status = (word) => alpha.call('POST', ssf.status_endpoint, { stream_id: pushed.stream_id, status: word })
  assert.equal((await json(await status('paused'), 200)).status, 'paused')
  const holder = await device()
  mintctl('tokens', 'revoke', '--jti', decodeJwt(await holder.token()).jti)
  const { sets } = await json(await alpha.call('POST', poll, { maxEvents: 10 }), 200)
  assert.ok(Object.keys(sets).length >= 1)
  assert.equal(received.length, 5)
  await json(await status('enabled'), 200)
  await until(() => received.length >= 6)
})

await check('an endpoint inside is refused', async () => {
  const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url: 'https://169.254.169.254/latest' }
  assert.equal((await json(await alpha.call('POST', ssf.configuration_endpoint, { delivery }), 400)).code, 'ssf_endpoint_refused')
})

await check('a service that is removed is told nothing more', async () => {
  mintctl('clients', 'remove', alpha.client_id)
  await json(await alpha.call('POST', poll, { returnImmediately: true }), 401)
})

receiver.closeAllConnections?.()
receiver.close()
conclude('shared_signals')
