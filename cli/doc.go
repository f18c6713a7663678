// Package cli holds the subcommands of the webhook command: sign, verify,
// targets and demo. It knows nothing of Caddy; what needs one is handed in as a
// [Host].
package cli
