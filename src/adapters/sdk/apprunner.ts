/** What is used of the client, and so what is bundled of it. */
export {
  AppRunnerClient,
  DescribeServiceCommand,
  DescribeVpcConnectorCommand,
  ListOperationsCommand,
  ListServicesCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-apprunner'
