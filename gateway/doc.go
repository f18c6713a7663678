// Package gateway is the receiving side: it reads a webhook, verifies it, drops
// it if it is a duplicate, and passes it on, at once or from a store. It is plain
// net/http and knows nothing of Caddy.
//
// [Source.Receive] is the way of an event, top to bottom. Around it stand the
// refusals ([Refusal], one JSON shape), the headers ([Strip], [Guard]), the
// memory bound of bodies nobody has verified yet ([Budget]) and the rule that
// tells a wrong clock of ours from a stale request.
//
// With [Forward] a source is a stored one: its [Queue] keeps the event, as a head
// that people can read and a body, before the sender is answered. [Source.Request]
// makes the request of each attempt from that, without what is withheld.
//
// What must outlive a reload of the configuration is in [Process] (all sources
// together) and [State] (one source); a [Source] is made anew by each reload.
package gateway
