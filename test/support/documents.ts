/** What commands print with `--json`, held to the schemas of docs/reference/json. */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { type Documented, DOCUMENTS, schemaOf } from '../../src/cli/json/documents.ts'

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
const validators = new Map<string, ValidateFunction>()

function validatorOf(command: Documented): ValidateFunction {
  const validate = validators.get(command) ?? ajv.compile(schemaOf(command))
  validators.set(command, validate)
  return validate
}

/**
 * Checks that a command has printed one document, as its schema describes it.
 *
 * @param args of the command, without the program
 * @param code that it ended with
 * @throws Error with each place that is not as described
 */
export function checkDocument(args: readonly string[], stdout: string, code: number | null): void {
  const document = JSON.parse(stdout) as { readonly command?: string; readonly ok?: boolean }
  const command = Object.keys(DOCUMENTS).find((name) => `${args.join(' ')} `.startsWith(`${name} `))
  if (command === undefined || document.command !== command) {
    throw new Error(`moods ${args.join(' ')} has printed a document of ${document.command}`)
  }
  if (document.ok !== (code === 0))
    throw new Error(`moods ${args.join(' ')} has ended with ${code}, and says ok: ${document.ok}`)
  const validate = validatorOf(command as Documented)
  if (validate(document)) return
  const places = (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${instancePath || 'the document'} ${message} ${JSON.stringify(params)}`
  })
  throw new Error(`moods ${args.join(' ')} --json is not as its schema describes it:\n${places.join('\n')}\n${stdout}`)
}
