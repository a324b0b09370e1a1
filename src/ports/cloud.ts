/**
 * AWS as the flow sees it: only what is used, in our own shapes. The adapters translate; nothing right of
 * them knows a member name of the SDK. Arrays are complete (all pages), times are epoch milliseconds.
 */
export type Cloud = {
  readonly region: string
  readonly ecs: Ecs
  readonly appRunner: AppRunner
  readonly ec2: Ec2
  readonly efs: Efs
  readonly cloudMap: CloudMap
  readonly ecr: Ecr
  readonly logs: Logs
  readonly aurora: Aurora
  readonly backup: Backup
}

/** A percentage pair as ECS counts it, and its circuit breaker. */
export type DeploymentSettings = {
  readonly minimumHealthyPercent: number
  readonly maximumPercent: number
  readonly circuitBreaker: { readonly enable: boolean; readonly rollback: boolean }
  /** Everything else that ECS described (alarms, bake time …): repeated when the settings are changed. */
  readonly rest?: Readonly<Record<string, unknown>>
}

export type EcsDeployment = {
  readonly id: string
  readonly status: string
  readonly rolloutState: string | undefined
  readonly rolloutStateReason: string | undefined
  readonly taskDefinition: string
  readonly desiredCount: number
  readonly runningCount: number
  readonly failedTasks: number
}

export type EcsService = {
  readonly arn: string
  readonly name: string
  readonly cluster: string
  readonly status: string
  readonly taskDefinition: string
  readonly desiredCount: number
  readonly runningCount: number
  readonly pendingCount: number
  readonly settings: DeploymentSettings
  readonly deployments: readonly EcsDeployment[]
  /** Newest first. */
  readonly events: readonly { readonly at: number; readonly message: string }[]
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
  readonly assignPublicIp: boolean
  /** ARNs of the Cloud Map services that its tasks register in. */
  readonly registries: readonly string[]
  /** ARN for DescribeServiceDeployments, when ECS says one. */
  readonly serviceDeployment: string | undefined
  /** Capacity providers by name; empty when the service says a launch type instead. */
  readonly capacityProviders?: readonly string[]
  /** ECS may move a task to another availability zone, the new one first. */
  readonly rebalancing?: boolean
}

export type EfsVolume = {
  readonly name: string
  readonly fileSystemId: string
  readonly rootDirectory: string
  readonly accessPointId: string | undefined
  /** TLS between the task and EFS. */
  readonly encrypted?: boolean
  /** It is mounted as the task role; else as nobody in particular. */
  readonly iam?: boolean
}

export type Container = {
  readonly name: string
  readonly image: string
  readonly essential: boolean
  readonly environment: Readonly<Record<string, string>>
  /** Name to the ARN it is read from; never a value. */
  readonly secrets: Readonly<Record<string, string>>
  /** How many files in S3 it reads more variables from. */
  readonly environmentFiles?: number
  /** MiB it may use: its own limit, else the task's. */
  readonly memory?: number | undefined
  /** Where the task's volumes are in it. */
  readonly mounts?: readonly { readonly volume: string; readonly path: string }[]
  /** As whom it runs, where the task definition says it. */
  readonly user?: string | undefined
  readonly logGroup: string | undefined
  readonly logStreamPrefix: string | undefined
  /** undefined: it has none of its own. */
  readonly healthCheck?: ContainerHealthCheck | undefined
  /** Seconds between SIGTERM and SIGKILL; undefined: Fargate's 30. */
  readonly stopTimeout?: number | undefined
  /** Soft limit of open files, where it is set. */
  readonly openFiles?: number | undefined
}

/** Seconds and counts, with ECS's defaults filled in. */
export type ContainerHealthCheck = {
  readonly interval: number
  readonly retries: number
  readonly startPeriod: number
}

export type TaskDefinition = {
  readonly arn: string
  readonly family: string
  readonly revision: number
  readonly containers: readonly Container[]
  readonly volumes: readonly EfsVolume[]
  readonly architecture: string
  /** ARN of the role that its containers have. */
  readonly taskRole?: string | undefined
  /** What it says, by member. */
  readonly content?: TaskContent
  /** Exactly what ECS described, to register a copy from; opaque to everybody but the adapter. */
  readonly source: unknown
}

/** `task`: of the whole, without what ECS adds to every revision. `containers`: by name, all of them. */
export type TaskContent = {
  readonly task: Readonly<Record<string, unknown>>
  readonly containers: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export type EcsTask = {
  readonly arn: string
  readonly id: string
  readonly taskDefinition: string
  readonly lastStatus: string
  readonly healthStatus: string
  readonly address: string | undefined
  readonly subnet: string | undefined
  readonly startedBy: string | undefined
  readonly stopCode: string | undefined
  /** Epoch milliseconds by AWS's clock. */
  readonly stoppedAt?: number | undefined
  readonly stoppedReason: string | undefined
  readonly containers: readonly {
    readonly name: string
    readonly image: string
    readonly digest: string | undefined
    readonly exitCode: number | undefined
    readonly reason: string | undefined
  }[]
}

export type ServiceDeployment = {
  readonly arn: string
  readonly status: string
  readonly statusReason: string | undefined
  /** Tasks of the revision that it brings, when ECS counts them. */
  readonly tasks: { readonly wanted: number; readonly running: number; readonly pending: number } | undefined
  /** Running tasks of the revisions that it replaces. */
  readonly olderRunning: number
  readonly breaker:
    | { readonly status: string; readonly failures: number; readonly threshold: number }
    | undefined
}

/** ECS Express Mode over one of its services. `container` is what ECS described, to be repeated whole. */
export type ExpressService = {
  readonly arn: string
  /** Public URL, when it has a public ingress. */
  readonly url: string | undefined
  readonly container: unknown
}

export type Ecs = {
  /** undefined when the service is not one of Express Mode. */
  expressService(arn: string): Promise<ExpressService | undefined>
  /** Repeats the whole primary container with another image. */
  updateExpress(service: ExpressService, image: string): Promise<void>
  /** undefined when the service does not exist (or is INACTIVE); throws a RolloutError when the cluster does not. */
  service(cluster: string, name: string): Promise<EcsService | undefined>
  taskDefinition(arn: string): Promise<TaskDefinition>
  tasks(cluster: string, service: string, status: 'RUNNING' | 'STOPPED'): Promise<readonly EcsTask[]>
  /** undefined when ECS or the caller's IAM policy cannot say. */
  serviceDeployment(arn: string): Promise<ServiceDeployment | undefined>
  /** Registers a copy of `base` in which one container's image is different and nothing else. */
  registerWithImage(base: TaskDefinition, container: string, image: string): Promise<string>
  /** Tells ECS to stop the deployment under way and to go back to the tasks before it. */
  stopDeployment(cluster: string, service: string): Promise<void>
  /** Changes what is given, nothing else, and returns the id of the deployment that is PRIMARY afterwards. */
  updateService(change: ServiceChange): Promise<{ readonly deploymentId: string }>
} & EcsTasks

/** One-off tasks beside the services. */
export type EcsTasks = {
  /** Registers a task definition of one container that stands where `base` stands; returns its ARN. */
  registerDerived(base: TaskDefinition, derived: DerivedTask): Promise<string>
  /** Bytes that the same would have on the wire: ECS takes 64 KiB. */
  sizeOfDerived(base: TaskDefinition, derived: DerivedTask): number
  deregister(taskDefinition: string): Promise<void>
  /** The active revisions of a family that carry a tag; empty when the caller's IAM policy cannot say. */
  activeRevisions(family: string, tag: string): Promise<readonly Revision[]>
  runTask(request: TaskRequest): Promise<EcsTask>
  /** undefined when ECS does not know the task (yet, or no more: it forgets stopped ones after about an hour). */
  task(cluster: string, arn: string): Promise<EcsTask | undefined>
  stopTask(cluster: string, arn: string, reason: string): Promise<void>
  /** One-off tasks that have not stopped yet, also those that were told to. */
  tasksStartedBy(
    cluster: string,
    from: { readonly family: string; readonly startedBy: string },
  ): Promise<readonly EcsTask[]>
}

type Revision = {
  readonly arn: string
  /** The value of the tag that was asked for. */
  readonly tag: string
  /** Epoch milliseconds by AWS's clock. */
  readonly registeredAt: number | undefined
}

/** What differs from the task definition that it is derived from; roles, size and log configuration are taken over. */
export type DerivedTask = {
  readonly family: string
  /** The container of the base whose log configuration and registry credentials are taken over. */
  readonly from: string
  readonly name: string
  readonly image: string
  /** Instead of the image's own. */
  readonly entryPoint?: readonly string[]
  /** Of the entry point. */
  readonly command: readonly string[]
  readonly architecture: 'X86_64' | 'ARM64'
  readonly environment: Readonly<Record<string, string>>
  /** Name to ARN. */
  readonly secrets: Readonly<Record<string, string>>
  /** A volume of another task definition, mounted read-only as that one mounts it: with its task role. */
  readonly mount?: DerivedMount
  /** Added to the base's own. */
  readonly tags: Readonly<Record<string, string>>
}

type DerivedMount = {
  readonly of: TaskDefinition
  readonly volume: string
  /** In the container. */
  readonly path: string
  /** As whom the container runs, `uid:gid`. */
  readonly user: string
}

/** One Fargate task. The same `clientToken` with the same order gives the same task, however often it is asked for. */
export type TaskRequest = {
  readonly cluster: string
  readonly taskDefinition: string
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
  readonly assignPublicIp: boolean
  /** At most 128 letters, digits, `-`, `/` and `_`. */
  readonly startedBy: string
  /** At most 64 characters. */
  readonly clientToken: string
}

export type ServiceChange = {
  readonly cluster: string
  readonly service: string
  readonly taskDefinition?: string
  readonly settings?: DeploymentSettings
  /** Starts new tasks although nothing else changes. */
  readonly force?: boolean
}

export type AppRunnerService = {
  readonly arn: string
  readonly name: string
  readonly url: string
  readonly status: string
  readonly image: string
  readonly automaticDeployments: boolean
  readonly healthCheck: {
    readonly protocol: string
    readonly path: string
    /** Seconds, and how many failures in a row end it. */
    readonly interval?: number
    readonly unhealthyThreshold?: number
  }
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** MiB of an instance. */
  readonly memory?: number | undefined
  /** ARN; undefined: what it sends goes to the internet and not into the VPC. */
  readonly vpcConnector?: string | undefined
  /** What else is set, by name: size, health check, ways in and out, scaling. */
  readonly settings?: Readonly<Record<string, string>>
  /** The whole source configuration as App Runner described it; opaque to everybody but the adapter. */
  readonly source: unknown
}

type VpcConnector = {
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
}

export type AppRunnerOperation = {
  readonly id: string
  readonly type: string
  readonly status: string
  /** Epoch milliseconds by AWS's clock. */
  readonly startedAt?: number | undefined
}

export type AppRunner = {
  /** undefined when there is no service of that name. */
  service(name: string): Promise<AppRunnerService | undefined>
  describe(arn: string): Promise<AppRunnerService>
  /** Where in the VPC a service sends from; undefined when there is no such connector. */
  vpcConnector(arn: string): Promise<VpcConnector | undefined>
  /** All pages, newest first. */
  /** Newest first; with `until`, no page after the one that has the operation of that id. */
  operations(arn: string, until?: string): Promise<readonly AppRunnerOperation[]>
  /**
   * Repeats the whole source configuration with another image; returns the operation to follow. Throws Busy when
   * App Runner takes no update now.
   */
  updateImage(service: AppRunnerService, image: string): Promise<{ readonly operationId: string }>
}

export type MountTarget = {
  readonly id: string
  readonly subnet: string
  readonly zone: string
  readonly address: string
  readonly state: string
  readonly networkInterface?: string | undefined
  readonly vpc?: string | undefined
}

export type AccessPoint = {
  readonly id: string
  readonly arn: string
  readonly fileSystem: string
  readonly state: string
  readonly path: string
  /** As whom everything is done through it; undefined: as who does it. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
  /** Whose the root directory becomes when it does not exist yet; undefined: it has to exist. */
  readonly creation: { readonly uid: number; readonly gid: number; readonly permissions: string } | undefined
}

export type Efs = {
  /** undefined when there is no such file system. */
  fileSystem(
    id: string,
  ): Promise<
    { readonly id: string; readonly state: string; readonly mountTargets: readonly MountTarget[] } | undefined
  >
  /** The file-system policy as JSON; undefined when it has none, so that everybody who reaches it may do everything. */
  policy(fileSystem: string): Promise<string | undefined>
  /** undefined when there is no such access point. */
  accessPoint(id: string): Promise<AccessPoint | undefined>
}

type CloudMapInstance = {
  readonly id: string
  readonly address: string | undefined
  readonly health: string
}

export type CloudMapService = {
  readonly name: string
  readonly instances: readonly CloudMapInstance[]
  /** How its name is answered; empty: only through Cloud Map's own API. */
  readonly records?: readonly { readonly type: string; readonly ttl: number }[]
  /** ECS tells it whether a task is healthy. */
  readonly customHealth?: boolean
}

export type CloudMap = {
  /** `arn` as in a service's registries. */
  service(arn: string): Promise<CloudMapService>
}

export type EcrImage = {
  readonly digest: string
  readonly tags: readonly string[]
  readonly pushedAt: number | undefined
}

export type Ecr = {
  /** undefined when the repository has no such image; throws a RolloutError when there is no such repository. */
  image(
    repository: EcrRepository,
    wanted: { readonly tag: string } | { readonly digest: string },
  ): Promise<EcrImage | undefined>
  /** `linux/amd64` … that an image is built for; undefined when the registry or the caller's IAM policy does not say. */
  platforms(repository: EcrRepository, digest: string): Promise<readonly string[] | undefined>
  /** Every image of a repository. */
  images(repository: EcrRepository): Promise<readonly EcrImage[]>
  /** Of repositories of one account and region, in their order. Throws when one of them does not exist. */
  settings(repositories: readonly EcrRepository[]): Promise<readonly EcrSettings[]>
}

export type EcrSettings = {
  /** Whether a tag can be moved to another image: `MUTABLE`, `IMMUTABLE`, or one of them with exceptions. */
  readonly mutability: string
  /** Its lifecycle policy as JSON text; undefined: it has none, so nothing is deleted. */
  readonly lifecycle: string | undefined
}

export type EcrRepository = {
  readonly account: string
  readonly region: string
  readonly name: string
}

export type Logs = {
  /** The last lines of a stream, oldest first; empty when there is no such stream yet. */
  tail(group: string, stream: string, lines: number): Promise<readonly string[]>
  /** The last lines of all streams of a group since an epoch time in milliseconds. */
  recent(group: string, since: number, lines: number): Promise<readonly string[]>
  /**
   * What came to a stream after `position` (undefined: all of it), oldest first; nothing while there is no stream.
   * No page is read after the one with which `most` characters are reached.
   */
  follow(
    group: string,
    stream: string,
    position: string | undefined,
    most?: number,
  ): Promise<{
    readonly lines: readonly string[]
    readonly position: string | undefined
    /** The caller's IAM policy does not let it be read, so nothing will ever come. */
    readonly denied?: boolean
  }>
}

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

/**
 * Backups as the flow sees them. What IAM forbids is thrown as `Denied`. Times are epoch milliseconds.
 */
export type Aurora = {
  /** Every cluster of the region, whatever its engine. */
  clusters(): Promise<readonly DatabaseCluster[]>
  /** The manual snapshots of a cluster. */
  snapshots(cluster: string): Promise<readonly ClusterSnapshot[]>
  /** undefined when there is no such snapshot (yet). */
  snapshot(id: string): Promise<ClusterSnapshot | undefined>
  /** Begins a snapshot; one of that name that exists already is no error. */
  createSnapshot(wanted: {
    readonly cluster: string
    readonly id: string
    readonly tags: Readonly<Record<string, string>>
  }): Promise<void>
}

export type DatabaseCluster = {
  readonly id: string
  readonly engine: string
  readonly status: string
  /** Writer, reader and custom endpoints. */
  readonly endpoints: readonly string[]
  /** Identifiers of its instances: the first label of an instance's own endpoint. */
  readonly instances: readonly string[]
  readonly securityGroups?: readonly string[]
  readonly port?: number | undefined
  readonly version?: string | undefined
  readonly deletionProtection?: boolean
  /** Days that Aurora keeps what a point-in-time restore needs. */
  readonly retentionDays?: number | undefined
}

export type ClusterSnapshot = {
  readonly id: string
  /** `creating`, `available`, `failed` … */
  readonly status: string
  readonly percent: number | undefined
  readonly tags: Readonly<Record<string, string>>
}

export type Backup = {
  /** Names of the backup vaults of the region. */
  vaults(): Promise<readonly string[]>
  /** Starts a job, or answers the one that an earlier call with the same token started. */
  start(wanted: BackupRequest): Promise<{ readonly jobId: string }>
  /** undefined when it is not shown (yet). */
  job(id: string): Promise<BackupJob | undefined>
  /** What there is to restore a resource from; `resource` is its ARN. */
  recoveryPoints(resource: string): Promise<readonly RecoveryPoint[]>
}

export type RecoveryPoint = {
  readonly arn: string
  readonly vault: string
  readonly status: string
  readonly createdAt: number | undefined
}

type BackupRequest = {
  readonly vault: string
  /** ARN of what is backed up. */
  readonly resource: string
  /** ARN of the role that AWS Backup works with. */
  readonly role: string
  readonly token: string
  readonly tags: Readonly<Record<string, string>>
}

export type BackupJob = {
  readonly id: string
  /** CREATED, PENDING, RUNNING, COMPLETED, FAILED, ABORTING, ABORTED, EXPIRED, PARTIAL. */
  readonly state: string
  readonly percent: string | undefined
  readonly message: string | undefined
  readonly recoveryPoint: string | undefined
}
