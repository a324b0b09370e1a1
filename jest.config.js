export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/tools/strip-types.js' },
  testTimeout: 120_000,
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  // Tests wait for a sandbox far more than they compute.
  maxWorkers: 4,
}
