import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import type { CheckState } from '../../src/checks/check.ts'
import { CHECKS, runChecks } from '../../src/checks/run.ts'
import type { StepResult, StepState } from '../../src/execute/execution.ts'
import { type Conclusion, conclude } from '../../src/report/conclusion.ts'
import { CONNECTIONS } from '../../src/report/picture.ts'
import { summaryOf } from '../../src/report/summary.ts'
import { known, type Stack } from '../../src/stack/stack.ts'
import { diagramsIn, problemsOfDiagrams } from '../support/mermaid.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

const HOSTILE = [
  'plain',
  'a "quoted" name',
  "it's",
  'issue #12; and #quot; and #35;',
  '<b>bold</b><br/><script>alert(1)</script>',
  'end',
  'end\nsubgraph x\nend',
  '] --> users[',
  '`markdown`',
  '"`**both**`"',
  '%%{init: {"theme":"dark"}}%%',
  'click web href "javascript:alert(1)"',
  'title: section; dateFormat x, 1, 2',
  'section end',
  '---\ntitle: x\n---',
  '日本語のクラスター ☃ 𝒳 e\u0301 \u202Ertl\u202C مرحبا',
  'tab\tand\u0000nul\u2028line',
  'back\\slash & amp &lt; {curly} |pipe| (round) ~tilde~ @at',
  'x'.repeat(20_000),
  '😀'.repeat(3_000),
  '',
  ' ',
]

const STATES: readonly StepState[] = ['done', 'failed', 'rolling', 'not-started']

test('the pictures and timelines of all summaries are what Mermaid reads, whatever stands in them', async () => {
  const conclusions = (await Promise.all(HOSTILE.map(summariesWith))).flat()
  const diagrams = conclusions.flatMap(conclusion => diagramsIn(summaryOf(conclusion)))
  // A picture each, and a timeline where there are steps.
  expect(diagrams).toHaveLength(HOSTILE.length * (2 * 5 + 2))
  expect(diagrams.filter(diagram => diagram.length > 10_000)).toEqual([])
  expect(await problemsOfDiagrams(diagrams)).toEqual([])
})

/** A verify with checks of each state, and a deploy and a rollback with steps of each state. */
async function summariesWith(text: string): Promise<readonly Conclusion[]> {
  const stack = stackCalled(text)
  const results = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
  const verified = (['passed', 'failed', 'warning', 'inconclusive', 'skipped'] as const).flatMap(state => {
    const checks = results.map(check => ({ ...check, state: state as CheckState, sentence: text }))
    return [
      conclude('verify', 'failed', text, { stack, checks, problems: [text] }),
      conclude('verify', 'passed', text, { stack, checks, warnings: [text] }),
    ]
  })
  return [...verified, conclude('deploy', 'failed', text, { steps: stepsCalled(text) }), rolledBack(text)]
}

function rolledBack(text: string): Conclusion {
  return conclude('rollback', 'failed', text, { steps: stepsCalled(text).slice(0, 1) })
}

function stackCalled(text: string): Stack {
  const stack = stackOn2()
  const image = { ...stack.worker.image, version: text, reference: text }
  return {
    ...stack,
    worker: { ...stack.worker, image },
    clickhouse: { ...stack.clickhouse, image: { ...image, version: undefined } },
    discovery: known({ name: text, instances: [] }, text),
    files: known({ id: text, state: text, mountTargets: [] }, text),
  }
}

function stepsCalled(text: string): readonly StepResult[] {
  return STATES.map((state, index) => ({
    step: {
      kind: 'roll-ecs',
      component: 'worker',
      service: text,
      from: text,
      to: `${text}@sha256:${'0'.repeat(64)}`,
      settings: undefined,
      follow: undefined,
      reason: text,
    },
    state,
    sentence: text,
    evidence: [text],
    startedAt: 1_700_000_000_000 + index,
    endedAt: 1_700_000_060_000 + index,
    counts: { postgres: 0, clickhouse: 0, archivedRows: 0 },
  }))
}

test('each check that a connection names turns it red by itself, and all of them together green', async () => {
  const stack = stackOn2()
  const seen = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
  const good = seen.map(check => ({ ...check, state: 'passed' as const }))
  const styleOf = (index: number, checks: Conclusion['checks']) => {
    const [diagram = ''] = diagramsIn(summaryOf(conclude('verify', 'failed', 'x', { stack, checks })))
    return new RegExp(`linkStyle ${index} stroke:(#\\w+)`).exec(diagram)?.[1]
  }
  for (const [index, { from, to, checks }] of CONNECTIONS.entries()) {
    expect([from, to, styleOf(index, good)]).toEqual([from, to, '#1a7f37'])
    for (const id of checks) {
      const spoilt = good.map(check => (check.id === id ? { ...check, state: 'failed' as const } : check))
      expect([from, to, id, styleOf(index, spoilt)]).toEqual([from, to, id, '#cf222e'])
    }
  }
})

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const browser = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap(folder => BROWSERS.map(name => join(folder, name)))
  .find(path => existsSync(path))
const inBrowser = browser === undefined ? test.skip : test

inBrowser(
  `a browser draws the pictures with their labels, and whatever stands in them${browser === undefined ? ' (skipped: there is no Chromium or Chrome on the PATH)' : ''}`,
  async () => {
    const stack = stackCalled('clickhouse.langfuse.local "end" #1 <b>')
    const checks = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
    const [picture = ''] = diagramsIn(summaryOf(conclude('verify', 'failed', 'x', { stack, checks })))
    const steps = stepsCalled('end: #1; <b>')
    const [timeline = ''] = diagramsIn(summaryOf(conclude('deploy', 'failed', 'x', { steps })))
    const conclusions = (await Promise.all(HOSTILE.map(summariesWith))).flatMap(all => [
      ...all.slice(0, 1),
      ...all.slice(-2),
    ])
    const hostile = conclusions.flatMap(conclusion => diagramsIn(summaryOf(conclusion)))
    const [first = '', second = '', ...others] = await draw([picture, timeline, ...hostile])
    for (const shown of [
      'web · App Runner',
      'ClickHouse · ECS',
      'Cloud Map',
      'PostgreSQL',
      '"end" #1 &lt;b&gt;',
      'users',
    ])
      expect(first).toContain(shown)
    expect(first).toMatch(/class="[^"]*flowchart-link[^"]*"[^>]*stroke: ?#|stroke:#/)
    expect(second).toContain('worker')
    expect(others).toHaveLength(hostile.length)
    const problems = others.flatMap((svg, index) =>
      svg.startsWith('<svg') ? [] : [`${svg}\n${hostile[index]}`],
    )
    expect(problems).toEqual([])
    expect(others.filter(svg => /<script|href="javascript:/i.test(svg))).toEqual([])
  },
  120_000,
)

/** SVGs, or what went wrong. As GitHub does it: strictly, so that nothing in a label is markup. */
async function draw(diagrams: readonly string[]): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mermaid-'))
  const library = pathToFileURL(join('node_modules', 'mermaid', 'dist', 'mermaid.min.js')).href
  const page = `<!DOCTYPE html><meta charset="utf-8"><body><script src="${library}"></script><script>
const draw = async () => {
  mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', suppressErrorRendering: true })
  const drawn = []
  for (const [index, diagram] of ${JSON.stringify(diagrams).replaceAll('<', '\\u003c')}.entries())
    drawn.push(await mermaid.render('drawn' + index, diagram).then(({ svg }) => svg, error => error.message))
  return drawn
}
draw().then(drawn => {
  document.body.innerHTML = ''
  document.body.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(drawn))))
})</script>`
  try {
    const path = join(folder, 'page.html')
    await writeFile(path, page)
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=60000', '--dump-dom']
    const { stdout } = await promisify(execFile)(
      browser ?? '',
      [...flags, `--user-data-dir=${folder}`, '--allow-file-access-from-files', pathToFileURL(path).href],
      { maxBuffer: 100_000_000, timeout: 100_000 },
    )
    const [, drawn] = /<body>([A-Za-z0-9+/=]+)<\/body>/.exec(stdout) ?? []
    if (drawn === undefined) throw new Error(`The browser drew nothing: ${stdout.slice(-2_000)}`)
    return JSON.parse(Buffer.from(drawn, 'base64').toString()) as readonly string[]
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
