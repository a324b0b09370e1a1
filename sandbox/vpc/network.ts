/** Who answers at which private address: 10.0.x.y:port leads to a loopback port, names lead to addresses. */
export function makeNetwork(): Network {
  const names = new Map<string, string>()
  const aliases = new Map<string, string>()
  const ports = new Map<string, number>()
  const subnets = new Map<string, { readonly index: number; next: number }>()
  const lookups: ((name: string) => readonly string[] | undefined)[] = []
  const network: Network = {
    newAddress: subnetId => newAddress(subnets, subnetId),
    publishName: (name, address) => void names.set(name.toLowerCase(), address),
    publishAlias: (name, of) => void aliases.set(name.toLowerCase(), of.toLowerCase()),
    aliasOf: name => aliases.get(name.toLowerCase()),
    onLookup: lookup => void lookups.push(lookup),
    publish: (address, port, loopback) => {
      ports.set(`${address}:${port}`, loopback)
      return () => void ports.delete(`${address}:${port}`)
    },
    resolve: name => {
      const alias = aliases.get(name.toLowerCase())
      if (alias) return network.resolve(alias)
      const fixed = names.get(name.toLowerCase())
      if (fixed) return [fixed]
      for (const lookup of lookups) {
        const found = lookup(name.toLowerCase())
        if (found) return found
      }
      return undefined
    },
    allows: () => true,
    addressOf: () => undefined,
    route: asked => route(network, ports, asked),
  }
  return network
}

export type Network = {
  /** The next free address of a subnet; a subnet gets its range when it is first named. */
  newAddress(subnetId: string): string
  publishName(name: string, address: string): void
  /** A CNAME. */
  publishAlias(name: string, of: string): void
  aliasOf(name: string): string | undefined
  /** Adds a source of names, such as Cloud Map; undefined means that it does not know the name. */
  onLookup(lookup: (name: string) => readonly string[] | undefined): void
  /** Opens a port; the answer closes it. */
  publish(address: string, port: number, loopback: number): () => void
  resolve(name: string): readonly string[] | undefined
  /** Where security groups decide: may `source` (a task, an App Runner service, a runner) reach this address? */
  allows: (asked: { readonly source: string; readonly address: string; readonly port: number }) => boolean
  /** The private address of a source, where it has one. */
  addressOf: (source: string) => string | undefined
  route(asked: { readonly host: string; readonly port: number; readonly source: string }): Route
}

export type Route =
  /** `from`: the loopback address that stands for the private address of the source. */
  | { readonly port: number; readonly from?: string }
  | { readonly error: 'ENOTFOUND' | 'ECONNREFUSED' | 'ETIMEDOUT'; readonly address?: string }

function route(
  network: Network,
  ports: ReadonlyMap<string, number>,
  asked: { host: string; port: number; source: string },
): Route {
  const addresses = isAddress(asked.host) ? [asked.host] : network.resolve(asked.host)
  const address = addresses?.[Math.floor(Math.random() * addresses.length)]
  if (address === undefined) return { error: 'ENOTFOUND' }
  if (!network.allows({ source: asked.source, address, port: asked.port }))
    return { error: 'ETIMEDOUT', address }
  const port = ports.get(`${address}:${asked.port}`)
  if (port === undefined) return { error: 'ECONNREFUSED', address }
  const own = network.addressOf(asked.source)
  return own === undefined ? { port } : { port, from: own.replace(/^10\./, '127.') }
}

const isAddress = (host: string) => /^\d+\.\d+\.\d+\.\d+$/.test(host)

function newAddress(
  subnets: Map<string, { readonly index: number; next: number }>,
  subnetId: string,
): string {
  const subnet = subnets.get(subnetId) ?? { index: 11 + subnets.size, next: 20 }
  subnets.set(subnetId, subnet)
  subnet.next = subnet.next === 250 ? 20 : subnet.next + 1
  return `10.0.${subnet.index}.${subnet.next}`
}
