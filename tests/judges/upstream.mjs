// A service behind a proxy that asks the gate. It listens on two ports of its own choice, HTTP and FastCGI, prints both, and echoes what came: method,
// target as it stood in the request line, length of the body, and every header field; what ends in /broken gets no answer.
import { createServer } from 'node:http'
import { createServer as createPlainServer } from 'node:net'

const echo = (seen) => `${JSON.stringify({ upstream: true, ...seen })}\n`

const http = createServer((request, response) => {
  if (request.url.endsWith('/broken')) return request.socket.destroy()
  let octets = 0
  request.on('data', (chunk) => { octets += chunk.length })
  request.on('end', () => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(echo({ method: request.method, target: request.url, octets, fields: request.rawHeaders }))
  })
})
http.keepAliveTimeout = 60_000

// FastCGI 1.0: version, type, request id, length, padding, reserved; then the content.
const types = { endRequest: 3, params: 4, stdin: 5, stdout: 6 }
const record = (type, content) => {
  const head = Buffer.from([1, type, 0, 1, 0, 0, 0, 0])
  head.writeUInt16BE(content.length, 4)
  return Buffer.concat([head, content])
}
const parametersOf = (octets) => {
  const all = {}
  let at = 0
  const length = () => (octets[at] < 128 ? octets[at++] : (octets.readUInt32BE((at += 4) - 4) & 0x7fffffff))
  while (at < octets.length) {
    const [name, value] = [length(), length()]
    all[octets.toString('latin1', at, at + name)] = octets.toString('latin1', at + name, at + name + value)
    at += name + value
  }
  return all
}
const answer = (parameters) => {
  const fields = Object.entries(parameters).filter(([name]) => name.startsWith('HTTP_')).flatMap(([name, value]) => [name.slice(5), value])
  const text = `Content-Type: application/json\r\n\r\n${echo({ method: parameters.REQUEST_METHOD, target: parameters.REQUEST_URI, fields })}`
  return Buffer.concat([record(types.stdout, Buffer.from(text)), record(types.stdout, Buffer.alloc(0)), record(types.endRequest, Buffer.alloc(8))])
}
const fastcgi = createPlainServer((socket) => {
  let left = Buffer.alloc(0)
  let parameters = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    left = Buffer.concat([left, chunk])
    while (left.length >= 8 && left.length >= 8 + left.readUInt16BE(4) + left[6]) {
      const [type, length, padding] = [left[1], left.readUInt16BE(4), left[6]]
      const content = left.subarray(8, 8 + length)
      left = left.subarray(8 + length + padding)
      if (type === types.params) parameters = Buffer.concat([parameters, content])
      if (type === types.stdin && length === 0) socket.end(answer(parametersOf(parameters)))
    }
  })
})

http.listen(0, '127.0.0.1', () => {
  fastcgi.listen(0, '127.0.0.1', () => console.log(`${http.address().port} ${fastcgi.address().port}`))
})
