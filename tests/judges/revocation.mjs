// Introspection and revocation as packages that know OAuth and nothing of us do them: `revocationScenarios(client)`.
//
// A client is as scenarios.mjs has it, with introspect({ as, client_id, key, token }), which gives RFC 7662's answer, and revoke({ as, client_id, key, token });
// both throw a Refusal where the issuer refuses.
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, newPair, refused } from './scenarios.mjs'

const { MINT_ADMIN: admin, MINT_BIN: bin } = process.env
const audience = 'https://api.example'

function mintctl(...words) {
  return execFileSync(join(bin, 'mintctl'), ['--admin', admin, ...words], { encoding: 'utf8' }).trim()
}

// As an operator does it.
export async function service(of_audience, ...roles) {
  const key = await newPair()
  const directory = mkdtempSync(join(tmpdir(), 'mintmark-service-'))
  try {
    const file = join(directory, 'key.jwk')
    writeFileSync(file, JSON.stringify(key.jwk))
    const client_id = mintctl('clients', 'add', '--jwk', file, '--audience', of_audience, ...roles.flatMap((role) => ['--role', role]), '--name', 'a judge')
    return { key, client_id }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

// An assertion alone is taken from six seconds after the issuer's start on: one from before may have been used.
async function atTheDoor(knock) {
  for (const end = Date.now() + 20_000; ; await new Promise((later) => setTimeout(later, 50))) {
    try {
      return await knock()
    } catch (refusal) {
      if (Date.now() > end || !String(refusal.message).includes('assertion_before_start')) throw refusal
    }
  }
}

export async function revocationScenarios(client, { as, client_id, device, ask }) {
  const api = await service(audience, 'introspect', 'events')
  const other = await service('https://other.example', 'introspect')
  const holder = { as, client_id, key: device }
  const told = (whom, token) => client.introspect({ as, client_id: whom.client_id, key: whom.key, token })
  await atTheDoor(() => told(api, 'none'))

  await check('the metadata say where to introspect and revoke, and how to authenticate there', () => {
    assert.ok(as.introspection_endpoint.startsWith(as.issuer) && as.revocation_endpoint.startsWith(as.issuer))
    assert.deepEqual(as.introspection_endpoint_auth_methods_supported, ['private_key_jwt'])
    assert.ok(as.revocation_endpoint_auth_methods_supported.includes('private_key_jwt'))
    assert.ok(as.introspection_signing_alg_values_supported.includes('ES256'))
  })

  await check('a service is told of a token for it', async () => {
    const { access_token } = await ask()
    const answer = await told(api, access_token)
    assert.equal(answer.active, true)
    assert.equal(answer.client_id, client_id)
    assert.equal(answer.sub, client_id)
    assert.equal(answer.aud, audience)
    assert.equal(answer.scope, 'read')
    assert.equal(answer.iss, as.issuer)
    assert.equal(answer.token_type, 'DPoP')
    assert.equal(answer.cnf.jkt, device.jkt)
    assert.ok(answer.exp > answer.iat)
  })

  await check('another service is told that it is not active, and nothing else', async () => {
    const { access_token } = await ask()
    assert.deepEqual(await told(other, access_token), { active: false })
    assert.deepEqual(await told(api, `${access_token}x`), { active: false })
  })

  await check('introspect, revoke, introspect again: not active any more', async () => {
    const { access_token } = await ask()
    assert.equal((await told(api, access_token)).active, true)
    await client.revoke({ ...holder, token: access_token })
    assert.deepEqual(await told(api, access_token), { active: false })
    await client.revoke({ ...holder, token: access_token })
    await client.revoke({ ...holder, token: 'what nobody issued' })
  })

  await check('a token that another client revokes stays active', async () => {
    const { access_token } = await ask()
    await refused(client.revoke({ as, ...api, token: access_token }), 403, 'unauthorized_client', 'revoked_token_foreign')
    assert.equal((await told(api, access_token)).active, true)
  })

  await check('a device asks about no token, and a stranger neither', async () => {
    const { access_token } = await ask()
    await refused(client.introspect({ ...holder, token: access_token }), 401, 'invalid_client', 'service_unknown')
    await refused(client.introspect({ as, client_id: api.client_id, key: await newPair(), token: access_token }), 401, 'invalid_client', 'assertion_signature')
  })

  await check('a service gets a token for the issuer itself', async () => {
    const answer = await client.ask({ as, ...api, dpop: client.handle(api.key), parameters: { resource: as.issuer, scope: 'events' } })
    assert.equal(answer.scope, 'events')
    assert.ok(answer.expires_in <= 300)
    const asking = client.ask({ as, ...api, dpop: client.handle(api.key), parameters: { resource: audience } })
    await refused(asking, 400, 'invalid_target', 'service_audience')
    const without = client.ask({ as, ...other, dpop: client.handle(other.key), parameters: {} })
    await refused(without, 403, 'unauthorized_client', 'service_role')
  })

  await check('a service that was removed is told nothing', async () => {
    const { access_token } = await ask()
    mintctl('clients', 'remove', other.client_id)
    await refused(told(other, access_token), 401, 'invalid_client', 'service_unknown')
  })
  return { api }
}
