// Package caddymodule is the adapter between Caddy and the rest of Hookgate:
// configuration structs, the Caddyfile, lifecycle, placeholders and metrics.
// Logic that would make sense without Caddy belongs elsewhere.
//
// Importing it registers the modules webhooks (an app), http.handlers.webhook,
// http.handlers.webhook_guard and http.handlers.webhook_health, and the command
// webhook.
package caddymodule
