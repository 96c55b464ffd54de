/** A PLC directory, or something before it, that says of a DID what is not so. What answers any server oddly, answers a directory, too. */

import type { Exchange, Fault } from '../odd-server.ts'
import { GATEWAYS } from './gateways.ts'
import { PORTALS } from './portals.ts'
import { REDIRECTS } from './redirects.ts'
import { JSON_TYPE } from './said.ts'
import { SLOW } from './slow.ts'

type Fields = Readonly<Record<string, unknown>>

/** What such an answer may come to while it lasts. */
export interface DirectoryFault extends Fault {
  /** It is a document, and names another place: until it is gone, accounts wait with that reason. */
  readonly isBelieved?: boolean
}

const DID_TYPE = { 'content-type': 'application/did+ld+json; charset=utf-8' }

function didOf({ incoming }: Exchange): string {
  return decodeURIComponent((incoming.url ?? '').slice(1))
}

/** The document that the directory has, changed. */
function changed(
  name: string,
  change: (document: Fields, exchange: Exchange) => Fields | Promise<Fields>,
  isBelieved = false,
): DirectoryFault {
  return {
    name,
    livedWith: !isBelieved,
    isBelieved,
    answer: async (exchange) => {
      const { body, status } = await exchange.real()
      const document = JSON.parse(body.toString()) as Fields
      exchange.say(status, DID_TYPE, status === 200 ? await change(document, exchange) : document)
    },
  }
}

function says(name: string, status: number, message: (did: string) => string, isBelieved = false): DirectoryFault {
  return {
    name,
    livedWith: !isBelieved,
    isBelieved,
    answer: (exchange) => exchange.say(status, JSON_TYPE, { message: message(didOf(exchange)) }),
  }
}

const PDS = { id: '#atproto_pds', type: 'AtprotoPersonalDataServer' }

function at(serviceEndpoint: unknown): Fields {
  return { service: [{ ...PDS, serviceEndpoint }] }
}

/** Endpoints that are none, or another place, by name. */
const ENDPOINTS: Readonly<Record<string, (exchange: Exchange) => unknown>> = {
  'another PDS': () => 'https://elsewhere.example',
  'a server that is there': ({ elsewhere }) => elsewhere,
  'another port of this machine': () => 'http://localhost:9',
  'a path': () => 'https://elsewhere.example/pds',
  'no URL': () => 'elsewhere',
  'another protocol': () => 'ftp://elsewhere.example',
  'an empty text': () => '',
  'an object': () => ({ uri: 'https://elsewhere.example' }),
}

const KEY = { id: '#atproto', controller: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }

const DOCUMENTS: readonly DirectoryFault[] = [
  ...Object.entries(ENDPOINTS).map(([name, endpoint]) =>
    changed(
      `a document that names ${name}`,
      (document, exchange) => ({ ...document, ...at(endpoint(exchange)) }),
      true,
    ),
  ),
  changed('a document without services', (document) => ({ ...document, service: [] }), true),
  changed('a document that lacks services', (document) => ({ ...document, service: undefined }), true),
  changed(
    'a document that names another PDS each second time',
    (document, { memory, incoming }) => {
      const n = (memory.get(`times ${incoming.url}`) as number | undefined) ?? 0
      memory.set(`times ${incoming.url}`, n + 1)
      return n % 2 === 0 ? { ...document, ...at('https://elsewhere.example') } : document
    },
    true,
  ),
  says('no longer available', 410, (did) => `DID not available: ${did}`, true),
  says('not registered', 404, (did) => `DID not registered: ${did}`),
  says('not available, of another DID', 410, () => `DID not available: did:plc:${'z'.repeat(24)}`),
  says('not registered, of another DID', 404, () => `DID not registered: did:plc:${'z'.repeat(24)}`),
  changed('a document of another DID', (document) => ({ ...document, id: `did:plc:${'z'.repeat(24)}` })),
  changed('a document without its DID', (document) => ({ ...document, id: undefined })),
  changed('a document with a second PDS', (document) => ({
    ...document,
    service: [
      ...(document['service'] as unknown[]),
      { ...PDS, id: '#other', serviceEndpoint: 'https://elsewhere.example' },
    ],
  })),
  changed('a document with the same service twice', (document) => ({
    ...document,
    service: [...(document['service'] as unknown[]), { ...PDS, serviceEndpoint: 'https://elsewhere.example' }],
  })),
  changed('a document whose services are a text', (document) => ({
    ...document,
    service: 'https://elsewhere.example',
  })),
  changed('a document with another handle', (document) => ({ ...document, alsoKnownAs: ['at://nobody.example'] })),
  changed('a document without keys', (document) => ({ ...document, verificationMethod: [] })),
  changed('a document with a key of another kind', (document) => ({
    ...document,
    verificationMethod: [
      {
        ...KEY,
        type: 'Ed25519VerificationKey2020',
        publicKeyMultibase: 'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK',
      },
    ],
  })),
  changed('a document with a key that is none', (document) => ({
    ...document,
    verificationMethod: [{ ...KEY, type: 'Multikey', publicKeyMultibase: 'zzzz' }],
  })),
  changed('a document of 30 kB', (document) => ({
    ...document,
    alsoKnownAs: ['https://x.example/', 'x'.repeat(30_000)],
  })),
  {
    name: 'the document of another account',
    livedWith: true,
    answer: async (exchange) => exchange.pass(await exchange.real(`/${didOf(exchange).slice(0, -1)}a`)),
  },
]

/** A directory that is out of order holds nothing up. */
export const DIRECTORIES: readonly DirectoryFault[] = [
  ...DOCUMENTS,
  ...[...PORTALS, ...REDIRECTS, ...GATEWAYS, ...SLOW].map(({ name, answer }) => ({ name, answer, livedWith: true })),
]

/** Names of those that are documents, or speak of a DID. */
export const OF_DOCUMENTS: ReadonlySet<string> = new Set(DOCUMENTS.map(({ name }) => name))
