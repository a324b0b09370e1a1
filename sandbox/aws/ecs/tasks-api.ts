import { AwsError } from '../errors.ts'
import { arn } from '../ids.ts'
import { type JsonObject, type Reader, reader } from '../json.ts'
import { page } from '../paging.ts'
import type { Operations } from '../server.ts'
import { taskAnswer } from './answers.ts'
import { containersOf } from './container.ts'
import { tagsOf } from './tags.ts'
import type { Cluster, Task, TaskDefinition } from './types.ts'
import { clusterNamed, type Ecs, runnableDefinition, serviceNamed } from './world.ts'

export function taskOperations(ecs: Ecs): Operations {
  const ask = (handle: (ecs: Ecs, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(ecs, reader(input))
  const tokens = new Map<string, { readonly asked: string; readonly answer: JsonObject }>()
  return {
    RunTask: input => once(tokens, input, () => runTask(ecs, reader(input))),
    StopTask: ask(stopTask),
    ListTasks: ask(listTasks),
    DescribeTasks: ask(describeTasks),
  }
}

/** The same client token gives the same tasks; with another request it is a conflict. */
function once(
  tokens: Map<string, { readonly asked: string; readonly answer: JsonObject }>,
  input: JsonObject,
  run: () => JsonObject,
): JsonObject {
  const token = reader(input).text('clientToken')
  if (token !== undefined && token.length > 64) refuse('Invalid client token. It can have 64 characters.')
  const asked = JSON.stringify(input)
  const before = token === undefined ? undefined : tokens.get(token)
  if (before && before.asked !== asked)
    throw new AwsError('ConflictException', 'The clientToken was used with other parameters.')
  const answer = before?.answer ?? run()
  if (token !== undefined) tokens.set(token, { asked, answer })
  return answer
}

function runTask(ecs: Ecs, read: Reader): JsonObject {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  const taskDefinition = runnableDefinition(ecs, read.needText('taskDefinition'))
  const overrides = read.object('overrides') ?? {}
  checkOverrides(overrides, taskDefinition)
  const vpc = reader(reader(read.object('networkConfiguration')).object('awsvpcConfiguration'))
  const subnets = vpc.texts('subnets')
  if (subnets.length === 0)
    refuse("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
  const unknown = subnets.find(id => !ecs.hasSubnet(id))
  if (unknown !== undefined)
    refuse(
      `Error retrieving subnet information for [${subnets.join(', ')}]: The subnet ID '${unknown}' does not exist (ErrorCode: InvalidSubnetID.NotFound)`,
    )
  const startedBy = read.text('startedBy')
  // [MODEL] up to 128 letters, numbers, hyphens, slashes and underscores.
  if (startedBy !== undefined && !/^[\w/-]{1,128}$/.test(startedBy)) refuse('startedBy is not valid.')
  const count = read.number('count') ?? 1
  if (count < 1 || count > 10) refuse('Count must be between 1 and 10.')
  const tasks = Array.from({ length: count }, (_, index) =>
    ecs.tasks.start({
      cluster,
      taskDefinition,
      subnetId: subnets[index % subnets.length] ?? '',
      tags: tagsOf(read.objects('tags')),
      input: {
        overrides,
        group: read.text('group') ?? `family:${taskDefinition.family}`,
        startedBy,
        launchType: read.text('launchType'),
        platformVersion: '1.4.0',
        enableExecuteCommand: read.flag('enableExecuteCommand') ?? false,
        securityGroups: vpc.texts('securityGroups'),
        capacityProvider: reader(read.objects('capacityProviderStrategy')[0]).text('capacityProvider'),
      },
    }),
  )
  return { tasks: tasks.map(task => taskAnswer(task, true)), failures: [] }
}

/** An override can name no image, entry point or secret, and all together is 8192 characters at most. */
function checkOverrides(overrides: JsonObject, definition: TaskDefinition) {
  if (JSON.stringify(overrides).length > 8192) refuse('Container Overrides length must be at most 8192')
  const known = containersOf(definition).map(view => view.name)
  for (const override of reader(overrides).objects('containerOverrides')) {
    const name = String(override.name)
    if (!known.includes(name))
      refuse(`Override for container named ${name} is not a container in the TaskDefinition.`)
    for (const member of ['image', 'entryPoint', 'secrets'])
      if (override[member] !== undefined) refuse(`Container override can not set ${member}.`)
  }
}

function stopTask(ecs: Ecs, read: Reader): JsonObject {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  const task = taskById(cluster, read.needText('task'))
  if (!task) throw new AwsError('InvalidParameterException', 'The referenced task was not found.')
  ecs.tasks.stop(task, 'UserInitiated', read.text('reason') ?? 'Task stopped by user')
  return { task: taskAnswer(task, false) }
}

function listTasks(ecs: Ecs, read: Reader): JsonObject {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  const name = read.text('serviceName')
  const service = name === undefined ? undefined : serviceNamed(cluster, name)
  const status = read.text('desiredStatus') ?? 'RUNNING'
  const arns = [...cluster.tasks.values()]
    .filter(task => task.desiredStatus === status)
    .filter(task => !service || task.service === service)
    .filter(task => same(read.text('family'), task.taskDefinition.family))
    .filter(task => same(read.text('startedBy'), task.input.startedBy))
    .map(task => task.arn)
  const { items, next } = page(arns, {
    token: read.text('nextToken'),
    size: read.number('maxResults'),
    limit: 100,
    invalid: 'InvalidParameterException',
  })
  return { taskArns: items, nextToken: next }
}

const same = (wanted: string | undefined, actual: string | undefined) =>
  wanted === undefined || wanted === actual

function describeTasks(ecs: Ecs, read: Reader): JsonObject {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  const references = read.texts('tasks')
  if (references.length === 0) refuse('Tasks cannot be empty.')
  if (references.length > 100) refuse('Tasks cannot have more than 100 items.')
  const withTags = read.texts('include').includes('TAGS')
  return {
    tasks: references.flatMap(id => taskById(cluster, id) ?? []).map(task => taskAnswer(task, withTags)),
    failures: references
      .filter(id => !taskById(cluster, id))
      .map(id => ({
        arn: id.startsWith('arn:') ? id : arn('ecs', `task/${cluster.name}/${id}`),
        reason: 'MISSING',
      })),
  }
}

const taskById = (cluster: Cluster, reference: string): Task | undefined =>
  cluster.tasks.get(reference.replace(/^arn:.*\//, ''))

function refuse(message: string): never {
  throw new AwsError('InvalidParameterException', message)
}
