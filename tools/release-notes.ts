// What CHANGELOG.md says of a version: `npm run release-notes -- 1.2.3`. Fails when that is not what would be released.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** The section of a version, or the sentence that says why there is no release of it. */
export function releaseNotes(
  version: string,
  { changelog, packageJson }: { readonly changelog: string; readonly packageJson: string },
): { readonly notes: string } | { readonly problem: string } {
  if (!/^\d+\.\d+\.\d+$/.test(version)) return { problem: `\`${version}\` is no version such as 1.2.3.` }
  const packaged = (JSON.parse(packageJson) as { readonly version: string }).version
  if (packaged !== version) return { problem: `package.json is ${packaged}, not ${version}.` }
  const sections = changelog.split(/^## /m).slice(1)
  const section = sections.find(text => text.split(/\s/)[0] === version)
  const [newest] = sections
  if (section === undefined || section !== newest) {
    return { problem: `CHANGELOG.md does not begin with a section \`## ${version}\`.` }
  }
  const notes = section.split('\n').slice(1).join('\n').trim()
  return notes === '' ? { problem: `CHANGELOG.md says nothing of ${version}.` } : { notes }
}

function main(version: string): number {
  const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
  const result = releaseNotes(version, { changelog: read('CHANGELOG.md'), packageJson: read('package.json') })
  if ('notes' in result) console.log(result.notes)
  else console.error(result.problem)
  return 'notes' in result ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = main(process.argv[2] ?? '')
