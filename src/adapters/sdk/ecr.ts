/** The only imports of this client: the build bundles nothing else of it. */
export {
  BatchGetImageCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
  GetLifecyclePolicyCommand,
} from '@aws-sdk/client-ecr'
