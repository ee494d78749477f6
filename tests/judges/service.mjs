// A service that knows the issuer only by its metadata: `service.mjs CERTIFICATE KEY ISSUER AUDIENCE [NONCE]`. It listens on a port of its own choice, prints its URL,
// and tells who called, or 401 with why not; the npm package oauth4webapi judges token and proof. With NONCE it asks for a proof that bears it (RFC 9449 §9).
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'

const [certificate, key, issuer, audience, nonce] = process.argv.slice(2)
const url = new URL(issuer)
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2' }))

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  let status = 200
  let body
  let error = 'invalid_token'
  try {
    const called = new Request(`https://localhost:${server.address().port}${request.url}`, { method: request.method, headers: request.headers })
    const claims = await oauth.validateJwtAccessToken(as, called, audience, { requireDPoP: true })
    if (nonce !== undefined && decodeJwt(request.headers.dpop).nonce !== nonce) {
      error = 'use_dpop_nonce'
      throw new Error('the proof does not bear the nonce')
    }
    body = { caller: claims.sub, scope: claims.scope, method: request.method }
  } catch (wrong) {
    status = 401
    body = { error, error_description: wrong.message }
  }
  response.writeHead(status, { 'Content-Type': 'application/json', ...(status === 401 && { 'WWW-Authenticate': `DPoP error="${error}"` }), ...(nonce !== undefined && { 'DPoP-Nonce': nonce }) })
  response.end(`${JSON.stringify(body)}\n`)
})
server.listen(0, '127.0.0.1', () => console.log(`https://localhost:${server.address().port}`))
