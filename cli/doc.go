// Package cli holds the subcommands of the webhook command: tools around single
// webhooks (sign, verify, targets), the demo, and what an operator needs (sources,
// events, jobs, pause, resume, stats, backup, migrate), which ask a running gateway's admin
// API or read a store's file. It knows nothing of Caddy; what needs one is handed in
// as a [Host].
package cli
