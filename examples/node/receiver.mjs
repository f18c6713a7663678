// Receives webhooks behind Hookgate.
import { createServer } from 'node:http'

const done = new Set() // in a real app: a unique column, written in the transaction that does the work
createServer((req, res) => {
  req.resume() // the body is there to be read; this example does not need it
  if (!req.headers['hookgate-source']) { // the one rule: only a verified webhook has it
    res.writeHead(403).end('not a verified webhook')
    return
  }
  const key = req.headers['hookgate-idempotency-key']
  if (!done.has(key)) {
    done.add(key)
    console.log('processing', req.headers['hookgate-event-type'], req.headers['hookgate-id'])
  }
  res.end() // known or not, the answer is 200
}).listen(process.env.PORT, '127.0.0.1')
