/**
 * A VPC as the flow sees it. Arrays hold what exists of what was asked for. What IAM forbids is thrown as `Denied`.
 */
export type Ec2 = {
  subnets(ids: readonly string[]): Promise<readonly Subnet[]>
  securityGroups(ids: readonly string[]): Promise<readonly SecurityGroup[]>
  /** By their own ids. */
  interfaces(ids: readonly string[]): Promise<readonly NetworkInterface[]>
  /** By their description, in which `*` stands for anything. */
  interfacesDescribed(as: string): Promise<readonly NetworkInterface[]>
  /** Without `servers`, whom the VPC asks is not looked for: that takes two calls more. */
  dns(vpc: string, more: { readonly servers: boolean }): Promise<VpcDns>
}

export type Subnet = {
  readonly id: string
  readonly vpc: string
  readonly zone: string
  readonly cidr: string
  /** Addresses that nobody has. */
  readonly free: number
}

export type SecurityGroup = {
  readonly id: string
  readonly name: string
  readonly ingress: readonly Rule[]
  readonly egress: readonly Rule[]
}

/** One permission. `protocol` is `tcp` … or `-1` for all of them; ports are 0 to 65535 where it names none. */
export type Rule = {
  readonly protocol: string
  readonly from: number
  readonly to: number
  readonly groups: readonly string[]
  /** IPv4 ranges. */
  readonly ranges: readonly string[]
  /** Lists of ranges that stand elsewhere. */
  readonly lists: readonly string[]
}

export type NetworkInterface = {
  readonly id: string
  readonly description: string
  readonly securityGroups: readonly string[]
}

export type VpcDns = {
  readonly support: boolean
  readonly hostnames: boolean
  /** `AmazonProvidedDNS`, or addresses of servers that somebody runs; undefined: not looked for. */
  readonly servers: readonly string[] | undefined
}
