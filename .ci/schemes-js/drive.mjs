// The providers' own libraries judge webhooks that we signed, and sign some for us.
// It reads { cases, now } as JSON from stdin and prints { verdicts, signed } as the last
// line of stdout. verifier/libraries_test.go runs it.
import '@shopify/shopify-api/adapters/node'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { sign as githubSign, verify as githubVerify } from '@octokit/webhooks-methods'
import { Paddle } from '@paddle/paddle-node-sdk'
import { encodeSignatureHeader, isValidSignature } from '@sanity/webhook'
import { EventWebhook } from '@sendgrid/eventwebhook'
import { ApiVersion, shopifyApi } from '@shopify/shopify-api'
import { verifySlackRequest } from '@slack/bolt'
import { AwsLambdaReceiver } from '@zoom/rivet/users'
import { verifyKey } from 'discord-interactions'
import { WebhooksHelper } from 'square'
import Stripe from 'stripe'
import twilio from 'twilio'

const require = createRequire(import.meta.url)
const BoxWebhooks = require('./node_modules/box-node-sdk/lib/managers/webhooks.js').default
const { EventSubHttpBase } = require('./node_modules/@twurple/eventsub-http/lib/EventSubHttpBase.js')
const { getExpectedTwilioSignature } = require('twilio/lib/webhooks/webhooks')

const say = console.log
console.debug = console.log = console.error = () => {} // some of them chat

const stripe = new Stripe('sk_test_none')
const sendgrid = new EventWebhook()
const throwsNothing = (f) => {
	try {
		f()
		return true
	} catch {
		return false
	}
}

// One a provider: whether the library takes the webhook. Names of headers are in
// lower case.
const judges = {
	github: (c) => githubVerify(c.secret, c.body, c.headers['x-hub-signature-256']),
	stripe: (c) => throwsNothing(() => stripe.webhooks.constructEvent(c.body, c.headers['stripe-signature'], c.secret)),
	slack: (c) => throwsNothing(() => verifySlackRequest({ signingSecret: c.secret, headers: c.headers, body: c.body })),
	shopify: async (c) => {
		const api = shopifyApi({ apiKey: 'key', apiSecretKey: c.secret, hostName: 'app.example.com', apiVersion: ApiVersion.October25, isEmbeddedApp: false, logger: { log: () => {} } })
		const headers = { ...c.headers, 'x-shopify-topic': 'orders/create', 'x-shopify-shop-domain': 'a.myshopify.com', 'x-shopify-api-version': '2025-10', 'x-shopify-webhook-id': '1' }
		const result = await api.webhooks.validate({ rawBody: c.body, rawRequest: { method: 'POST', url: '/', headers }, rawResponse: {} })
		return result.valid
	},
	square: (c) => WebhooksHelper.verifySignature({ requestBody: c.body, signatureHeader: c.headers['x-square-hmacsha256-signature'], signatureKey: c.secret, notificationUrl: c.url }),
	twilio_json: (c) => twilio.validateRequestWithBody(c.secret, c.headers['x-twilio-signature'], c.url, c.body),
	paddle: (c) => new Paddle('pdl_sdbx_none').webhooks.isSignatureValid(c.body, c.secret, c.headers['paddle-signature']),
	zoom: async (c) => {
		const receive = new AwsLambdaReceiver({ webhooksSecretToken: c.secret }).start()
		return (await receive({ headers: c.headers, body: c.body, isBase64Encoded: false }, {})).statusCode === 200
	},
	discord: (c) => verifyKey(c.body, c.headers['x-signature-ed25519'], c.headers['x-signature-timestamp'], c.secret),
	sendgrid: (c) =>
		sendgrid.verifySignature(sendgrid.convertPublicKeyToECDSA(c.secret), c.body, c.headers['x-twilio-email-event-webhook-signature'], c.headers['x-twilio-email-event-webhook-timestamp']),
	box: (c) => BoxWebhooks.validateMessage(c.body, { ...c.headers, 'box-signature-version': '1', 'box-signature-algorithm': 'HmacSHA256' }, c.secret),
	twitch: (c) => {
		const name = (rest) => c.headers['twitch-eventsub-message-' + rest]
		return EventSubHttpBase.prototype._verifyData.call({ _secret: c.secret }, name('id'), name('timestamp'), c.body, name('signature'))
	},
	sanity: (c) => isValidSignature(c.body, c.headers['sanity-webhook-signature'], c.secret),
}

// What the libraries sign.
const signers = {
	github: async (c) => ({ 'X-Hub-Signature-256': await githubSign(c.secret, c.body) }),
	stripe: (c) => ({ 'Stripe-Signature': stripe.webhooks.generateTestHeaderString({ payload: c.body, secret: c.secret }) }),
	twilio_json: (c) => ({ 'X-Twilio-Signature': getExpectedTwilioSignature(c.secret, c.url, {}) }),
	sanity: async (c) => ({ 'sanity-webhook-signature': await encodeSignatureHeader(c.body, Date.now(), c.secret) }),
}

const { cases, now } = JSON.parse(await text(process.stdin))
// Paddle's library takes nothing that is older than five seconds, and to load all of
// them takes as long: their clock stands where the webhooks were signed.
const RealDate = Date
globalThis.Date = class extends RealDate {
	constructor(...args) {
		super(...(args.length ? args : [now]))
	}
	static now() {
		return now
	}
}
const verdicts = []
const signed = {}
for (const c of cases) {
	let verdict = false
	try {
		verdict = Boolean(await judges[c.scheme](c))
	} catch (e) {
		verdict = c.good ? String(e) : false // some of them throw where others say no
	}
	verdicts.push(verdict)
	if (c.good && signers[c.scheme]) signed[c.scheme] = await signers[c.scheme](c)
}
say(JSON.stringify({ verdicts, signed, judges: Object.keys(judges) }))
process.exit(0)
