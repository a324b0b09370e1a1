import { type Check, failed, KIND, missing, passed, skipped, warning } from './check.ts'

/** Verify must not report on the databases of another stack. */
export const databaseIdentity = {
  ...KIND.storesSetUp,
  id: 'database-identity',
  title: 'The databases given to this run are those of this stack',
  about: ['postgres', 'clickhouse', 'valkey'],
  run({ stack }) {
    const { proofs, postgres } = stack
    const given = Object.values(proofs).filter(({ state }) => state !== 'not-given')
    if (given.length === 0) return skipped('This run was given no address of a database.')
    const [other] = given.flatMap(proof => (proof.state === 'other' ? proof.why : []))
    if (other !== undefined)
      return failed(
        `This run was given a database of another stack: ${other}. Set the addresses that this stack's worker uses, or use \`network: task\`.`,
      )
    if (!postgres.known && proofs.postgres.state !== 'not-given') return missing(postgres)
    const [unproven] = given.flatMap(proof => (proof.state === 'unproven' ? proof.why : []))
    if (unproven !== undefined)
      return warning(
        `Nothing proves that this run was given the databases of this stack: ${unproven}. Use \`network: task\`, or let this runner reach the worker's health endpoint (TCP 3030).`,
      )
    const by = given.flatMap(proof => (proof.state === 'proven' ? proof.by : []))
    return passed(`The databases are this stack's: ${[...new Set(by)].join('; ')}.`)
  },
} as const satisfies Check
