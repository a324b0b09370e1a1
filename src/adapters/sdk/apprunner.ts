/** The only imports of this client: the build bundles nothing else of it. */
export {
  AppRunnerClient,
  DescribeServiceCommand,
  DescribeVpcConnectorCommand,
  ListOperationsCommand,
  ListServicesCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-apprunner'
