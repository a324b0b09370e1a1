/** What is used of the client, and so what is bundled of it. */
export { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from '@aws-sdk/client-efs'
