// Package cli holds the subcommands of the webhook command: tools around single
// webhooks (sign, verify, targets, send --to), the demo, what an operator needs (sources,
// events, jobs, pause, resume, stats, backup, migrate, token revoke), which ask a running
// gateway's admin API or read a store's file, and what those need who send webhooks (app,
// event-type, endpoint, send), which ask the API with a token that token makes. It knows
// nothing of Caddy; what needs one is handed in as a [Host].
package cli
