import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

/** Riddles that sentences once had: each was replaced by a plain sentence and must not come back. */
const PHRASES = [
  'believes nothing but a',
  'it is so, and was seen to be so',
  'the evidence was not to be had',
  'let it see what it could not see',
  'what the sentence says',
  'what is otherwise than deployed',
  'A deploy that was killed is gone on with by',
  'whether another run is at it',
  'The role that looks cannot change',
  'have no permission that they do not name',
  'believe nothing but a positive success',
  'beside the worker that is told what the',
  'Where that is not allowed, PostgreSQL is looked at',
  'Empty beside `clickhouse-url`',
  'when the plan is another one by now',
  'what had been changed goes back',
  'Each run of this action with a name runs it again',
  'closed when all is well',
  'What stands in the way',
  'What undoing means',
  'The run was cancelled before it began',
  'What had been changed went back',
  'still goes on cannot be told',
  'The way back over migrations that this version',
  'a way back is made from the schema before and after',
  'is not the plan of now',
  'While such a rollback goes on, requests',
  'which is there under a later name, fail at it',
  'Reckon with a second',
  'cannot stand where it stands',
  'until nobody misses anything',
  'a worker is at it right now',
  'What a transaction had not committed PostgreSQL rolls back',
  'The agent that was at the phase before has gone on',
  'gave no whole answer',
  'rests on what is not looked at',
  'has put broken parts aside',
  'is at it for',
  'it is queued and not taken',
  'so ECS starts tasks that cannot start for ever',
  'so whatever it leads to at the next start of a task is deployed',
  'the worker has stopped to consume',
  'The check itself broke',
  'what it says of botocore leads astray',
  'without a reason that is known here',
  'What was made beside Langfuse stands in the way',
  'the lock was not had',
  'By symptom: what it was where it happened',
  'two on one EFS directory are one too many',
  'what is otherwise than it was deployed',
]

const SOURCES = ['src', 'docs', 'README.md', 'actions']

test('no sentence that users or readers meet has an old riddle', () => {
  const files = SOURCES.flatMap(filesOf)
  expect(files.length).toBeGreaterThan(100)
  const texts = files.map(file => [file, readFileSync(file, 'utf8').replace(/\s+/g, ' ')] as const)
  const found = PHRASES.flatMap(phrase =>
    texts.filter(([, text]) => text.includes(phrase)).map(([file]) => `${file}: ${phrase}`),
  )
  expect(found).toEqual([])
})

function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map(name => join(path, name))
    .filter(name => statSync(name).isFile())
}
