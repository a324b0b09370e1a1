import { execFileSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ncc from '@vercel/ncc'
import { build as bundleProgram, transform } from 'esbuild'

const root = fileURLToPath(new URL('../', import.meta.url))
const ACTIONS = ['deploy', 'verify', 'rollback']

/**
 * Makes `dist/` from `src/`: tsc strips the types (ncc's own loader knows no TypeScript 7), ncc bundles once with
 * a chunk for each `import()`, esbuild minifies (ncc leaves chunks as they are), and each action gets a wrapper.
 * The output is the same bytes on every machine, so CI compares it with what is committed.
 */
async function build(): Promise<void> {
  compile()
  await rm(join(root, 'dist'), { recursive: true, force: true })
  const files = await bundle(join(root, 'build/entries/main.js'))
  for (const [name, content] of files) await write(join('dist/shared', name), content)
  for (const action of ACTIONS) await write(`dist/${action}/index.js`, wrapper(action))
  for (const program of ['look', 'undo']) await write(`dist/agent/${program}.js`, await bundleAgent(program))
  await rm(join(root, 'build'), { recursive: true, force: true })
}

function compile(): void {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
  execFileSync(process.execPath, [join(dirname(typescript), 'bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  })
}

async function bundle(entry: string): Promise<ReadonlyMap<string, string>> {
  const { code, assets } = await ncc(entry, { cache: false, license: 'licenses.txt', quiet: true })
  const files = new Map([['index.js', await minify(code)]])
  for (const [name, asset] of Object.entries(assets)) {
    const text = asset.source.toString()
    files.set(name, name.endsWith('.js') ? await minify(text) : text)
  }
  return files
}

async function minify(source: string): Promise<string> {
  const { code } = await transform(source, {
    minify: true,
    format: 'esm',
    target: 'node24',
    legalComments: 'none',
  })
  return code
}

/** Parts of the driver that the agent never comes to; each byte of it goes through a task definition. */
const NOT_IN_THE_AGENT = /^(pg-pool|pg-native|pgpass|pg-cloudflare|\.\/native|\.\/cert-signatures)$/

/** One file of CommonJS that `node -e` can run, for the Node of the worker's image: 20 and later. */
async function bundleAgent(program: string): Promise<string> {
  const { outputFiles } = await bundleProgram({
    entryPoints: [join(root, `src/agent/${program}.ts`)],
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    legalComments: 'none',
    plugins: [
      {
        name: 'not-in-the-agent',
        setup(build) {
          build.onResolve({ filter: NOT_IN_THE_AGENT }, ({ path }) => ({ path, namespace: 'nothing' }))
          build.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({
            contents: 'module.exports = class {}',
          }))
        },
      },
    ],
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error('esbuild made no agent')
  return file.text
}

function wrapper(action: string): string {
  return `import { main } from '../shared/index.js'\nawait main('${action}', new URL('../../', import.meta.url))\n`
}

async function write(name: string, content: string): Promise<void> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}

await build()
