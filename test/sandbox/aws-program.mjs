// A small container for tests: answers on SANDBOX_LISTEN, fetches for others from inside the VPC, ends on SIGTERM.
import { lookup } from 'node:dns/promises'
import { createServer } from 'node:http'

const [host, port] = process.env.SANDBOX_LISTEN.split(':')
console.log(`starting as ${process.env.NAME} with secret of ${process.env.SECRET?.length ?? 0} characters`)
if (process.env.EXIT) process.exit(Number(process.env.EXIT))

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://self')
  try {
    response.end(await answer(url))
  } catch (error) {
    const cause = error.cause ?? error
    response.writeHead(502).end(`${cause.code} ${cause.message}`)
  }
})

async function answer(url) {
  if (url.pathname === '/fetch') return (await fetch(url.searchParams.get('url'))).text()
  if (url.pathname === '/lookup') return (await lookup(url.searchParams.get('name'))).address
  return `${process.env.NAME}\n`
}

server.listen(Number(port), host)
process.on('SIGTERM', () => {
  console.log('stopping')
  process.exit(0)
})
