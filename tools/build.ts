import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ncc from '@vercel/ncc'
import { build as bundle, type Metafile, type Plugin, transform } from 'esbuild'
import { licensesOf } from './licenses.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const ACTIONS = ['deploy', 'verify', 'rollback']

/**
 * Makes `dist/` from `src/`: esbuild takes the types and whatever nobody calls away, ncc packs what is left into one
 * bundle with a chunk for each `import()`, and each action gets a wrapper. ncc alone would keep all of every package
 * in CommonJS. The output is the same bytes on every machine, so CI compares it with what is committed.
 */
async function build(): Promise<void> {
  const metafile = await shake()
  await rm(join(root, 'dist'), { recursive: true, force: true })
  for (const [name, content] of await pack(join(root, 'build/index.js'))) {
    await write(join('dist/shared', name), content)
  }
  await write('dist/shared/licenses.txt', await licensesOf(metafile, root))
  for (const action of ACTIONS) await write(`dist/${action}/index.js`, wrapper(action))
  for (const program of ['observe', 'undo'])
    await write(`dist/agent/${program}.js`, await bundleAgent(`${program}-program`))
  await rm(join(root, 'build'), { recursive: true, force: true })
}

/** `build/`: modules of what is called, in JavaScript. */
async function shake(): Promise<Metafile> {
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: { index: 'src/entries/main.ts' },
    outdir: 'build',
    chunkNames: '[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // The CommonJS build of a package has no names for import() to find, and everything in it is bundled.
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE },
    plugins: [unusedToolkit, requiredHttp, plainKeys],
    metafile: true,
  })
  return metafile
}

async function pack(entry: string): Promise<ReadonlyMap<string, string>> {
  const { code, assets } = await ncc(entry, { cache: false, quiet: true, license: '' })
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

/** What packages in CommonJS call for Node's own modules. */
const REQUIRE = `import{createRequire as $require}from'node:module';const require=$require(import.meta.url);`

/**
 * GitHub's toolkit does not say that its modules do nothing when they are loaded, so all of it would be kept: with
 * OIDC an HTTP client that is 15 MB of memory at every start, and that nobody calls.
 */
const unusedToolkit: Plugin = {
  name: 'unused-toolkit',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@actions\// }, async ({ path, pluginData, ...from }) =>
      pluginData === unusedToolkit
        ? undefined
        : { ...(await resolve(path, { ...from, pluginData: unusedToolkit })), sideEffects: false },
    )
  },
}

/**
 * `import 'node:http'` reads every member of the module, and the member WebSocket loads Node's own copy of that HTTP
 * client. A module that is required is read when it is used.
 */
const requiredHttp: Plugin = {
  name: 'required-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'http', namespace: 'required' }))
    onLoad({ filter: /.*/, namespace: 'required' }, () => ({
      contents: `module.exports = process.getBuiltinModule('node:http')`,
    }))
  },
}

/**
 * The SDK's schemas name members by constants (`{ [_eQN]: … }`), and to ask for a name could do something: so all the
 * shapes of a client would be kept, which are 550 kB of EC2's. With the names themselves only what is called is.
 */
const plainKeys: Plugin = {
  name: 'plain-keys',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-sdk[/\\].*[/\\]schemas[/\\]schemas_\d+\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const names = new Map(
        [...source.matchAll(/^const (_\w+) = (".*");$/gm)].map(([, name = '', value = '']) => [name, value]),
      )
      return {
        contents: source.replace(/\[(_\w+)\]:/g, (key, name) =>
          names.has(name) ? `${names.get(name)}:` : key,
        ),
      }
    })
  },
}

/** Parts of the driver that the agent never comes to; each byte of it goes through a task definition. */
const NOT_IN_THE_AGENT = /^(pg-pool|pg-native|pgpass|pg-cloudflare|\.\/native|\.\/cert-signatures)$/

/** One file of CommonJS that `node -e` can run, for the Node of the worker's image: 20 and later. */
async function bundleAgent(program: string): Promise<string> {
  const { outputFiles } = await bundle({
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
