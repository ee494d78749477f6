// Mutual TLS (RFC 8705) by packages that know nothing of us: `mutual_tls.mjs ISSUER CLIENT_ID CERTIFICATE KEY SERVER_CERTIFICATE SERVER_KEY`, the first pair a
// client's, the second a service's. Environment: MINT_BIN and MINT_AGENT_STATE, for mint-agent as the service's client.
import { strict as assert } from 'node:assert'
import { execFile, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const [issuer, client_id, certificateFile, keyFile, serverCertificate, serverKey] = process.argv.slice(2)
const audience = 'https://api.example'
const cert = readFileSync(certificateFile)
const key = readFileSync(keyFile)
const ca = readFileSync(process.env.NODE_EXTRA_CA_CERTS)
const thumbprintOf = (der) => createHash('sha256').update(der).digest('base64url')

// fetch with a client's certificate.
const byTls = (url, { method, headers, body }) =>
  new Promise((resolve, reject) => {
    const asked = httpsRequest(url, { method, headers: Object.fromEntries(new Headers(headers)), cert, key, ca, agent: false }, (answer) => {
      const pieces = []
      answer.on('data', (piece) => pieces.push(piece))
      answer.on('end', () => resolve(new Response(Buffer.concat(pieces), { status: answer.statusCode, headers: answer.headers })))
    })
    asked.on('error', reject)
    asked.end(body?.toString())
  })

let passed = 0
async function check(sentence, body) {
  await body().catch((error) => {
    console.log(`FAILED: ${sentence}`)
    throw error
  })
  passed += 1
  console.log(`ok: ${sentence}`)
}

const url = new URL(issuer)
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2' }))
const keys = createRemoteJWKSet(new URL(as.jwks_uri))
const claimsOf = async (token) => (await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })).payload
const own = thumbprintOf(new X509Certificate(cert).raw)

await check('oauth4webapi gets a token bound to its certificate', async () => {
  const client = { client_id }
  const answer = await oauth.processClientCredentialsResponse(
    as, client,
    await oauth.clientCredentialsGrantRequest(as, client, oauth.TlsClientAuth(), new URLSearchParams({ resource: audience }), { [oauth.customFetch]: byTls }))
  assert.equal(answer.token_type, 'bearer')
  assert.deepEqual((await claimsOf(answer.access_token)).cnf, { 'x5t#S256': own })
})

await check('openid-client gets one', async () => {
  const client = await openid.discovery(url, client_id, undefined, openid.TlsClientAuth(), { algorithm: 'oauth2', [openid.customFetch]: byTls })
  const answer = await openid.clientCredentialsGrant(client, { resource: audience })
  assert.deepEqual((await claimsOf(answer.access_token)).cnf, { 'x5t#S256': own })
})

// RFC 8705 §3: the service compares the token's thumbprint with the certificate of the connection.
const service = createServer(
  { cert: readFileSync(serverCertificate), key: readFileSync(serverKey), requestCert: true, rejectUnauthorized: false },
  async (called, answer) => {
    const [scheme, token] = (called.headers.authorization ?? '').split(' ')
    const shown = called.socket.getPeerCertificate().raw
    const claims = await claimsOf(token).catch(() => null)
    const good = scheme === 'Bearer' && shown && claims?.cnf['x5t#S256'] === thumbprintOf(shown)
    answer.writeHead(good ? 200 : 401).end(good ? `${claims.key_protection}\n` : 'no\n')
  })
await new Promise((listening) => service.listen(0, '127.0.0.1', listening))
const place = `https://localhost:${service.address().port}/things`
const agent = (...words) => promisify(execFile)(`${process.env.MINT_BIN}/mint-agent`, ['--state', process.env.MINT_AGENT_STATE, ...words])

await check('a service takes what mint-agent calls it with, by a key in hardware', async () => {
  assert.equal((await agent('curl', '--mtls', '--audience', audience, place)).stdout, 'hardware\n')
})

await check('and not that token over a connection with another certificate', async () => {
  const token = (await agent('token', '--mtls', '--audience', audience)).stdout.trim()
  const answer = await byTls(place, { method: 'GET', headers: { authorization: `Bearer ${token}` } })
  assert.equal(answer.status, 401)
})

// Each handshake is one signature of the device key; a request has none.
await check('mint-agent serve calls it many times over one connection', async () => {
  const directory = mkdtempSync(`${tmpdir()}/mtls-`)
  writeFileSync(`${directory}/agent.json`, JSON.stringify({
    socket: { path: 'agent.sock' },
    destinations: [{ url: new URL(place).origin, audience, mtls: true }],
    users: [{ user: String(process.getuid()), grants: [{ audience, scopes: ['read'] }] }],
    limits: { threads: 1 }
  }))
  const served = spawn(`${process.env.MINT_BIN}/mint-agent`, ['--state', process.env.MINT_AGENT_STATE, 'serve', '--config', `${directory}/agent.json`], { stdio: 'ignore' })
  const ask = (host, path) =>
    new Promise((resolve, reject) => {
      httpRequest({ socketPath: `${directory}/agent.sock`, path, headers: { host }, agent: false }, (answer) => {
        const pieces = []
        answer.on('data', (piece) => pieces.push(piece))
        answer.on('end', () => resolve(Buffer.concat(pieces).toString()))
      }).on('error', reject).end()
    })
  try {
    for (let tries = 0; ; tries += 1) {
      const there = await ask('localhost', '/healthz').catch(() => null)
      if (there !== null) break
      assert.ok(tries < 200, 'mint-agent serve is not there')
      await new Promise((later) => setTimeout(later, 50))
    }
    let handshakes = 0
    service.on('secureConnection', () => { handshakes += 1 })
    for (let call = 0; call < 5; call += 1) assert.equal(await ask(new URL(place).host, '/things'), 'hardware\n')
    assert.equal(handshakes, 1)
  } finally {
    const ended = new Promise((resolve) => served.once('exit', resolve))
    served.kill()
    await ended
  }
})

service.close()
console.log(`mutual_tls: ${passed} passed`)
process.exit(0)
