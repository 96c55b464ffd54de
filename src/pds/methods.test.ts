/** What has to hold of an answer, against the official documents. */

import { readFileSync } from 'node:fs'
import { l } from '@atproto/lex-schema'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as exported from './methods.ts'

interface Document {
  readonly defs: {
    readonly main: {
      readonly type: string
      readonly output?: { readonly encoding: string; readonly schema?: { readonly required?: readonly string[] } }
    }
  }
}

const METHODS = Object.values(exported).filter((value) => value instanceof l.Query || value instanceof l.Procedure)

function documentOf(nsid: string): Document['defs']['main'] {
  const file = `lexicons-atproto/${nsid.replaceAll('.', '/')}.json`
  return (JSON.parse(readFileSync(file, 'utf8')) as Document).defs.main
}

/** Methods with JSON answers, and which fields the official document requires. */
const WITH_JSON = METHODS.flatMap((method) => {
  const { output } = documentOf(method.nsid)
  if (output?.schema === undefined) return []
  const required = output.schema.required ?? []
  return [{ name: method.nsid, schema: method.output.schema as l.Schema, required }]
})

function isAnswer(schema: l.Schema, body: unknown): boolean {
  return schema.safeParse(body).success
}

describe('a method that we call', () => {
  it.each(METHODS.map((method) => ({ name: method.nsid, method })))(
    '$name is one of the official ones',
    ({ method }) => {
      const { type, output } = documentOf(method.nsid)
      expect(method instanceof l.Query ? 'query' : 'procedure').toBe(type)
      expect(method.output.encoding).toBe(output?.encoding)
    },
  )

  it.each(WITH_JSON)('$name: an answer without a field that is required is none', ({ schema, required }) => {
    const property = fc.property(fc.jsonValue(), (body) => {
      const isWhole = typeof body === 'object' && body !== null && required.every((field) => Object.hasOwn(body, field))
      return isWhole || !isAnswer(schema, body)
    })
    fc.assert(property, { numRuns: 50 })
    for (const body of [null, [], '', 0, false, { status: 'login required' }, { error: 'x' }]) {
      expect(isAnswer(schema, body)).toBe(false)
    }
    expect(isAnswer(schema, {})).toBe(required.length === 0)
  })
})

describe('an answer', () => {
  const uri = `at://did:plc:${'a'.repeat(24)}/a.b.c/2222222222222`
  const cid = `bafyrei${'a'.repeat(52)}`

  it('may leave out what is optional, and what we do not read may be anything', () => {
    const { output } = exported.describeServer
    const body = {
      did: 'did:web:pds.example',
      availableUserDomains: ['.pds.example'],
      links: { privacyPolicy: 'none' },
    }
    expect(isAnswer(output.schema, body)).toBe(true)
    expect(isAnswer(exported.getRecord.output.schema, { uri, value: {} })).toBe(true)
    expect(isAnswer(exported.putRecord.output.schema, { uri, cid, commit: null, validationStatus: 1 })).toBe(true)
    expect(isAnswer(exported.deleteRecord.output.schema, { commit: { cid, rev: '3kmm22222222a' } })).toBe(true)
  })

  it('has URIs and CIDs that are some', () => {
    expect(isAnswer(exported.putRecord.output.schema, { uri, cid: 'bafyreibogus' })).toBe(false)
    expect(isAnswer(exported.putRecord.output.schema, { uri: 'https://pds.example/1', cid })).toBe(false)
  })
})
