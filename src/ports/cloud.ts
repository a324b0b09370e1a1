/**
 * The parts of AWS that this project uses, in its own shapes: only the adapters know the SDK's member names. Arrays are
 * complete (all pages), times are epoch milliseconds.
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
  readonly rds: Rds
  readonly backup: Backup
}

/** A percentage pair as ECS counts it, and its circuit breaker. */
export type DeploymentSettings = {
  readonly minimumHealthyPercent: number
  readonly maximumPercent: number
  readonly circuitBreaker: { readonly enable: boolean; readonly rollback: boolean }
  /** Everything else that ECS described (alarms, bake time …): sent back unchanged with a change of the settings. */
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
  /** ARN for DescribeServiceDeployments, if ECS reports one. */
  readonly serviceDeployment: string | undefined
  /** Capacity providers by name; empty if the service has a launch type instead. */
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
  /** Mounted with the task role; else anonymously. */
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
  /** Paths of the task's volumes in this container. */
  readonly mounts?: readonly { readonly volume: string; readonly path: string }[]
  /** The user that it runs as, if the task definition sets one. */
  readonly user?: string | undefined
  readonly logGroup: string | undefined
  readonly logStreamPrefix: string | undefined
  /** undefined: it has none of its own. */
  readonly healthCheck?: ContainerHealthCheck | undefined
  /** Seconds between SIGTERM and SIGKILL; undefined: Fargate's 30. */
  readonly stopTimeout?: number | undefined
  /** Soft limit of open files, if it is set. */
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
  /** ARN of the IAM role of its containers. */
  readonly taskRole?: string | undefined
  /** Its members, for comparisons. */
  readonly content?: TaskContent
  /** ECS's own description, to register a copy from; only the adapter reads it. */
  readonly source: unknown
}

/** `task`: without what ECS adds to every revision. `containers`: all of them, by name. */
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
  readonly status: string
  readonly statusReason: string | undefined
}

/** ECS Express Mode of one service. `container` is ECS's own description, sent back whole with a change. */
export type ExpressService = {
  readonly arn: string
  /** Public URL, if it has a public ingress. */
  readonly url: string | undefined
  readonly container: unknown
}

export type Ecs = {
  /** undefined when the service is not one of Express Mode. */
  expressService(arn: string): Promise<ExpressService | undefined>
  /** Sends the whole primary container back with another image. */
  updateExpress(service: ExpressService, image: string): Promise<void>
  /** undefined when the service does not exist (or is INACTIVE); throws a RolloutError when the cluster does not. */
  service(cluster: string, name: string): Promise<EcsService | undefined>
  /** Those of at most ten services that exist, in one call. */
  services(cluster: string, names: readonly string[]): Promise<readonly EcsService[]>
  /** A revision never changes, so each is read once. */
  taskDefinition(arn: string): Promise<TaskDefinition>
  tasks(cluster: string, service: string, status: 'RUNNING' | 'STOPPED'): Promise<readonly EcsTask[]>
  /** The running tasks of each service, in the order of the names; one call describes all of them. */
  tasksOfEach(cluster: string, services: readonly string[]): Promise<readonly (readonly EcsTask[])[]>
  /** undefined if ECS or the caller's IAM policy does not let it be read. */
  serviceDeployment(arn: string): Promise<ServiceDeployment | undefined>
  /** Registers a copy of `base` that differs only in one container's image. */
  registerWithImage(base: TaskDefinition, container: string, image: string): Promise<string>
  /**
   * Asks ECS to stop a deployment and to roll back to the previous tasks. Returns false, and does nothing, if the
   * deployment of that id is not the one in progress.
   */
  stopDeployment(cluster: string, service: string, deployment: string): Promise<boolean>
  /** Changes only the given members, and returns the id of the deployment that is PRIMARY afterwards. */
  updateService(change: ServiceChange): Promise<{ readonly deploymentId: string }>
} & EcsTasks

/** One-off tasks. */
export type EcsTasks = {
  /** Registers a task definition of one container with the roles and network mode of `base`; returns its ARN. */
  registerDerived(base: TaskDefinition, derived: DerivedTask): Promise<string>
  /** Size of the same request in bytes: ECS accepts 64 KiB. */
  sizeOfDerived(base: TaskDefinition, derived: DerivedTask): number
  deregister(taskDefinition: string): Promise<void>
  /** The active revisions of a family that have a tag; empty if the caller's IAM policy denies the call. */
  activeRevisions(family: string, tag: string): Promise<readonly Revision[]>
  runTask(request: TaskRequest): Promise<EcsTask>
  /** undefined if ECS does not know the task (not yet, or no longer: it forgets stopped ones after about an hour). */
  task(cluster: string, arn: string): Promise<EcsTask | undefined>
  stopTask(cluster: string, arn: string, reason: string): Promise<void>
  /** One-off tasks that have not stopped yet, including those that are stopping. */
  tasksStartedBy(
    cluster: string,
    from: { readonly family: string; readonly startedBy: string },
  ): Promise<readonly EcsTask[]>
}

type Revision = {
  readonly arn: string
  /** The value of the requested tag. */
  readonly tag: string
  /** Epoch milliseconds by AWS's clock. */
  readonly registeredAt: number | undefined
}

/** The differences from the base task definition; roles, size and log configuration are copied from the base. */
export type DerivedTask = {
  readonly family: string
  /** The container of the base whose log configuration and registry credentials are copied. */
  readonly from: string
  readonly name: string
  readonly image: string
  /** Instead of the image's own. */
  readonly entryPoint?: readonly string[]
  /** Arguments of the entry point. */
  readonly command: readonly string[]
  readonly architecture: 'X86_64' | 'ARM64'
  readonly environment: Readonly<Record<string, string>>
  /** Name to ARN. */
  readonly secrets: Readonly<Record<string, string>>
  /** A volume of another task definition, mounted read-only and with that one's task role. */
  readonly mount?: DerivedMount
  /** Added to the base's own tags. */
  readonly tags: Readonly<Record<string, string>>
}

type DerivedMount = {
  readonly of: TaskDefinition
  readonly volume: string
  /** In the container. */
  readonly path: string
  /** The user that the container runs as, `uid:gid`. */
  readonly user: string
}

/** One Fargate task. Repeating a request with the same `clientToken` returns the same task. */
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
  /** Starts new tasks even if nothing else changes. */
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
    /** Seconds; how many failures in a row make it unhealthy. */
    readonly interval?: number
    readonly unhealthyThreshold?: number
  }
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** MiB of an instance. */
  readonly memory?: number | undefined
  /** ARN; undefined: its outgoing traffic goes to the internet and not into the VPC. */
  readonly vpcConnector?: string | undefined
  /** Other settings, by name: size, health check, ingress, egress, scaling. */
  readonly settings?: Readonly<Record<string, string>>
  /** App Runner's own description of the source configuration; only the adapter reads it. */
  readonly source: unknown
}

/** A task or service there has an address of one of these subnets, and all of these groups. */
export type NetworkPlacement = {
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
  /** Subnets and security groups of a service's outgoing traffic; undefined if there is no such connector. */
  vpcConnector(arn: string): Promise<NetworkPlacement | undefined>
  /** Newest first; with `until`, stops after the page that contains the operation of that id. */
  operations(arn: string, until?: string): Promise<readonly AppRunnerOperation[]>
  /**
   * Sends the whole source configuration back with another image; returns the operation to follow. Throws Busy if App
   * Runner refuses an update now.
   */
  updateImage(service: AppRunnerService, image: string): Promise<{ readonly operationId: string }>
}

export type FileSystem = {
  readonly id: string
  readonly state: string
  readonly mountTargets: readonly MountTarget[]
  readonly encrypted?: boolean
  /** `generalPurpose` or `maxIO`. */
  readonly performanceMode?: string | undefined
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
  /** The user that it enforces; undefined: the client's own user. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
  /** The owner of a root directory that EFS creates; undefined: the directory has to exist. */
  readonly creation: { readonly uid: number; readonly gid: number; readonly permissions: string } | undefined
}

export type Efs = {
  /** undefined when there is no such file system. */
  fileSystem(id: string): Promise<FileSystem | undefined>
  /** The file-system policy as JSON; undefined if it has none, which allows every client everything. */
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
  /** Its DNS records; empty: it is resolved only through Cloud Map's own API. */
  readonly records?: readonly { readonly type: string; readonly ttl: number }[]
  /** ECS reports the health of its tasks to Cloud Map. */
  readonly customHealth?: boolean
}

export type CloudMap = {
  /** `arn` as in a service's registries. */
  service(arn: string): Promise<CloudMapService>
  /** The addresses of its instances, whatever their health, in one call. */
  addresses(arn: string): Promise<readonly string[]>
  /** The health of each instance, in one call. */
  health(arn: string): Promise<readonly string[]>
}

/** Each platform's manifest and each attestation of a multi-platform image is an image of its own, without a tag. */
export type EcrImage = {
  readonly digest: string
  readonly tags: readonly string[]
  /** It lists the manifests of several platforms. */
  readonly isIndex?: boolean
  readonly pushedAt: number | undefined
}

export type Ecr = {
  /** undefined when the repository has no such image; throws a RolloutError when there is no such repository. */
  image(
    repository: EcrRepository,
    wanted: { readonly tag: string } | { readonly digest: string },
  ): Promise<EcrImage | undefined>
  /** `linux/amd64` … of an image; undefined if the registry does not know them or the caller's IAM policy denies it. */
  platforms(repository: EcrRepository, digest: string): Promise<readonly string[] | undefined>
  /** Its lifecycle policy as JSON text; undefined: it has none. */
  lifecycle(repository: EcrRepository): Promise<string | undefined>
  /** Every image of a repository. */
  images(repository: EcrRepository): Promise<readonly EcrImage[]>
  /** For repositories of one account and region, in the same order. Throws if one of them does not exist. */
  settings(repositories: readonly EcrRepository[]): Promise<readonly EcrSettings[]>
}

export type EcrSettings = {
  /** Whether a tag can be moved to another image: `MUTABLE`, `IMMUTABLE`, or one of them with exceptions. */
  readonly mutability: string
  /** Its lifecycle policy as JSON text; undefined: it has none, so no image expires. */
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
   * The lines of a stream after `position` (undefined: all lines), oldest first; empty while there is no stream. Stops
   * after the page that reaches `most` characters.
   */
  follow(
    group: string,
    stream: string,
    position: string | undefined,
    most?: number,
  ): Promise<{
    readonly lines: readonly string[]
    readonly position: string | undefined
    /** The caller's IAM policy denies reading, so no line will ever come. */
    readonly denied?: boolean
  }>
}

/**
 * The parts of a VPC. Arrays contain those of the requested things that exist. A call that IAM denies throws `Denied`.
 */
export type Ec2 = {
  subnets(ids: readonly string[]): Promise<readonly Subnet[]>
  securityGroups(ids: readonly string[]): Promise<readonly SecurityGroup[]>
  /** By their own ids. */
  interfaces(ids: readonly string[]): Promise<readonly NetworkInterface[]>
  /** By their description, with `*` as a wildcard. */
  interfacesDescribed(as: string): Promise<readonly NetworkInterface[]>
  /** `servers`: also reads which DNS servers the VPC uses, with two more calls. */
  dns(vpc: string, more: { readonly servers: boolean }): Promise<VpcDns>
}

export type Subnet = {
  readonly id: string
  readonly vpc: string
  readonly zone: string
  readonly cidr: string
  /** Unused addresses. */
  readonly free: number
}

export type SecurityGroup = {
  readonly id: string
  readonly name: string
  readonly ingress: readonly Rule[]
  readonly egress: readonly Rule[]
}

/** One permission. `protocol` is `tcp` … or `-1` for all; ports are 0 to 65535 if the rule has none. */
export type Rule = {
  readonly protocol: string
  readonly from: number
  readonly to: number
  readonly groups: readonly string[]
  /** IPv4 ranges. */
  readonly ranges: readonly string[]
  /** Ids of prefix lists. */
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
  /** `AmazonProvidedDNS`, or addresses of custom servers; undefined: not read. */
  readonly servers: readonly string[] | undefined
}

/** Backups. A call that IAM denies throws `Denied`. Times are epoch milliseconds. */
export type Rds = {
  /** Every cluster of the region, whatever its engine: Aurora's and Multi-AZ DB clusters. */
  clusters(): Promise<readonly Database[]>
  /** Every instance of the region, those of clusters included. */
  instances(): Promise<readonly DatabaseInstance[]>
  /** What the RDS Proxy with this endpoint connects to; undefined: the region has no such endpoint. */
  behindProxy(endpoint: string): Promise<readonly DatabaseId[] | undefined>
  /** The manual snapshots of a database. */
  snapshots(database: DatabaseId): Promise<readonly DatabaseSnapshot[]>
  /** Undefined when there is no such database (any more). */
  settings(database: DatabaseId): Promise<DatabaseSettings | undefined>
  /** undefined when there is no such snapshot (yet). */
  snapshot(kind: DatabaseId['kind'], id: string): Promise<DatabaseSnapshot | undefined>
  /** Starts a snapshot; an existing one of that name is no error. */
  createSnapshot(wanted: {
    readonly database: DatabaseId
    readonly id: string
    readonly tags: Readonly<Record<string, string>>
  }): Promise<void>
}

/** RDS takes and names snapshots of clusters and of single instances by different calls. */
export type DatabaseId = { readonly kind: 'cluster' | 'instance'; readonly id: string }

export type Database = DatabaseId & {
  readonly engine: string
  readonly status: string
  /** Of a cluster: writer, reader and custom endpoints. */
  readonly endpoints: readonly string[]
  readonly securityGroups?: readonly string[]
  readonly port?: number | undefined
  readonly version?: string | undefined
  readonly deletionProtection?: boolean
  /** Days of point-in-time restore. */
  readonly retentionDays?: number | undefined
}

/** `cluster`: the cluster that it is a member of. */
export type DatabaseInstance = Database & { readonly cluster: string | undefined }

/** What a restored copy of a database has to be given: RDS takes hardly any of it from the snapshot. */
export type DatabaseSettings = ClusterSettings | InstanceSettings

type CommonSettings = {
  readonly id: string
  readonly engine: string
  readonly version: string | undefined
  /** The endpoint that clients write to. */
  readonly endpoint: string | undefined
  readonly port: number | undefined
  readonly subnetGroup: string | undefined
  readonly securityGroups: readonly string[]
  readonly parameterGroup: string | undefined
  readonly networkType: string | undefined
  /** Logs that go to CloudWatch. */
  readonly logs: readonly string[]
  readonly deletionProtection: boolean
  readonly copiesTags: boolean
  readonly iamAuthentication: boolean
  readonly retentionDays: number | undefined
  readonly backupWindow: string | undefined
  readonly maintenanceWindow: string | undefined
  readonly storageType: string | undefined
  readonly iops: number | undefined
  readonly monitoring: Monitoring
  readonly isPublic: boolean
  /** Whether RDS keeps the master password in a secret of its own. */
  readonly managedPassword: boolean
  readonly tags: Readonly<Record<string, string>>
}

export type ClusterSettings = CommonSettings & {
  readonly kind: 'cluster'
  /** Aurora Serverless v2, in ACU; `pauseAfter` in seconds. */
  readonly capacity:
    | { readonly min: number; readonly max: number; readonly pauseAfter: number | undefined }
    | undefined
  /** Of a Multi-AZ DB cluster, which has no instances of its own choice. */
  readonly instanceClass: string | undefined
  readonly dataApi: boolean
  /** The writer first. */
  readonly members: readonly InstanceSettings[]
}

export type InstanceSettings = CommonSettings & {
  readonly kind: 'instance'
  readonly instanceClass: string
  readonly multiAz: boolean
  readonly throughput: number | undefined
  readonly optionGroup: string | undefined
  readonly minorUpgrades: boolean
  readonly caCertificate: string | undefined
  readonly promotionTier: number | undefined
}

/** `interval` in seconds, 0: off. `insightsDays` is undefined if Performance Insights is off. */
export type Monitoring = {
  readonly interval: number
  readonly role: string | undefined
  readonly insightsDays: number | undefined
  readonly insightsKey: string | undefined
}

export type DatabaseSnapshot = {
  readonly id: string
  /** `creating`, `available`, `failed` … */
  readonly status: string
  readonly percent: number | undefined
  readonly tags: Readonly<Record<string, string>>
  /** Of the engine. */
  readonly version?: string | undefined
}

export type Backup = {
  /** Names of the backup vaults of the region. */
  vaults(): Promise<readonly string[]>
  /** Starts a job, or returns the one that an earlier call with the same token started. */
  start(wanted: BackupRequest): Promise<{ readonly jobId: string }>
  /** undefined if AWS Backup does not list it (yet). */
  job(id: string): Promise<BackupJob | undefined>
  /** The recovery points of a resource; `resource` is its ARN. */
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
  /** ARN of the resource to back up. */
  readonly resource: string
  /** ARN of the role that AWS Backup assumes. */
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
