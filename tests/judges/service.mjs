// A service that knows the issuer only by its metadata: `service.mjs CERTIFICATE KEY ISSUER AUDIENCE`. It listens on a port of its own choice, prints its URL,
// and tells who called, or 401 with why not; the npm package oauth4webapi judges token and proof.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import * as oauth from 'oauth4webapi'

const [certificate, key, issuer, audience] = process.argv.slice(2)
const url = new URL(issuer)
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2' }))

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  let status = 200
  let body
  try {
    const called = new Request(`https://localhost:${server.address().port}${request.url}`, { method: request.method, headers: request.headers })
    const claims = await oauth.validateJwtAccessToken(as, called, audience, { requireDPoP: true })
    body = { caller: claims.sub, scope: claims.scope, method: request.method }
  } catch (error) {
    status = 401
    body = { error: 'invalid_token', error_description: error.message }
  }
  response.writeHead(status, { 'Content-Type': 'application/json', ...(status === 401 && { 'WWW-Authenticate': 'DPoP error="invalid_token"' }) })
  response.end(`${JSON.stringify(body)}\n`)
})
server.listen(0, '127.0.0.1', () => console.log(`https://localhost:${server.address().port}`))
