// Package hookgate is the webhook gateway that lives in the reverse proxy: Caddy
// modules which verify, deduplicate and forward webhooks.
//
// The root holds no code. It imports the Caddy modules, so that
//
//	xcaddy build --with github.com/hookgate/hookgate
//
// builds a Caddy that has them, and it is the map of the repository:
//
//	verifier/      signature schemes as data; verify and sign
//	dedupe/        two-phase claims, in memory
//	gateway/       the receiving side: read, verify, claim, pass on; refusals; header hygiene. net/http, no Caddy
//	cli/           the subcommands of webhook; no Caddy
//	caddymodule/   the adapter: config structs, Caddyfile, lifecycle, placeholders, metrics
//	cmd/hookgate/  Caddy with these modules
//	bench/         load tests and comparisons, a Go module of its own
//	docs/          guarantees, schemes, Caddyfile reference, operating
//	examples/      ten-line apps that receive
//	testdata/      vectors, Caddyfiles, the list of cases and their tests
//
// Dependencies point one way: verifier and dedupe know nobody, gateway knows
// both, only caddymodule and this package know Caddy. A test holds it.
package hookgate

import (
	_ "github.com/hookgate/hookgate/caddymodule" // registers the modules
)
