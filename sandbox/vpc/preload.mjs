// Gives a Node process a place inside the sandbox's VPC: names and 10.0.x.y addresses lead to the loopback ports
// that the sandbox says, asked at every connect. Loaded with --import; SANDBOX_VPC is the sandbox's endpoint,
// SANDBOX_SOURCE says who asks. SANDBOX_MOUNT is a file system
// at a path of the container: fs.promises leads to its folder, with the owners that an NFS server would tell.
// SANDBOX_TIME makes its pauses those of the sandbox's clock, which waits while the process does anything else.
import dns from 'node:dns'
import fs from 'node:fs'
import http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { isIP, Socket } from 'node:net'
import { join, relative, resolve as resolvePath } from 'node:path'
import timers from 'node:timers/promises'
import './end-with-parent.mjs'

const endpoint = process.env.SANDBOX_VPC
const source = process.env.SANDBOX_SOURCE ?? 'runner'

if (endpoint) {
  patchLookup()
  patchConnect()
}
if (process.env.SANDBOX_TIME) patchTime(process.env.SANDBOX_TIME)
if (process.env.SANDBOX_MOUNT) patchFiles(JSON.parse(process.env.SANDBOX_MOUNT))

function patchLookup() {
  const lookup = dns.lookup
  const lookupPromise = dns.promises.lookup
  dns.lookup = (name, options, callback) => {
    const done = callback ?? options
    const wanted = typeof options === 'object' ? options : {}
    if (isOutside(name)) return lookup(name, wanted, done)
    resolve(name).then(
      addresses => (wanted.all ? done(null, addresses) : done(null, addresses[0].address, 4)),
      error => done(error),
    )
  }
  dns.promises.lookup = async (name, options) => {
    if (isOutside(name)) return lookupPromise(name, options)
    const addresses = await resolve(name)
    return options?.all ? addresses : addresses[0]
  }
  dns.promises.Resolver.prototype.resolveCname = async name => {
    const { alias } = await ask('resolve', { name })
    if (!alias) throw failure('ENODATA', { syscall: 'queryCname', hostname: name })
    return [alias]
  }
}

async function resolve(name) {
  const { addresses } = await ask('resolve', { name })
  if (!addresses?.length) throw failure('ENOTFOUND', { syscall: 'getaddrinfo', hostname: name })
  return addresses.map(address => ({ address, family: 4 }))
}

function patchConnect() {
  const connect = Socket.prototype.connect
  Socket.prototype.connect = function (...given) {
    // net.connect() hands over its already normalised arguments as one array.
    const [first, second, third] = Array.isArray(given[0]) ? given[0] : given
    const options = typeof first === 'object' && first !== null ? first : { port: first, host: second }
    const listener = [second, third].find(argument => typeof argument === 'function')
    const host = typeof options.host === 'string' ? options.host : 'localhost'
    if (options.path || isOutside(host)) return connect.apply(this, given)
    if (listener) this.once('connect', listener)
    // Until the sandbox has answered, what is written has to wait as it does while connecting.
    this.connecting = true
    ask('route', { host, port: options.port, source }).then(
      answer => {
        if (this.destroyed) return
        if (answer.error) this.destroy(refusal(answer, host, options.port))
        else
          connect.call(this, {
            ...options,
            host: '127.0.0.1',
            port: answer.port,
            lookup: undefined,
            ...(answer.from && { localAddress: answer.from }),
          })
      },
      error => this.destroy(error),
    )
    return this
  }
}

function patchFiles(mount) {
  const files = fs.promises
  const below = path => {
    const rest = typeof path === 'string' ? relative(mount.path, resolvePath(path)) : '..'
    return rest.startsWith('..') ? undefined : rest
  }
  const ownerOf = rest => {
    const named = Object.keys(mount.owners).filter(
      of => of === '' || rest === of || rest.startsWith(`${of}/`),
    )
    // What ClickHouse has made is its own: uid and gid 101 in its image.
    return mount.owners[named.sort((a, b) => b.length - a.length)[0]] ?? { uid: 101, gid: 101 }
  }
  for (const name of ['stat', 'lstat']) {
    const real = files[name].bind(files)
    files[name] = async (path, options) => {
      const rest = below(path)
      if (rest === undefined) return real(path, options)
      const found = await real(join(mount.folder, rest), options)
      return found === undefined ? found : Object.assign(found, ownerOf(rest))
    }
  }
  for (const name of ['readdir', 'readFile', 'access']) {
    const real = files[name].bind(files)
    files[name] = (path, options) => {
      const rest = below(path)
      return real(rest === undefined ? path : join(mount.folder, rest), options)
    }
  }
  const statfs = files.statfs.bind(files)
  // EFS calls itself 8 EiB large, whatever is on it.
  files.statfs = async (path, options) =>
    below(path) === undefined
      ? statfs(path, options)
      : { type: 0x6969, bsize: 1048576, blocks: 2 ** 43, bfree: 2 ** 43, bavail: 2 ** 43, files: 0, ffree: 0 }
  for (const name of ['writeFile', 'mkdir', 'rm', 'unlink', 'rename', 'chown', 'open']) {
    const real = files[name].bind(files)
    files[name] = (path, ...rest) => {
      const inside = below(path)
      if (inside === undefined) return real(path, ...rest)
      if (mount.readOnly)
        return Promise.reject(failure('EROFS', { path }, `EROFS: read-only file system, ${name} '${path}'`))
      return real(join(mount.folder, inside), ...rest)
    }
  }
}

/** Only pauses: limits of connections and the like stay what they are in real time. */
function patchTime(time) {
  const now = Date.now
  let ahead = 0
  Date.now = () => now() + Math.round(ahead)
  timers.setTimeout = async (milliseconds = 1, value = undefined, { signal } = {}) => {
    signal?.throwIfAborted()
    const begun = Date.now()
    const { slept = 0 } = await get(`${time}&sleep=${milliseconds / 1000}`, signal)
    // Pauses beside each other pass together.
    ahead = Math.max(ahead, begun + Math.max(milliseconds, slept) - now())
    return value
  }
  syncBuiltinESMExports()
}

function isOutside(host) {
  return host === 'localhost' || host === '::1' || (isIP(host) !== 0 && !host.startsWith('10.0.'))
}

function refusal(answer, host, port) {
  if (answer.error === 'ENOTFOUND')
    return failure('ENOTFOUND', { syscall: 'getaddrinfo', hostname: host }, `getaddrinfo ENOTFOUND ${host}`)
  const address = answer.address ?? host
  return failure(
    answer.error,
    { syscall: 'connect', address, port },
    `connect ${answer.error} ${address}:${port}`,
  )
}

function failure(code, details, message = `${details.syscall} ${code} ${details.hostname ?? ''}`) {
  return Object.assign(new Error(message), { code, errno: code === 'ENOTFOUND' ? -3008 : -111, ...details })
}

function ask(question, query) {
  return get(`${endpoint}/_sandbox/${question}?${new URLSearchParams(query)}`)
}

function get(url, signal) {
  return new Promise((done, fail) => {
    const request = http.get(url, { agent: false, signal }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        body += chunk
      })
      response.on('end', () => {
        try {
          done(JSON.parse(body))
        } catch (error) {
          fail(error)
        }
      })
    })
    request.on('error', fail)
  })
}
