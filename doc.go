// Package hookgate is the webhook gateway that lives in the reverse proxy: Caddy
// modules which verify, deduplicate, store and forward webhooks, and turned around
// sign and deliver them.
//
// The root holds no code. It imports the Caddy modules, so that
//
//	xcaddy build --with github.com/hookgate/hookgate
//
// builds a Caddy that has them, and it is the map of the repository:
//
//	verifier/      signature schemes as data; verify and sign
//	dedupe/        two-phase claims, in memory
//	store/         events, deliveries, attempts and keys; the committer; sqlite/, postgres/, and storetest/ for both
//	delivery/      the engine: what is due, attempts, schedules, how destinations fare, jobs
//	gateway/       the receiving side: read, verify, claim or store, answer; refusals; header hygiene. net/http, no Caddy
//	sender/        the sending side: applications, endpoints, messages, secrets, the guarded client
//	api/           the Svix wire format over sender: routes, JSON, tokens, OpenAPI
//	portal/        pages, sessions, links, temporary URLs, over sender and gateway
//	cli/           the subcommands of webhook; no Caddy
//	caddymodule/   the adapter: config structs, Caddyfile, lifecycle, placeholders, metrics
//	cmd/hookgate/  Caddy with these modules
//	bench/         load tests and comparisons, a Go module of its own
//	docs/          guarantees, schemes, Caddyfile reference, sending, the portal, operating, alerts
//	examples/      ten-line apps that receive
//	testdata/      vectors, Caddyfiles, the list of cases and their tests
//
// Dependencies point one way: verifier, dedupe and store know nobody, delivery knows
// store, gateway and sender know these, api knows sender, portal all of these;
// only caddymodule and this
// package know Caddy. A test holds it.
package hookgate

//go:generate go test . -run ^TestPresetDocs$ -update

import (
	_ "github.com/hookgate/hookgate/caddymodule" // registers the modules
)
