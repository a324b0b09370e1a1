/** What is used of the client, and so what is bundled of it. */
export {
  GetInstancesHealthStatusCommand,
  GetNamespaceCommand,
  GetServiceCommand,
  ListInstancesCommand,
  ServiceDiscoveryClient,
} from '@aws-sdk/client-servicediscovery'
