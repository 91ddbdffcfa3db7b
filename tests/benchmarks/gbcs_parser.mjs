// Runs gbcs-parser over material.json and prints messages per second, with keys and without, as JSON.
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import parser from '@smartdcc/gbcs-parser'

const { messages, keys } = JSON.parse(readFileSync('material.json', 'utf-8'))
const rounds = Number(process.argv[2] ?? 5)
const held = new Map()
for (const { eui, type, pem, private: secret } of keys) {
  const key = secret ? createPrivateKey(pem) : createPublicKey(pem)
  held.set(`${eui.toLowerCase()}/${type}/${Boolean(secret)}`, key)
}
const text = (eui) =>
  (typeof eui === 'string' ? eui : Buffer.from(eui).toString('hex')).replace(/[^0-9a-fA-F]/g, '').toLowerCase()
const lookup = async (eui, type, secret) => {
  const key = held.get(`${text(eui)}/${type}/${Boolean(secret)}`)
  if (key === undefined) throw new Error('no key')
  return key
}
const none = async () => {
  throw new Error('no key')
}
const broker = '90b3d51f30000002'

async function rate(look, acb) {
  let best = Infinity
  let parsed = 0
  for (let round = 0; round < rounds; round++) {
    parsed = 0
    const start = process.hrtime.bigint()
    for (const message of messages) {
      try {
        await parser.parseGbcsMessage(message, look, acb)
        parsed++
      } catch {}
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e9)
  }
  return parsed / best
}

console.log(JSON.stringify({ verified: await rate(lookup, broker), plain: await rate(none) }))
