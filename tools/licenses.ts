import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

/** Name, license and its text of every package that has a part in the bundle, in the order of their names. */
export async function licensesOf(metafile: Metafile, root: string): Promise<string> {
  const inputs = Object.values(metafile.outputs).flatMap(output => Object.entries(output.inputs))
  const folders = inputs.flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (PACKAGE.exec(path)?.[0] ?? []) : [],
  )
  const texts = [...new Set(folders)].sort().map(folder => licenseOf(join(root, folder)))
  return (await Promise.all(texts)).join('\n')
}

/** The innermost package of a path. */
const PACKAGE = /^.*node_modules\/(@[^/]+\/)?[^/]+/

async function licenseOf(folder: string): Promise<string> {
  const { name, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const file = (await readdir(folder)).sort().find(entry => /^(licen[cs]e|copying)/i.test(entry))
  const text = file === undefined ? '' : (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n')
  return `${[name, license ?? 'see below', text.trim()].filter(part => part !== '').join('\n')}\n`
}
