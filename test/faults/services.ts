import { type Fault, swap } from './fault.ts'

export const SERVICE_FAULTS: readonly Fault[] = [
  {
    name: 'the worker is scaled to 0 tasks',
    put: async ({ service }) => swap(service('langfuse_worker'), { desiredCount: 0 }),
    expects: [{ check: 'worker-steady', state: 'failed', says: /scaled to 0 tasks: set its desired count/ }],
    // Nobody is left to say that it is healthy.
    also: ['worker-health'],
  },
]
