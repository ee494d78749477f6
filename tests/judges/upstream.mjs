// A service behind a proxy that asks the gate. It listens on a port of its own choice, prints it, and echoes what came: method, target as it
// stood in the request line, and every header field; what ends in /broken gets no answer.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  if (request.url.endsWith('/broken')) return request.socket.destroy()
  request.resume()
  request.on('end', () => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(`${JSON.stringify({ upstream: true, method: request.method, target: request.url, fields: request.rawHeaders })}\n`)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
