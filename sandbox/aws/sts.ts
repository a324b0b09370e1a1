import { ACCOUNT } from './ids.ts'
import type { Operations } from './server.ts'

export const stsOperations: Operations = {
  GetCallerIdentity: () => ({
    Arn: `arn:aws:iam::${ACCOUNT}:user/sandbox`,
    UserId: 'AIDASANDBOXSANDBOX000',
    Account: ACCOUNT,
  }),
}
